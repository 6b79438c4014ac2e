package attach

import (
	"context"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// Initialize exports a volume to a connector that has no attachment. The admin metadata remembers the connection before
// it is made, so that a restart in between leaves an export too many rather than one too few.
func (s *Service) Initialize(ctx context.Context, m *rpcapi.InitializeConnection) (block.ConnectionInfo, error) {
	var none block.ConnectionInfo
	v, err := s.ours(ctx, s.Store, m.VolumeID)
	if err != nil {
		return none, err
	}
	id, err := export.LegacyID(v.ID, m.Connector)
	if err != nil {
		return none, err
	}
	readOnly, mode := export.ReadOnly(v, m.Connector.Text("mode")), "rw"
	if readOnly {
		mode = "ro"
	}
	_, known := export.Legacy(v)[id]
	err = s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.ours(ctx, tx, v.ID); err != nil {
			return err // it has just moved
		}
		if err := store.Using(ctx, tx, v.ID); err != nil {
			return err
		}
		return tx.PutVolumeAdminMetadata(ctx, v.ID, map[string]string{export.LegacyKey(id): mode})
	})
	if err != nil {
		return none, err
	}
	info, err := s.connect(ctx, v, id, m.Connector, readOnly)
	if err != nil {
		if !known {
			err = s.giveUp(ctx, v, id, err)
		}
		return none, fault.Wrap(err, fault.KindOf(err), "VolumeBackendAPIException", "Bad or unexpected response from the "+
			"storage volume backend API: Driver initialize connection failed (error: %s).", fault.UserText(err))
	}
	return info, nil
}

func (s *Service) connect(ctx context.Context, v *block.Volume, id string, c block.Connector, readOnly bool) (block.ConnectionInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	info, err := s.Exports.Connect(ctx, v, id, c, readOnly)
	if err != nil {
		return info, err
	}
	info.Data, err = s.connection(ctx, v, info, readOnly, c)
	return info, err
}

// giveUp takes a connection back that failed for cause, which it returns.
func (s *Service) giveUp(ctx context.Context, v *block.Volume, id string, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Timeout)
	defer cancel()
	if err := s.drop(ctx, v, id); err != nil {
		return fault.Wrap(err, fault.KindOf(cause), fault.NameOf(cause), "%s", fault.UserText(cause))
	}
	return cause
}

// drop ends a connection made the old way and forgets it.
func (s *Service) drop(ctx context.Context, v *block.Volume, id string) error {
	if err := s.Exports.Disconnect(ctx, v, id); err != nil {
		return err
	}
	return s.Store.Update(ctx, func(tx store.Tx) error {
		err := tx.DeleteVolumeAdminMetadata(ctx, v.ID, export.LegacyKey(id))
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		return err
	})
}

// Terminate ends the connection of one connector, or with none every connection made the old way.
func (s *Service) Terminate(ctx context.Context, m *rpcapi.TerminateConnection) error {
	v, err := s.ours(ctx, s.Store, m.VolumeID)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	ids := export.Legacy(v)
	if m.Connector != nil {
		id, err := export.LegacyID(v.ID, m.Connector)
		if err != nil {
			return err
		}
		ids = map[string]string{id: ""}
	}
	for id := range ids {
		if err := s.drop(ctx, v, id); err != nil {
			return fault.Wrap(err, fault.KindOf(err), "VolumeBackendAPIException", "Bad or unexpected response from the "+
				"storage volume backend API: Terminate volume connection failed: %s", fault.UserText(err))
		}
	}
	return nil
}

