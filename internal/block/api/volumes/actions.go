package volumes

import (
	"context"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/member"
	uses "github.com/clinker/clinker/internal/block/app/volumes"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// Argument schemas of the actions (cinder/api/schemas/volume_actions.py and admin_actions.py).
const (
	anything     = `{}`
	flagArgument = `{"type": "object", "properties": {"FLAG": {"$ref": "parameter_types#/boolean"}}, "required": ["FLAG"], "additionalProperties": false}`

	attachArgument = `{"type": "object", "properties": {
		"instance_uuid": {"$ref": "parameter_types#/uuid"},
		"mountpoint": {"type": "string", "minLength": 1, "maxLength": 255},
		"host_name": {"type": "string", "maxLength": 255},
		"mode": {"type": "string", "enum": ["rw", "ro"]}},
		"required": ["mountpoint"], "anyOf": [{"required": ["instance_uuid"]}, {"required": ["host_name"]}], "additionalProperties": false}`
	detachArgument = `{"type": ["object", "null"], "properties": {"attachment_id": {"$ref": "parameter_types#/uuid_allow_null"}},
		"additionalProperties": false}`
	extendArgument = `{"type": "object", "properties": {"new_size": {"$ref": "parameter_types#/volume_size"}},
		"required": ["new_size"], "additionalProperties": false}`
	initializeArgument = `{"type": "object", "properties": {"connector": {"type": ["object", "string"]}},
		"required": ["connector"], "additionalProperties": false}`
	terminateArgument = `{"type": "object", "properties": {"connector": {"type": ["string", "object", "null"]}},
		"required": ["connector"], "additionalProperties": false}`
	resetArgument = `{"type": "object", "properties": {
		"status": {"type": ["string", "null"], "format": "volume_status"},
		"migration_status": {"type": ["string", "null"], "format": "volume_migration_status"},
		"attach_status": {"type": ["string", "null"], "format": "volume_attach_status"}},
		"additionalProperties": false}`
	forceDetachArgument = `{"type": "object", "properties": {
		"connector": {"type": ["string", "object", "null"]},
		"attachment_id": {"type": ["string", "null"]}}, "additionalProperties": false}`
)

func flag(name string) string { return strings.ReplaceAll(flagArgument, "FLAG", name) }

func (h handlers) actions() []wsgi.Action {
	const ours = "volume_extension:volume_actions:"
	return []wsgi.Action{
		h.action("os-attach", ours+"attach", attachArgument, h.attach),
		h.action("os-detach", ours+"detach", detachArgument, h.detach),
		h.action("os-reserve", ours+"reserve", anything, byID(h.uses.Reserve)),
		h.action("os-unreserve", ours+"unreserve", anything, byID(h.uses.Unreserve)),
		h.action("os-begin_detaching", ours+"begin_detaching", anything, byID(h.uses.BeginDetaching)),
		h.action("os-roll_detaching", ours+"roll_detaching", anything, byID(h.uses.RollDetaching)),
		answering200(h.action("os-initialize_connection", ours+"initialize_connection", initializeArgument, h.initializeConnection)),
		h.action("os-terminate_connection", ours+"terminate_connection", terminateArgument, h.terminateConnection),
		h.action("os-extend", "volume:extend", extendArgument, h.extend),
		answering200(h.action("os-set_bootable", "volume:update", flag("bootable"), h.setBootable)),
		h.action("os-update_readonly_flag", "volume:update_readonly_flag", flag("readonly"), h.setReadOnly),
	}
}

// AdminActions are the actions of administrators on volumes, a part of the extension os-admin-actions.
func AdminActions(u *uses.Volumes) []wsgi.Action {
	const admin = "volume_extension:volume_admin_actions:"
	h := handlers{uses: u}
	return []wsgi.Action{
		h.action("os-reset_status", admin+"reset_status", resetArgument, h.resetStatus),
		h.action("os-force_delete", admin+"force_delete", anything, h.forceDelete),
		h.action("os-force_detach", admin+"force_detach", forceDetachArgument, h.forceDetach),
		h.action("os-extend_volume_completion", admin+"extend_volume_completion", extendCompletionArgument, h.completeExtend),
	}
}

func (h handlers) action(name, rule, argument string, handler wsgi.Handler) wsgi.Action {
	return wsgi.Action{Resource: collection, Name: name, Schemas: actionSchema(name, argument), Policy: []string{rule}, Handler: handler}
}

func answering200(a wsgi.Action) wsgi.Action {
	a.Status = 200
	return a
}

// byID is the handler of an action that has no argument and no answer.
func byID(do func(ctx context.Context, id string) error) wsgi.Handler {
	return func(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
		return wsgi.Empty(), do(ctx, r.PathValue("id"))
	}
}

func (h handlers) attach(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	a := r.Body.Object("os-attach")
	mode := a.String("mode")
	if mode == "" {
		mode = "rw"
	}
	return wsgi.Empty(), h.uses.Attach(ctx, r.PathValue("id"), uses.AttachRequest{InstanceUUID: a.String("instance_uuid"),
		HostName: a.String("host_name"), Mountpoint: a.String("mountpoint"), Mode: mode})
}

func (h handlers) detach(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.DetachVolume(ctx, r.PathValue("id"), r.Body.Object("os-detach").String("attachment_id"))
}

func (h handlers) initializeConnection(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	c, err := member.Connector(r.Body.Object("os-initialize_connection"))
	if err != nil {
		return nil, err
	}
	info, err := h.uses.InitializeConnection(ctx, r.PathValue("id"), c)
	if err != nil {
		return nil, err
	}
	multipath, _ := c["enforce_multipath"].(bool)
	return wsgi.Value(map[string]any{"connection_info": map[string]any{
		"driver_volume_type": info.DriverVolumeType, "data": info.Data, "enforce_multipath": multipath}})
}

func (h handlers) terminateConnection(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	c, err := member.Connector(r.Body.Object("os-terminate_connection"))
	if err != nil {
		return nil, err
	}
	return wsgi.Empty(), h.uses.TerminateConnection(ctx, r.PathValue("id"), c, false)
}

func (h handlers) extend(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	size, _ := r.Body.Object("os-extend").Int("new_size")
	return wsgi.Empty(), h.uses.Extend(ctx, r.PathValue("id"), size, r.Version.AtLeast(microversion.V(3, 42)))
}

func (h handlers) setBootable(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.SetBootable(ctx, r.PathValue("id"), r.Body.Object("os-set_bootable").Bool("bootable"))
}

func (h handlers) setReadOnly(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.SetReadOnly(ctx, r.PathValue("id"), r.Body.Object("os-update_readonly_flag").Bool("readonly"))
}

func (h handlers) resetStatus(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	a := r.Body.Object("os-reset_status")
	var reset uses.Reset
	if s := strings.ToLower(a.String("status")); s != "" {
		reset.Status = new(block.VolumeStatus(s))
	}
	if s := strings.ToLower(a.String("attach_status")); s != "" {
		reset.AttachStatus = new(block.AttachStatus(s))
	}
	if s := strings.ToLower(a.String("migration_status")); s != "" {
		reset.MigrationStatus = &s
	}
	if reset == (uses.Reset{}) {
		return nil, fault.New(fault.Invalid, "InvalidParameterValue", "Must specify 'status', 'attach_status' or 'migration_status' for update.")
	}
	return wsgi.Empty(), h.uses.ResetStatus(ctx, r.PathValue("id"), reset)
}

func (h handlers) forceDelete(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.Delete(ctx, r.PathValue("id"), "volume_extension:volume_admin_actions:force_delete", true, false)
}

// forceDetach ends a connection and its attachment whatever their state.
func (h handlers) forceDetach(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	a := r.Body.Object("os-force_detach")
	c, err := member.Connector(a)
	if err != nil {
		return nil, err
	}
	if err := h.uses.ForceDetach(ctx, r.PathValue("id"), a.String("attachment_id"), c); err != nil {
		if fault.Is(err, fault.NotFound) && fault.NameOf(err) == "VolumeAttachmentNotFound" {
			return nil, fault.Wrap(err, fault.Invalid, "", "Error force detaching volume - VolumeAttachmentNotFound: %s", fault.UserText(err))
		}
		return nil, err
	}
	return wsgi.Empty(), nil
}
