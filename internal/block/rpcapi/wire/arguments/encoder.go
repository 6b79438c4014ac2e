// Package arguments writes and takes apart the named arguments of one message on the wire: what is common to all methods. The
// first error stays, and what is asked after it changes nothing, so that a method is written as a list of what it says.
//
// What must not live here: any method.
package arguments

import (
	"context"
	"encoding/json"
	"maps"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/objects"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
	vo "github.com/clinker/clinker/internal/oslo/versionedobjects"
)

// Keys beside the arguments, for Clinkers alone.
const (
	extraFlow = "flow" // the journal's id of the operation
	extraMore = "more" // what else the message says, as JSON
)

// TimestampLayout is how services write a time outside of objects: UTC, without a zone (oslo_utils' PERFECT_TIME_FORMAT).
const TimestampLayout = "2006-01-02T15:04:05.000000"

// Encoder collects the arguments of one message. Context, Store and Registry must be set, the rest may be.
type Encoder struct {
	Context  context.Context
	Store    store.Reader
	Registry *vo.Registry
	Manifest vo.Manifest       // what the receivers know; nil means the newest
	AtHand   rpcapi.AtHand     // rows that need not be read
	Args     map[string]any    // JSON values
	Extra    map[string]string // beside the arguments
	Err      error             // the first
}

// Fail notes an error.
func (e *Encoder) Fail(err error) {
	if e.Err == nil {
		e.Err = err
	}
}

// Set sets an argument to a JSON value.
func (e *Encoder) Set(name string, v any) { e.SetAll(map[string]any{name: v}) }

// SetAll sets several.
func (e *Encoder) SetAll(values map[string]any) {
	if e.Args == nil {
		e.Args = map[string]any{}
	}
	maps.Copy(e.Args, values)
}

// Flow says which operation of the journal the message belongs to; empty for none.
func (e *Encoder) Flow(id string) {
	if id != "" {
		e.beside(extraFlow, id)
	}
}

// More is what the arguments cannot say, for a Clinker that receives the message; too much of it is left out, because a
// receiver must do without it anyway when the sender is a Python service.
func (e *Encoder) More(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		e.Fail(fault.Wrap(err, fault.Internal, "", "what is beside a message cannot be written"))
		return
	}
	if len(b) < messaging.MaxExtra/2 {
		e.beside(extraMore, string(b))
	}
}

func (e *Encoder) beside(key, value string) {
	if e.Extra == nil {
		e.Extra = map[string]string{}
	}
	e.Extra[key] = value
}

// Object is the primitive form of an object, nil for nil.
func (e *Encoder) Object(o *vo.Object) any {
	if e.Err != nil || o == nil {
		return nil
	}
	p, err := e.Registry.Encode(o, e.Manifest)
	if err != nil {
		e.Fail(err)
		return nil
	}
	return p
}

// SetObject sets an argument to an object.
func (e *Encoder) SetObject(name string, o *vo.Object) { e.Set(name, e.Object(o)) }

// Read reads a row, unless there was an error already; then, and when it fails, it gives nil.
func Read[T any](e *Encoder, get func() (*T, error)) *T {
	if e.Err != nil {
		return nil
	}
	row, err := get()
	if err != nil {
		e.Fail(err)
		return nil
	}
	return row
}

// Volume reads a volume and its type, nil if it has none, unless they are at hand. After an error the volume is an empty one.
// The caller may change its fields.
func (e *Encoder) Volume(id string) (*block.Volume, *block.VolumeType) {
	if v := e.AtHand.Volume; v != nil && v.ID == id {
		own := *v
		return &own, e.VolumeType(v.VolumeTypeID)
	}
	v := Read(e, func() (*block.Volume, error) { return e.Store.Volume(e.Context, id, "") })
	if v == nil {
		return &block.Volume{}, nil
	}
	return v, e.VolumeType(v.VolumeTypeID)
}

