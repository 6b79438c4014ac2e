package versionedobjects

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/clinker/clinker/internal/fault"
)

// Keys of the primitive form.
const (
	keyName      = "versioned_object.name"
	keyNamespace = "versioned_object.namespace"
	keyVersion   = "versioned_object.version"
	keyData      = "versioned_object.data"
	keyChanges   = "versioned_object.changes"
)

// Limits of what is decoded. Python's objects nest about five deep: a volume, its attachments, the list's members, and
// what these name.
const (
	maxDepth   = 24
	maxObjects = 20_000
)

// IsPrimitive says whether a JSON value is the primitive form of some object.
func IsPrimitive(v any) bool {
	m, ok := v.(map[string]any)
	_, named := m[keyName]
	return ok && named
}

// Decode reads an object from a JSON tree as encoding/json makes one (json.Number is taken too). Fields that the class
// does not have are left out, and fields that are missing are unset. What is not an object, a value of another type, or a
// null where none may be, is a fault.Invalid that says where; so are UnsupportedObjectError, for a class or a project that
// is not known, and IncompatibleObjectVersion, for a version newer than the registry's or of another major.
func (r *Registry) Decode(v any) (*Object, error) {
	d := decoder{r: r, left: maxObjects}
	return d.object(v, "", 0)
}

type decoder struct {
	r    *Registry
	left int // objects that may still come
}

func (d *decoder) object(v any, at string, depth int) (*Object, error) {
	if d.left--; d.left < 0 || depth > maxDepth {
		return nil, refuse(at, "nests deeper than %d or holds more than %d objects", maxDepth, maxObjects)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, refuse(at, "is no object")
	}
	c, came, err := d.class(m, at)
	if err != nil {
		return nil, err
	}
	if at == "" {
		at = c.Name
	}
	data, ok := m[keyData].(map[string]any)
	if !ok {
		return nil, refuse(at, "has no %s", keyData)
	}
	o := &Object{Class: c.Name, Version: came, Data: make(map[string]any, len(data))}
	for _, name := range sorted(data) {
		f, ok := c.fields[name]
		if !ok {
			continue
		}
		if o.Data[name], err = d.field(f, data[name], at+"."+name, depth); err != nil {
			return nil, err
		}
	}
	if o.Changes, err = changes(c, m[keyChanges], at); err != nil {
		return nil, err
	}
	return o, nil
}

// class finds what a primitive says it is, and the version without a fix's part.
func (d *decoder) class(m map[string]any, at string) (class, string, error) {
	name, ok1 := m[keyName].(string)
	namespace, ok2 := m[keyNamespace].(string)
	came, ok3 := m[keyVersion].(string)
	if !ok1 || !ok2 || !ok3 {
		return class{}, "", refuse(at, "needs %s, %s and %s", keyName, keyNamespace, keyVersion)
	}
	if namespace != d.r.namespace {
		return class{}, "", unsupported(namespace + "." + name)
	}
	c, ok := d.r.classes[name]
	if !ok {
		return class{}, "", unsupported(name)
	}
	v, ok := parseVersion(came)
	if !ok || v.major != c.version.major || v.newerThan(c.version) {
		return class{}, "", incompatible(c, came)
	}
	return c, fmt.Sprintf("%d.%d", v.major, v.minor), nil
}

// changes are the names among the changed fields that the class has.
func changes(c class, v any, at string) ([]string, error) {
	if v == nil {
		return nil, nil
	}
	names, err := texts(v)
	if err != nil {
		return nil, refuse(at, "has changes that are no list of names")
	}
	var known []string
	for _, n := range names {
		if _, ok := c.fields[n]; ok {
			known = append(known, n)
		}
	}
	return known, nil
}

