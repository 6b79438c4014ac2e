package volumes

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// The old way to attach: the caller asks for a connection, uses it, and then says that it does. New clients use
// attachments instead.

// InitializeConnection exports the volume to a connector and says how to reach it.
func (u *Volumes) InitializeConnection(ctx context.Context, id string, c block.Connector) (block.ConnectionInfo, error) {
	var info block.ConnectionInfo
	v, err := u.connectable(ctx, id, "volume_extension:volume_actions:initialize_connection",
		"The volume connection cannot be initialized in maintenance mode.")
	if err != nil {
		return info, err
	}
	err = u.VolumeService.Call(ctx, v.Queue(), "3.0", rpcapi.MethodInitializeConnection,
		&rpcapi.InitializeConnection{VolumeID: id, Connector: c}, &info)
	return info, err
}

// TerminateConnection ends what InitializeConnection began, and takes a reservation back. A nil connector means all.
func (u *Volumes) TerminateConnection(ctx context.Context, id string, c block.Connector, force bool) error {
	v, err := u.connectable(ctx, id, "volume_extension:volume_actions:terminate_connection", "", "")
	if err != nil {
		return err
	}
	err = u.VolumeService.Call(ctx, v.Queue(), "3.0", rpcapi.MethodTerminateConnection,
		&rpcapi.TerminateConnection{VolumeID: id, Connector: c, Force: force}, nil)
	if err != nil {
		return err
	}
	return u.unreserve(ctx, id)
}

// AttachRequest says who uses a volume, the old way; one of InstanceUUID and HostName is given.
type AttachRequest struct{ InstanceUUID, HostName, Mountpoint, Mode string }

// Attach records that a consumer uses the volume. Mode is "rw" or "ro"; "rw" is refused for a read-only volume.
func (u *Volumes) Attach(ctx context.Context, id string, r AttachRequest) error {
	v, err := u.connectable(ctx, id, "volume_extension:volume_actions:attach", "The volume cannot be attached in maintenance mode.")
	if err != nil {
		return err
	}
	if v.ReadOnly() && r.Mode != "ro" {
		return fault.New(fault.Invalid, "InvalidVolumeAttachMode", "Invalid attaching mode '%s' for volume %s.", r.Mode, id)
	}
	if _, known := v.AdminMetadata["readonly"]; !known {
		err := u.Store.Update(ctx, func(tx store.Tx) error {
			return tx.PutVolumeAdminMetadata(ctx, id, map[string]string{"readonly": "False"})
		})
		if err != nil {
			return err
		}
	}
	return u.VolumeService.Call(ctx, v.Queue(), "3.0", rpcapi.MethodAttachVolume, &rpcapi.AttachVolume{VolumeID: id,
		InstanceUUID: r.InstanceUUID, HostName: r.HostName, Mountpoint: r.Mountpoint, Mode: r.Mode}, nil)
}

// DetachVolume records that the consumer of an attachment uses the volume no more; an empty attachmentID means the only
// attachment there is. Faults: those of CheckDetach.
func (u *Volumes) DetachVolume(ctx context.Context, id, attachmentID string) error {
	v, err := u.connectable(ctx, id, "volume_extension:volume_actions:detach", "The volume cannot be detached in maintenance mode.", attachmentID)
	if err != nil {
		return err
	}
	return u.VolumeService.Call(ctx, v.Queue(), "3.4", rpcapi.MethodDetachVolume,
		&rpcapi.DetachVolume{VolumeID: id, AttachmentID: attachmentID}, nil)
}

// ForceDetach ends a connection and its attachment whatever their state; for administrators.
func (u *Volumes) ForceDetach(ctx context.Context, id, attachmentID string, c block.Connector) error {
	v, err := u.connectable(ctx, id, "volume_extension:volume_admin_actions:force_detach", "", "", attachmentID)
	if err != nil {
		return err
	}
	err = u.VolumeService.Call(ctx, v.Queue(), "3.0", rpcapi.MethodTerminateConnection,
		&rpcapi.TerminateConnection{VolumeID: id, Connector: c, Force: true}, nil)
	if err != nil {
		return err
	}
	return u.VolumeService.Call(ctx, v.Queue(), "3.4", rpcapi.MethodDetachVolume,
		&rpcapi.DetachVolume{VolumeID: id, AttachmentID: attachmentID}, nil)
}

// connectable reads a volume that a back end has, refuses one in maintenance with text unless text is empty, and what CheckDetach refuses.
func (u *Volumes) connectable(ctx context.Context, id, rule, text string, ends ...string) (*block.Volume, error) {
	v, err := u.Volume(ctx, id, rule)
	if err != nil {
		return nil, err
	}
	if text != "" && v.Status == block.VolumeMaintenance {
		return nil, block.InvalidVolume("%s", text)
	}
	if v.Host == "" {
		return nil, block.InvalidVolume("Volume %s has not been scheduled to any host; its status is %s.", id, v.Status)
	}
	return v, u.CheckDetach(ctx, v, ends...)
}
