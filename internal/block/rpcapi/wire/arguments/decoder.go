package arguments

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	vo "github.com/clinker/clinker/internal/oslo/versionedobjects"
)

// Answer is under what name a decoder has the answer to a call.
const Answer = "the answer"

// Decoder takes the arguments of one message apart. Context, Store, Registry and Args must be set. After the first error
// every value is zero.
type Decoder struct {
	Context  context.Context
	Store    store.Reader
	Registry *vo.Registry
	Args     map[string]any    // as encoding/json makes them
	Extra    map[string]string // beside the arguments, nil from a Python service
	Err      error             // the first
}

// Fail notes an error.
func (d *Decoder) Fail(err error) {
	if d.Err == nil {
		d.Err = err
	}
}

// Refuse notes that an argument is not what it should be.
func (d *Decoder) Refuse(name, format string, args ...any) {
	d.Fail(fault.New(fault.Invalid, "", "Argument %s %s.", name, fmt.Sprintf(format, args...)))
}

// Flow is the journal's id of the operation, empty for a message of a Python service.
func (d *Decoder) Flow() string { return d.Extra[extraFlow] }

// More reads what a sending Clinker put beside the arguments, and says whether there was any.
func (d *Decoder) More(into any) bool {
	text, ok := d.Extra[extraMore]
	if !ok {
		return false
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		d.Fail(fault.Wrap(err, fault.Invalid, "", "What is beside a message cannot be read."))
		return false
	}
	return true
}

// ObjectOf reads an argument as an object of one of the classes; null, or an argument that is missing, is nil.
func (d *Decoder) ObjectOf(name string, classes ...string) *vo.Object {
	v := d.Args[name]
	if v == nil || d.Err != nil {
		return nil
	}
	o, err := d.Registry.Decode(v)
	if err != nil {
		d.Fail(err)
		return nil
	}
	if !slices.Contains(classes, o.Class) {
		d.Refuse(name, "is a %s and must be a %s", o.Class, strings.Join(classes, " or a "))
		return nil
	}
	return o
}

// Object is objectOf for an argument that must be there.
func (d *Decoder) Object(name string, classes ...string) *vo.Object {
	o := d.ObjectOf(name, classes...)
	if o == nil && d.Err == nil {
		d.Refuse(name, "is missing")
	}
	return o
}

// ID is that of the object in an argument.
func (d *Decoder) ID(name string, classes ...string) string {
	o := d.Object(name, classes...)
	if d.Err == nil && o.Text("id") == "" {
		d.Refuse(name, "has no id")
	}
	return o.Text("id")
}

// as is the value of an argument, zero for null and for one that is missing.
func as[T any](d *Decoder, name, what string) T {
	v, ok := d.Args[name].(T)
	if !ok && d.Args[name] != nil {
		d.Refuse(name, "is no %s", what)
	}
	return v
}

// Text is a text, empty for null.
func (d *Decoder) Text(name string) string { return as[string](d, name, "text") }

// Flag is a boolean, false for null.
func (d *Decoder) Flag(name string) bool { return as[bool](d, name, "boolean") }

// Dict is a dictionary, nil for null.
func (d *Decoder) Dict(name string) Dict { return as[map[string]any](d, name, "dictionary") }

// Number is a whole number.
func (d *Decoder) Number(name string) int64 {
	f := as[float64](d, name, "number")
	if f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
		d.Refuse(name, "is no whole number")
		return 0
	}
	return int64(f)
}

// Required is a text that must be there.
func (d *Decoder) Required(name string) string {
	s := d.Text(name)
	if s == "" && d.Err == nil {
		d.Refuse(name, "is missing")
	}
	return s
}

// Texts is a list of texts.
func (d *Decoder) Texts(name string) []string { return textsIn(d, name, as[[]any](d, name, "list")) }

func textsIn(d *Decoder, name string, list []any) []string {
	var out []string
	for _, e := range list {
		s, ok := e.(string)
		if !ok {
			d.Refuse(name, "is no list of texts")
			return nil
		}
		out = append(out, s)
	}
	return out
}

// Dicts is a list of dictionaries.
func (d *Decoder) Dicts(name string) []map[string]any {
	var out []map[string]any
	for _, e := range as[[]any](d, name, "list") {
		m, ok := e.(map[string]any)
		if !ok {
			d.Refuse(name, "is no list of dictionaries")
			return nil
		}
		out = append(out, m)
	}
	return out
}

// Connector is the description of a consumer, nil for null.
func (d *Decoder) Connector(name string) block.Connector { return block.Connector(d.Dict(name)) }

// Spec reads a request_spec, which comes as an object from some of Python's methods and as a dictionary from others, as one
// dictionary: what is nested in it too. Null is an empty one.
func (d *Decoder) Spec(name string) Dict {
	v := d.Args[name]
	if v == nil || d.Err != nil {
		return nil
	}
	if vo.IsPrimitive(v) {
		return Plain(d.Object(name, "RequestSpec"))
	}
	return d.Dict(name)
}

// Dict is a dictionary of JSON values, or of those of an object.
type Dict map[string]any

// Plain is what an object has set, with what is nested in it made plain too.
func Plain(o *vo.Object) Dict {
	if o == nil {
		return nil
	}
	m := make(Dict, len(o.Data))
	for name, v := range o.Data {
		if nested, ok := v.(*vo.Object); ok {
			v = map[string]any(Plain(nested))
		}
		m[name] = v
	}
	return m
}

// Text is a text in it, empty for anything else.
func (m Dict) Text(name string) string {
	s, _ := m[name].(string)
	return s
}

// Number is a whole number in it, 0 for anything else.
func (m Dict) Number(name string) int64 {
	switch v := m[name].(type) {
	case int64:
		return v
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v)
		}
	}
	return 0
}

// Dict is a dictionary in it, nil for anything else.
func (m Dict) Dict(name string) Dict {
	v, _ := m[name].(map[string]any)
	return v
}

// Texts is a list of texts in it; what is no text is left out.
func (m Dict) Texts(name string) []string {
	switch v := m[name].(type) {
	case []string:
		return v
	case []any:
		var out []string
		for _, e := range v {
			if s, ok := e.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// Members are the ids of the volumes in a group, from the rows.
func (d *Decoder) Members(groupID string) []string {
	if d.Err != nil {
		return nil
	}
	volumes, err := d.Store.Volumes(d.Context, store.VolumeQuery{Equal: map[string][]string{"group_id": {groupID}}})
	if err != nil {
		d.Fail(err)
	}
	var ids []string
	for _, v := range volumes {
		ids = append(ids, v.ID)
	}
	return ids
}

// Pictures are the snapshots of a group snapshot, from the rows.
func (d *Decoder) Pictures(groupSnapshotID string) []*block.Snapshot {
	if d.Err != nil {
		return nil
	}
	snapshots, err := d.Store.Snapshots(d.Context, store.SnapshotQuery{Equal: map[string][]string{"group_snapshot_id": {groupSnapshotID}}})
	if err != nil {
		d.Fail(err)
	}
	return snapshots
}

// Zone is the availability zone of a back end's service, empty if there is none.
func (d *Decoder) Zone(host block.Host) string {
	if d.Err != nil {
		return ""
	}
	services, err := d.Store.Services(d.Context, store.ServiceQuery{Host: host.Backend(), Binary: block.BinaryVolume})
	if err != nil {
		d.Fail(err)
	}
	if len(services) == 0 {
		return ""
	}
	return services[0].AvailabilityZone
}
