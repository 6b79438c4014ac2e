// Package manage is the use cases of taking volumes that exist in storage under management, and of seeing what could be.
// Snapshots are managed, and both let go of, by the use cases in app/snapshots and app/volumes, beside their making and
// deleting.
package manage

import (
	"context"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
)

// Manage is the use cases of managing what exists. It is safe for concurrent use.
type Manage struct{ *app.Core }

// New makes the use cases over the shared parts.
func New(core *app.Core) *Manage { return &Manage{Core: core} }

// Where is the back end a request is about: one of the two is not empty.
type Where struct{ Host, Cluster string }

// VolumeRequest is what a caller asks of a volume to be managed. Zero fields were not given.
type VolumeRequest struct {
	Where             Where
	Reference         map[string]any // as the driver of the back end wants it
	Name, Description *string
	VolumeType        string // id or name
	AvailabilityZone  string
	Bootable          bool
	Metadata          map[string]string
}

// AuthorizeVolume checks whether the caller may manage volumes, before anything of the request is looked at.
func (u *Manage) AuthorizeVolume(ctx context.Context) error {
	return u.Authorize(ctx, "volume_extension:volume_manage")
}

// Volume enters a volume of unknown size and casts its managing to the volume service. It returns it as entered: managing.
// Whether the reference is any good shows later: else the volume is in error_managing. Invalid if the back end does not
// serve, or what is named is a volume already.
func (u *Manage) Volume(ctx context.Context, r VolumeRequest) (*block.Volume, error) {
	if err := u.AuthorizeVolume(ctx); err != nil {
		return nil, err
	}
	volType, err := u.volumeType(ctx, r.VolumeType)
	if err != nil {
		return nil, err
	}
	if err := u.refuseManaged(ctx, r.Reference); err != nil {
		return nil, err
	}
	if _, err := u.Store.TypeEncryption(ctx, volType.ID); err == nil {
		return nil, invalidType("Managing to an encrypted volume type is not supported.")
	} else if !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	service, err := u.Serving(ctx, r.Where)
	if fault.NameOf(err) == "ServiceNotFound" {
		what, value := "Host", r.Where.Host
		if value == "" {
			what, value = "Cluster", r.Where.Cluster
		}
		return nil, fault.New(fault.Invalid, "ServiceUnavailable", "%s '%s' not found", what, value)
	}
	if err != nil {
		return nil, err
	}
	if err := app.CheckMetadata(r.Metadata); err != nil {
		return nil, err
	}
	v := u.entry(ctx, r, volType, service)
	return v, u.enter(ctx, v, r.Reference)
}

// entry is the row of the volume. Its size is not known before the driver has looked.
func (u *Manage) entry(ctx context.Context, r VolumeRequest, volType *block.VolumeType, service *block.Service) *block.Volume {
	caller := reqctx.From(ctx)
	v := &block.Volume{ID: uuid.NewString(), UserID: caller.UserID, ProjectID: caller.ProjectID, UseQuota: true, Name: r.Name,
		Description: r.Description, VolumeTypeID: volType.ID, VolumeTypeName: volType.Name, Multiattach: volType.Multiattach(),
		Status: block.VolumeManaging, AttachStatus: block.AttachDetached, Host: block.Host(service.Host), ClusterName: service.ClusterName,
		AvailabilityZone: r.AvailabilityZone, Bootable: r.Bootable, Metadata: r.Metadata}
	if v.AvailabilityZone == "" {
		v.AvailabilityZone = service.AvailabilityZone
	}
	if host := block.Host(r.Where.Host); host.Pool() != "" {
		v.Host = host
	}
	v.SharedTargets = new(true) // upstream's row says nothing of the back end's targets, which stands for true
	v.CreatedAt = u.Now()
	return v
}