func (d *decoder) field(f Field, v any, at string, depth int) (any, error) {
	if v == nil {
		if !f.Nullable {
			return nil, refuse(at, "must not be null")
		}
		return nil, nil
	}
	switch f.Kind {
	case Nested:
		o, err := d.object(v, at, depth+1)
		if err == nil && o.Class != f.Class {
			return nil, refuse(at, "is a %s and must be a %s", o.Class, f.Class)
		}
		return o, err
	case List:
		list, ok := v.([]any)
		if !ok {
			return nil, refuse(at, "is no list")
		}
		var objects []*Object
		for i, e := range list {
			o, err := d.object(e, fmt.Sprintf("%s[%d]", at, i), depth+1)
			if err == nil && o.Class != f.Class {
				err = refuse(at, "has a %s and must have %ss", o.Class, f.Class)
			}
			if err != nil {
				return nil, err
			}
			objects = append(objects, o)
		}
		return objects, nil
	}
	got, err := plain(f.Kind, v)
	if err != nil {
		return nil, refuse(at, "%s", err.Error())
	}
	return got, nil
}

// plain reads a value that is no object.
func plain(k Kind, v any) (any, error) {
	switch k {
	case String, UUID:
		return scalarText(v)
	case Integer:
		return integer(v)
	case Boolean:
		b, ok := v.(bool)
		return b, unless(ok, "is no boolean")
	case DateTime:
		s, _ := v.(string)
		t, err := parseTime(s)
		return t, err
	case Strings:
		return texts(v)
	case Dict:
		m, ok := v.(map[string]any)
		return m, unless(ok, "is no dictionary")
	case DictOfStrings:
		return mapOf(v, scalarText)
	case DictOfNullableStrings:
		return mapOf(v, func(v any) (*string, error) {
			if v == nil {
				return nil, nil
			}
			s, err := scalarText(v)
			return &s, err
		})
	}
	return nil, fmt.Errorf("is of a kind that is not read")
}

// scalarText is a text, or a number or boolean as upstream's String field makes a text of it.
func scalarText(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case float64:
		b, err := json.Marshal(v)
		return string(b), err
	case bool:
		if v {
			return "True", nil
		}
		return "False", nil
	}
	return "", fmt.Errorf("is no text")
}

// integer is a whole number, or the text of one.
func integer(v any) (int64, error) {
	switch v := v.(type) {
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v), nil
		}
	case json.Number:
		n, err := v.Int64()
		return n, unless(err == nil, "is no whole number")
	case string:
		n, err := json.Number(v).Int64()
		return n, unless(err == nil, "is no whole number")
	}
	return 0, fmt.Errorf("is no whole number")
}

// parseTime reads ISO 8601 as upstream writes it, and with a fraction or an offset, which it reads; a time without a zone
// is UTC.
func parseTime(s string) (time.Time, error) {
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			t = t.UTC().Truncate(time.Second)
			return t, unless(t.Year() >= 1 && t.Year() <= 9999, "is a time that cannot be written")
		}
	}
	return time.Time{}, fmt.Errorf("is no time")
}

func texts(v any) ([]string, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("is no list")
	}
	out := make([]string, 0, len(list))
	for _, e := range list {
		s, err := scalarText(e)
		if err != nil {
			return nil, fmt.Errorf("has an entry that is no text")
		}
		out = append(out, s)
	}
	return out, nil
}

func mapOf[V any](v any, read func(any) (V, error)) (map[string]V, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("is no dictionary")
	}
	out := make(map[string]V, len(m))
	for _, name := range sorted(m) {
		got, err := read(m[name])
		if err != nil {
			return nil, fmt.Errorf("has an entry that %w", err)
		}
		out[name] = got
	}
	return out, nil
}

func unless(ok bool, what string) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%s", what)
}

// refuse says what is wrong with a value, and where.
func refuse(at, format string, args ...any) error {
	if at == "" {
		at = "what was sent as an object"
	}
	return fault.New(fault.Invalid, "", "%s %s.", clip(at), fmt.Sprintf(format, args...))
}
