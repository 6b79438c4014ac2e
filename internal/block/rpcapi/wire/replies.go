package wire

import (
	"encoding/json"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/arguments"
	vo "github.com/clinker/clinker/internal/oslo/versionedobjects"
)

// attachmentOf is the attachment that an object stands for.
func attachmentOf(o *vo.Object) block.Attachment {
	return block.Attachment{ID: o.Text("id"), VolumeID: o.Text("volume_id"),
		Timestamps:   block.Timestamps{CreatedAt: o.Time("created_at"), UpdatedAt: o.Time("updated_at"), DeletedAt: o.Time("deleted_at")},
		InstanceUUID: o.Text("instance_uuid"), AttachedHost: o.Text("attached_host"), Mountpoint: o.Text("mountpoint"), AttachTime: o.Time("attach_time"),
		DetachTime: o.Time("detach_time"), AttachStatus: block.AttachStatus(o.Text("attach_status")), AttachMode: o.Text("attach_mode"),
		Connection: o.Dict("connection_info"), Connector: block.Connector(o.Dict("connector"))}
}

// manageableList is what a storage holds, as a list of objects of a class.
func manageableList(class string, entries []rpcapi.ManageableEntry) *vo.Object {
	members := []*vo.Object{}
	for _, entry := range entries {
		o := vo.New(class)
		for name, v := range map[string]any{"reference": textsOrNulls(entry.Reference), "size": entry.SizeGiB, "safe_to_manage": entry.SafeToManage,
			"reason_not_safe": arguments.OrNull(entry.ReasonNotSafe), "cinder_id": arguments.OrNull(entry.CinderID), "extra_info": nil} {
			o.Set(name, v)
		}
		if class == "ManageableSnapshot" {
			o.Set("source_reference", textsOrNulls(entry.Source))
		}
		members = append(members, o)
	}
	list := vo.New(class + "List")
	list.Set("objects", members)
	return list
}

// entries reads such a list. A driver that lists nothing answers with a plain list instead.
func entries(d *arguments.Decoder, class string) []rpcapi.ManageableEntry {
	if list, ok := d.Args[arguments.Answer].([]any); ok && len(list) == 0 {
		return nil
	}
	var list []rpcapi.ManageableEntry
	for _, o := range d.ObjectOf(arguments.Answer, class+"List").Objects("objects") {
		list = append(list, rpcapi.ManageableEntry{Reference: values(o.NullableMap("reference")), SizeGiB: o.Int("size"), SafeToManage: o.Bool("safe_to_manage"),
			ReasonNotSafe: o.Text("reason_not_safe"), CinderID: o.Text("cinder_id"), Source: values(o.NullableMap("source_reference"))})
	}
	return list
}

// textsOrNulls is a dictionary of JSON values as upstream's objects hold it: texts, or null.
func textsOrNulls(m map[string]any) map[string]*string {
	out := make(map[string]*string, len(m))
	for name, v := range m {
		out[name] = nil
		if v != nil {
			text := textOf(v)
			out[name] = &text
		}
	}
	return out
}

// values is the opposite; nil for nil and, since a reference says something, for an empty one.
func values(m map[string]*string) map[string]any {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]any, len(m))
	for name, v := range m {
		out[name] = nil
		if v != nil {
			out[name] = *v
		}
	}
	return out
}

// textOf is a JSON value as a text: a text as it stands.
func textOf(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, _ := json.Marshal(v) // it is a JSON value
	return string(b)
}