func (u *Manage) enter(ctx context.Context, v *block.Volume, ref map[string]any) error {
	msg := &rpcapi.ManageExisting{FlowID: app.NewOperationID(), VolumeID: v.ID, Reference: ref}
	op := app.Operation{ID: msg.FlowID, Name: rpcapi.FlowVolumeManage, Owner: v.Queue().Backend(),
		ResourceType: "volume", ResourceID: v.ID, State: msg}
	return u.HandOver(ctx, op, func(tx store.Tx) error {
		delta := quota.Delta{Volumes: 1, TypeID: v.VolumeTypeID, TypeName: v.VolumeTypeName}
		if err := u.Quota.Take(ctx, tx, v.ProjectID, delta, 0); err != nil {
			return err
		}
		return tx.CreateVolume(ctx, v)
	}, func(ctx context.Context) error {
		return u.VolumeService.Cast(ctx, v.Queue(), "3.0", rpcapi.MethodManageExisting, msg)
	})
}

// volumeType reads the type the caller named, or the default.
func (u *Manage) volumeType(ctx context.Context, nameOrID string) (*block.VolumeType, error) {
	if nameOrID == "" {
		return u.DefaultType(ctx)
	}
	t, err := u.TypeByNameOrID(ctx, nameOrID)
	if fault.Is(err, fault.NotFound) {
		err = invalidType("Cannot find requested '%s' volume type", nameOrID)
	}
	return t, err
}

func invalidType(format string, args ...any) error {
	return fault.New(fault.Invalid, "InvalidVolumeType", "Invalid volume type: "+format, args...)
}

// refuseManaged refuses a reference to a volume that there is.
func (u *Manage) refuseManaged(ctx context.Context, ref map[string]any) error {
	name, _ := ref["source-name"].(string)
	id, is := u.Options.Names.OrDefault().Volumes.ID(name)
	if !is {
		return nil
	}
	_, err := u.Store.Volume(ctx, id, "")
	switch {
	case err == nil:
		return block.InvalidVolume("Unable to manage existing volume. The volume is already managed")
	case fault.Is(err, fault.NotFound):
		return nil
	}
	return err
}

// ListRequest is which page of what a storage holds is asked for, and where.
type ListRequest struct {
	Where Where
	rpcapi.GetManageable
}

// SortKey is a key of a list's order: reference or size.
type SortKey = rpcapi.SortKey

// Entry is a volume or snapshot in a storage.
type Entry = rpcapi.ManageableEntry

// Volumes lists what a back end's storage holds. A back end whose driver knows no management shows nothing.
func (u *Manage) Volumes(ctx context.Context, r ListRequest) ([]Entry, error) {
	return u.list(ctx, r, rpcapi.MethodGetManageableVolumes)
}

// Snapshots is Volumes for snapshots.
func (u *Manage) Snapshots(ctx context.Context, r ListRequest) ([]Entry, error) {
	return u.list(ctx, r, rpcapi.MethodGetManageableSnapshots)
}

func (u *Manage) list(ctx context.Context, r ListRequest, method string) ([]Entry, error) {
	service, err := u.Serving(ctx, r.Where)
	if err != nil {
		return nil, err
	}
	var reply rpcapi.Manageable
	err = u.VolumeService.Call(ctx, service.Queue(), "3.10", method, &r.GetManageable, &reply)
	return reply.Entries, err
}

// Serving is the volume service of a back end, or of one of a cluster. NotFound ServiceNotFound if there is none; Invalid
// ServiceUnavailable if it is disabled or down.
func (u *Manage) Serving(ctx context.Context, w Where) (*block.Service, error) {
	return Serving(ctx, u.Core, w)
}

// Serving is Manage.Serving for other use cases.
func Serving(ctx context.Context, c *app.Core, w Where) (*block.Service, error) {
	q := store.ServiceQuery{Binary: block.BinaryVolume, ClusterName: block.Host(w.Cluster).Backend()}
	if w.Host != "" {
		q.Host = block.Host(w.Host).Backend()
	}
	found, err := c.Store.Services(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, s := range found {
		if w.Host != "" && s.Host != q.Host {
			continue // a host without a back end also finds its back ends
		}
		if s.Disabled || !s.Up(c.Now(), c.Options.ServiceDownTime) {
			return nil, fault.New(fault.Invalid, "ServiceUnavailable", "Service is unavailable at this time.")
		}
		return s, nil
	}
	if w.Host != "" {
		return nil, fault.New(fault.NotFound, "ServiceNotFound", "Service cinder-volume could not be found on host %s.", q.Host)
	}
	return nil, fault.New(fault.NotFound, "ServiceNotFound", "Service cinder-volume could not be found.")
}
