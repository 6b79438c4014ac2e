package versionedobjects

import (
	"slices"
	"time"

	"github.com/clinker/clinker/internal/fault"
)

// timeLayout is how upstream writes a date; what is below a second is dropped.
const timeLayout = "2006-01-02T15:04:05Z"

// Encode writes an object as a JSON tree (maps, []any, strings, int64, bool, nil). A manifest has it, and what is nested in
// it, written in the version that the manifest names if that is older: fields of later versions are left out. An object that
// came in an older version stays at it, as there is no way forward. A field that the class does not have, a value of a type
// that is not the field's, or nil where no null may be, is a mistake of the program: a fault.Internal that says where. A
// value that an enumeration does not have is one too, unless the field may be null: then null is sent, because a Python peer
// would refuse the whole message for a status it has never heard of.
func (r *Registry) Encode(o *Object, m Manifest) (map[string]any, error) {
	return r.encode(o, m, 0)
}

func (r *Registry) encode(o *Object, m Manifest, depth int) (map[string]any, error) {
	c, ok := r.classes[o.Class]
	if !ok || depth > maxDepth {
		return nil, fault.New(fault.Internal, "", "an object of class %q, %d deep, cannot be sent", o.Class, depth)
	}
	target, text := c.version, c.Version
	for _, older := range []string{o.Version, m[c.Name]} {
		if v, ok := parseVersion(older); ok && target.newerThan(v) {
			target, text = v, older
		}
	}
	data := make(map[string]any, len(o.Data))
	for _, name := range sorted(o.Data) {
		f, ok := c.fields[name]
		if !ok {
			return nil, fault.New(fault.Internal, "", "%s has no field %q", c.Name, name)
		}
		if since, ok := parseVersion(f.Since); ok && since.newerThan(target) {
			continue
		}
		v, err := r.encodeField(f, o.Data[name], m, depth)
		if err != nil {
			return nil, fault.Wrap(err, fault.Internal, "", "%s.%s cannot be sent", c.Name, name)
		}
		data[name] = v
	}
	p := map[string]any{keyName: c.Name, keyNamespace: r.namespace, keyVersion: text, keyData: data}
	if names := sent(o.Changes, data); len(names) > 0 {
		p[keyChanges] = names
	}
	return p, nil
}

// sent are those of the changed fields that are sent.
func sent(changes []string, data map[string]any) []any {
	var names []any
	for _, n := range changes {
		if _, ok := data[n]; ok {
			names = append(names, n)
		}
	}
	return names
}

func (r *Registry) encodeField(f Field, v any, m Manifest, depth int) (any, error) {
	if isNil(v) {
		if !f.Nullable {
			return nil, fault.New(fault.Internal, "", "it must not be null")
		}
		return nil, nil
	}
	switch f.Kind {
	case Nested:
		if o, ok := v.(*Object); ok && o.Class == f.Class {
			return r.encode(o, m, depth+1)
		}
	case List:
		if list, ok := v.([]*Object); ok {
			out := make([]any, 0, len(list))
			for _, o := range list {
				if o == nil || o.Class != f.Class {
					return nil, fault.New(fault.Internal, "", "it has an entry that is no %s", f.Class)
				}
				p, err := r.encode(o, m, depth+1)
				if err != nil {
					return nil, err
				}
				out = append(out, p)
			}
			return out, nil
		}
	default:
		if out, ok := encodePlain(f, v); ok {
			return out, nil
		}
	}
	return nil, fault.New(fault.Internal, "", "a %T is not what it holds", v)
}

// isNil says whether a value is null: nil itself, or a nil object. A nil map or slice is an empty one.
func isNil(v any) bool {
	o, ok := v.(*Object)
	return v == nil || ok && o == nil
}

func encodePlain(f Field, v any) (any, bool) {
	switch v := v.(type) {
	case string:
		if len(f.Values) > 0 && !slices.Contains(f.Values, v) {
			return nil, f.Nullable
		}
		return v, f.Kind == String || f.Kind == UUID
	case int64:
		return v, f.Kind == Integer
	case bool:
		return v, f.Kind == Boolean
	case time.Time:
		return v.UTC().Format(timeLayout), f.Kind == DateTime
	case []string:
		out := make([]any, 0, len(v))
		for _, s := range v {
			out = append(out, s)
		}
		return out, f.Kind == Strings
	case map[string]string:
		out := make(map[string]any, len(v))
		for k, s := range v {
			out[k] = s
		}
		return out, f.Kind == DictOfStrings
	case map[string]*string:
		out := make(map[string]any, len(v))
		for k, s := range v {
			out[k] = nil
			if s != nil {
				out[k] = *s
			}
		}
		return out, f.Kind == DictOfNullableStrings
	case map[string]any:
		if v == nil {
			v = map[string]any{}
		}
		return v, f.Kind == Dict
	}
	return nil, false
}
