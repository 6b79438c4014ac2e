package listing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Filters says by what everybody may filter the lists of each resource, in the order in which GET resource_filters shows
// them. It is Cinder's resource_filters.json.
type Filters []ResourceFilters

// ResourceFilters are the filters of one resource.
type ResourceFilters struct {
	Resource string   `json:"resource"`
	Filters  []string `json:"filters"` // a name that ends in ~ is compared by part; it allows the name without it too
}

// BuiltinFilters are those of the file that Cinder 26 comes with.
func BuiltinFilters() Filters {
	return Filters{
		{"volume", []string{"name", "status", "metadata", "bootable", "migration_status", "availability_zone", "group_id", "size", "created_at",
			"updated_at", "consumes_quota"}},
		{"backup", []string{"name", "status", "volume_id"}},
		{"snapshot", []string{"name", "status", "volume_id", "metadata", "availability_zone", "consumes_quota"}},
		{"group", []string{"name"}},
		{"group_snapshot", []string{"name", "status", "group_id"}},
		{"attachment", []string{"volume_id", "status", "instance_id", "attach_status"}},
		{"message", []string{"resource_uuid", "resource_type", "event_id", "request_id", "message_level"}},
		{"pool", []string{"name", "volume_type"}},
		{"volume_type", []string{"is_public", "extra_specs"}},
	}
}

// Of gives the filters of a resource ("volume"); nil if there are none.
func (f Filters) Of(resource string) []string {
	for _, r := range f {
		if r.Resource == resource {
			return r.Filters
		}
	}
	return nil
}

// ParseFilters reads a file such as Cinder's resource_filters.json: {"volume": ["name", "status"], ...}. A resource that is
// left out has no filters but an administrator's. Its errors say where and why: text that is no such JSON, a resource that
// there is not or that is there twice, a filter that is no name or is there twice.
func ParseFilters(text []byte) (Filters, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	token, err := d.Token()
	if err == nil && token != json.Delim('{') {
		err = fmt.Errorf("it must be one object such as %s", filtersExample)
	}
	var all Filters
	for err == nil && d.More() {
		var r ResourceFilters
		if r, err = decodeResource(d); err == nil && all.has(r.Resource) {
			err = fmt.Errorf("resource %q is there twice", r.Resource)
		}
		all = append(all, r)
	}
	if err == nil {
		_, err = d.Token() // the closing brace
	}
	if err == nil {
		if _, after := d.Token(); !errors.Is(after, io.EOF) {
			err = errors.New("something follows after its end")
		}
	}
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("it ends too early")
		}
		return nil, fmt.Errorf("line %d: %w", 1+bytes.Count(text[:d.InputOffset()], []byte{'\n'}), err)
	}
	return all, nil
}

const filtersExample = `{"volume": ["name", "status"]}`

func (f Filters) has(resource string) bool {
	return slices.ContainsFunc(f, func(r ResourceFilters) bool { return r.Resource == resource })
}

// decodeResource reads one member of the object.
func decodeResource(d *json.Decoder) (r ResourceFilters, err error) {
	token, err := d.Token()
	if err != nil {
		return r, err
	}
	r.Resource, _ = token.(string)
	if builtin := BuiltinFilters(); !builtin.has(r.Resource) {
		names := make([]string, len(builtin))
		for i, b := range builtin {
			names[i] = b.Resource
		}
		return r, fmt.Errorf("there is no resource %q; accepted: %s", r.Resource, strings.Join(names, ", "))
	}
	err = d.Decode(&r.Filters)
	if _, wrongType := errors.AsType[*json.UnmarshalTypeError](err); wrongType || err == nil && r.Filters == nil {
		err = fmt.Errorf("the filters of %q must be a list of names such as %s", r.Resource, filtersExample)
	}
	if err != nil {
		return r, err
	}
	for i, name := range r.Filters {
		if !isFilterName(name) {
			return r, fmt.Errorf("%q is no filter of %q; accepted: a name of letters, digits, '_' and '-', which may end in '~'", name, r.Resource)
		}
		if slices.Contains(r.Filters[:i], name) {
			return r, fmt.Errorf("filter %q of %q is there twice", name, r.Resource)
		}
	}
	return r, nil
}

func isFilterName(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
	name = strings.TrimSuffix(name, "~")
	return name != "" && strings.Trim(name, letters) == ""
}