// Attach records that a consumer uses the volume. Invalid InvalidVolume when it is in use and not multiattach, being
// attached in another mode, in an error state, or in the hands of another operation; Invalid InvalidVolumeAttachMode when it is read-only and mode is not "ro". The consumer that
// is recorded already gets its attachment again.
func (s *Service) Attach(ctx context.Context, m *rpcapi.AttachVolume) (*block.Attachment, error) {
	if m.InstanceUUID != "" && uuid.Validate(m.InstanceUUID) != nil {
		return nil, fault.New(fault.Invalid, "InvalidUUID", "Expected a uuid but received %.40q.", m.InstanceUUID)
	}
	var a, before *block.Attachment
	var v *block.Volume
	ctx, release, err := s.Locks.Take(ctx, block.LockAttaching(m.VolumeID))
	if err != nil {
		return nil, err
	}
	defer release()
	host := hostname(m.HostName)
	err = s.Store.Update(ctx, func(tx store.Tx) (err error) {
		if v, err = s.ours(ctx, tx, m.VolumeID); err != nil {
			return err
		}
		// Upstream takes any status, and so lets an attach that comes after a delete keep a row whose storage is going.
		held := v.Status == block.VolumeRetyping || v.Status == block.VolumeMaintenance
		if held || !v.Migrating() && !v.StatusFollowsAttachments() {
			return block.InvalidVolume("Volume %s cannot be attached while its status is %s.", v.ID, v.Status)
		}
		before = recorded(v, m.InstanceUUID, host)
		if a = before; a == nil {
			if err := attachable(v, m.Mode); err != nil {
				return err
			}
			a = &block.Attachment{ID: uuid.NewString(), VolumeID: v.ID, ProjectID: v.ProjectID, InstanceUUID: m.InstanceUUID,
				AttachedHost: host, Mountpoint: m.Mountpoint, AttachTime: s.Now().UTC(), AttachStatus: block.AttachAttached,
				AttachMode: m.Mode}
			if err := tx.CreateAttachment(ctx, a); err != nil {
				return err
			}
			if err := tx.PutVolumeAdminMetadata(ctx, v.ID, map[string]string{"attached_mode": m.Mode}); err != nil {
				return err
			}
		}
		if err := store.Using(ctx, tx, v.ID); err != nil {
			return err
		}
		_, err = tx.UpdateVolume(ctx, v.ID, store.VolumeWhen{},
			store.VolumeSet{Status: new(block.VolumeInUse), AttachStatus: new(block.AttachAttached)})
		return err
	})
	if err != nil {
		// Of a refusal because of the volume's status upstream leaves no message, nor is one needed: the caller waits for it.
		if !fault.Is(err, fault.Invalid) || fault.NameOf(err) == invalidMode {
			s.Tell(ctx, v, block.MessageAttachVolume, block.MessageUnknownError, err)
		}
		return nil, err
	}
	if before == nil {
		s.Notify(ctx, "attach.start", v)
		s.Notify(ctx, "attach.end", v)
	}
	return a, nil
}

// recorded is the attachment that this instance, or without one this host, has already.
func recorded(v *block.Volume, instanceUUID, host string) *block.Attachment {
	for i, a := range v.Attachments {
		if instanceUUID != "" && a.InstanceUUID == instanceUUID || instanceUUID == "" && host != "" && a.AttachedHost == host {
			return &v.Attachments[i]
		}
	}
	return nil
}

// invalidMode is upstream's name of a mode that the volume does not allow.
const invalidMode = "InvalidVolumeAttachMode"

func attachable(v *block.Volume, mode string) error {
	if before := v.AdminMetadata["attached_mode"]; v.Status == block.VolumeAttaching && before != "" && before != mode {
		return block.InvalidVolume("being attached by different mode")
	}
	if v.Status == block.VolumeInUse && !v.Multiattach && v.MigrationStatus == "" {
		return block.InvalidVolume("volume is already attached and multiple attachments are not enabled")
	}
	if v.ReadOnly() && mode != "ro" {
		return fault.New(fault.Invalid, invalidMode, "Invalid attaching mode '%s' for volume %s.", mode, v.ID)
	}
	return nil
}

var notInHostnames = regexp.MustCompile(`[^\w.-]+`)

// hostname is a host's name with what does not belong into one taken out, as upstream does before it stores it.
func hostname(s string) string {
	s = strings.NewReplacer(" ", "-", "_", "-").Replace(s)
	return strings.Trim(strings.ToLower(notInHostnames.ReplaceAllString(s, "")), ".-")
}

// Detach ends an attachment the old way. Without an id it is the only one there is; Invalid InvalidVolume when there are
// several. A volume without attachments becomes available.
func (s *Service) Detach(ctx context.Context, m *rpcapi.DetachVolume) error {
	ctx, release, err := s.Locks.Take(ctx, block.LockDetaching(m.VolumeID))
	if err != nil {
		return err
	}
	defer release()
	v, err := s.ours(ctx, s.Store, m.VolumeID)
	if err != nil {
		return err
	}
	id := m.AttachmentID
	switch {
	case id != "":
	case len(v.Attachments) == 1:
		id = v.Attachments[0].ID
	case len(v.Attachments) > 1:
		return block.InvalidVolume("Detach volume failed: More than one attachment, but no attachment_id provided.")
	}
	if _, ok := find(v, id); !ok {
		return s.Store.Update(ctx, func(tx store.Tx) error { return store.Settle(ctx, tx, v.ID) })
	}
	return s.Delete(ctx, &rpcapi.AttachmentDelete{VolumeID: v.ID, AttachmentID: id})
}