// VolumeType reads a type; one that has been deleted meanwhile is nil, as Python sees it.
func (e *Encoder) VolumeType(id string) *block.VolumeType {
	if id == "" || e.Err != nil {
		return nil
	}
	if t := e.AtHand.Type; t != nil && t.ID == id {
		return t
	}
	t, err := e.Store.VolumeType(e.Context, id, "")
	if err != nil && !fault.Is(err, fault.NotFound) {
		e.Fail(err)
	}
	return t
}

// SetVolume sets an argument to a volume.
func (e *Encoder) SetVolume(name, id string) { e.SetObject(name, objects.Volume(e.Volume(id))) }

// SetSnapshot sets an argument to a snapshot and gives it; after an error it is an empty one.
func (e *Encoder) SetSnapshot(name, id string) *block.Snapshot {
	s := Read(e, func() (*block.Snapshot, error) { return e.Store.Snapshot(e.Context, id, "") })
	if s == nil {
		return &block.Snapshot{}
	}
	e.SetObject(name, objects.Snapshot(s))
	return s
}

// SetGroup sets an argument to a group and gives it; after an error it is an empty one.
func (e *Encoder) SetGroup(name, id string) *block.Group {
	g := Read(e, func() (*block.Group, error) { return e.Store.Group(e.Context, id, "") })
	if g == nil {
		return &block.Group{}
	}
	e.SetObject(name, objects.Group(g))
	return g
}

// SetGroupSnapshot sets an argument to a snapshot of a group.
func (e *Encoder) SetGroupSnapshot(name, id string) {
	if s := Read(e, func() (*block.GroupSnapshot, error) { return e.Store.GroupSnapshot(e.Context, id, "") }); s != nil {
		e.SetObject(name, objects.GroupSnapshot(s))
	}
}

// SetBackup sets an argument to a backup.
func (e *Encoder) SetBackup(name, id string) {
	if b := Read(e, func() (*block.Backup, error) { return e.Store.Backup(e.Context, id, "") }); b != nil {
		e.SetObject(name, objects.Backup(b))
	}
}

// QoS is what a type's QoS specs say, nil if it has none.
func (e *Encoder) QoS(t *block.VolumeType) map[string]string {
	if t == nil || t.QoSSpecsID == "" || e.Err != nil {
		return nil
	}
	q, err := e.Store.QoSSpecs(e.Context, t.QoSSpecsID)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil
	case err != nil:
		e.Fail(err)
		return nil
	}
	return q.Texts()
}

// GroupType is a group's type as a dictionary, which is empty if the group has none.
func (e *Encoder) GroupType(id string) map[string]any {
	if id == "" || e.Err != nil {
		return map[string]any{}
	}
	t, err := e.Store.GroupType(e.Context, id, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return map[string]any{}
	case err != nil:
		e.Fail(err)
		return map[string]any{}
	}
	specs := map[string]any{}
	for name, v := range t.Specs {
		specs[name] = nil
		if v != nil {
			specs[name] = *v
		}
	}
	return map[string]any{"id": t.ID, "name": t.Name, "is_public": t.IsPublic, "group_specs": specs}
}

// JSON ends the encoding: it writes v, unless there was an error.
func (e *Encoder) JSON(v any) (json.RawMessage, error) {
	if e.Err != nil {
		return nil, e.Err
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "", "a message cannot be written as JSON")
	}
	return b, nil
}

// OrNull is a text, or JSON's null for an empty one.
func OrNull[S ~string](s S) any {
	if s == "" {
		return nil
	}
	return string(s)
}

// NotNull is a list that is empty rather than null: Python hands some to its database as they are.
func NotNull(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// JSONOf is an object as a plain dictionary: dates without a zone, as oslo_serialization writes them.
func JSONOf(o *vo.Object) map[string]any {
	m := Plain(o)
	for name, v := range m {
		switch v := v.(type) {
		case time.Time:
			m[name] = v.UTC().Format(TimestampLayout)
		case map[string]any:
			if nested := o.Object(name); nested != nil {
				m[name] = JSONOf(nested)
			}
		}
	}
	return m
}
