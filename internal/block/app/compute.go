package app

import (
	"context"
	"errors"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/nova"
	"github.com/clinker/clinker/internal/reqctx"
)

// Compute is the compute service as use cases need it; nova.Service has the contract, and more.
type Compute interface {
	AttachmentOf(ctx context.Context, serverID, volumeID string) (attachmentID string, err error)
}

// FromService reports whether the caller is another service: it sent a service token with one of the roles that
// [keystone_authtoken] service_token_roles lists.
func (c *Core) FromService(ctx context.Context) bool {
	roles := reqctx.From(ctx).ServiceRoles
	return slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(c.Options.ServiceTokenRoles, role) })
}

// CheckDetach refuses to end attachments (an empty id: the only one of v) by one of which a server uses the volume right now, unless
// another service asks: its host would keep a device that soon holds another project's bytes (bug 2004555, CVE-2023-2088). The
// compute service is asked, as the caller; where there is none, no server uses anything. Faults: Conflict
// ConflictNovaUsingAttachment; Invalid for another volume's attachment; Unavailable if the compute service does not answer.
// Upstream: cinder/volume/api.py attachment_deletion_allowed.
func (c *Core) CheckDetach(ctx context.Context, v *block.Volume, attachmentIDs ...string) error {
	if c.FromService(ctx) {
		return nil
	}
	for _, id := range attachmentIDs {
		if err := c.checkDetach(ctx, v, id); err != nil {
			return err
		}
	}
	return nil
}

func (c *Core) checkDetach(ctx context.Context, v *block.Volume, attachmentID string) error {
	if attachmentID == "" && len(v.Attachments) == 0 {
		return nil
	}
	if attachmentID == "" && len(v.Attachments) == 1 {
		attachmentID = v.Attachments[0].ID
	}
	i := slices.IndexFunc(v.Attachments, func(a block.Attachment) bool { return a.ID == attachmentID })
	if i < 0 {
		if attachmentID != "" {
			if _, err := c.Store.Attachment(ctx, attachmentID, ""); !fault.Is(err, fault.NotFound) {
				return errors.Join(err, block.InvalidInput("Mismatched volume and attachment"))
			}
		}
		return c.usedByServer(ctx, v, "")
	}
	a := v.Attachments[i]
	if a.InstanceUUID == "" || len(a.Connection) == 0 {
		return nil
	}
	known := ""
	err := error(nova.ErrAbsent)
	if c.Compute != nil {
		known, err = c.Compute.AttachmentOf(ctx, a.InstanceUUID, v.ID)
	}
	switch {
	case errors.Is(err, nova.ErrAbsent):
		return nil
	case fault.Is(err, fault.NotFound) || err == nil && known != a.ID:
		c.Log.WarnContext(ctx, "the compute service does not know of an attachment that is deleted; its host may keep a device", "volume_id", v.ID,
			"attachment_id", a.ID, "server_id", a.InstanceUUID, "known_attachment_id", known)
		return nil
	case err != nil:
		return err
	}
	return c.usedByServer(ctx, v, a.InstanceUUID)
}

// usedByServer is the refusal.
func (c *Core) usedByServer(ctx context.Context, v *block.Volume, serverID string) error {
	c.Log.ErrorContext(ctx, "a user wants to end an attachment that a server uses; this has to come from the compute service, "+
		"which has to send its service token (bug 2004555)", "volume_id", v.ID, "server_id", serverID)
	return fault.New(fault.Conflict, "ConflictNovaUsingAttachment", "Detach volume from instance %s using the Compute API", serverID)
}
