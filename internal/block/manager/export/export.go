// Package export is how the volumes of one back end reach their consumers: by the storage's own protocol where it has
// one, else through a target on this machine.
//
// A connection bears the id of its attachment. One that was made the old way (initialize_connection) has no attachment;
// its id is derived from volume and connector, and the volume's admin metadata remembers it, so that it is exported again
// after a restart. What must not live here: attach states and who may connect.
package export

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/target"
	"github.com/clinker/clinker/internal/fault"
)

// Storage is what exports need of a back end; a *driver.Backend.
type Storage interface {
	Features() driver.Features
	Device(ctx context.Context, v driver.Volume) (path string, err error)
	Connect(ctx context.Context, v driver.Volume, connectionID string, c block.Connector, readOnly bool) (block.ConnectionInfo, error)
	Disconnect(ctx context.Context, v driver.Volume, connectionID string) error
}

// Exports is the exports of one back end. It is safe for concurrent use.
type Exports struct {
	storage Storage
	target  target.Target

	mu   sync.Mutex
	open map[string]map[string]struct{} // connection ids by volume id, as far as this process made them
}

// New makes the exports of storage. t may be nil for storage that has a protocol of its own; with neither, volumes can be
// made but not connected.
func New(storage Storage, t target.Target) *Exports {
	return &Exports{storage: storage, target: t, open: make(map[string]map[string]struct{})}
}

// DriverVolume is what a driver is told of v.
func DriverVolume(v *block.Volume) driver.Volume {
	return driver.Volume{ID: v.BackendID(), SizeGiB: v.SizeGiB, Pool: v.Host.Pool(), ProjectID: v.ProjectID, Metadata: v.Metadata,
		Multiattach: v.Multiattach, ProviderID: v.ProviderID, ProviderLocation: v.ProviderLocation, ProviderAuth: v.ProviderAuth}
}

// DriverSnapshot is what a driver is told of s, a snapshot of v.
func DriverSnapshot(s *block.Snapshot, v *block.Volume) driver.Snapshot {
	return driver.Snapshot{ID: s.ID, Volume: DriverVolume(v), SizeGiB: s.VolumeSizeGiB, Metadata: s.Metadata,
		ProviderID: s.ProviderID, ProviderLocation: s.ProviderLocation, ProviderAuth: s.ProviderAuth}
}

// Connect exports the volume to a consumer; c is nil when it is done again after a restart. Repeating it gives the same
// answer. fault.NotImplemented when there is neither a target nor a protocol of the storage's own.
func (e *Exports) Connect(ctx context.Context, v *block.Volume, id string, c block.Connector, readOnly bool) (block.ConnectionInfo, error) {
	e.note(v.ID, id)
	if e.storage.Features().Connector {
		return e.storage.Connect(ctx, DriverVolume(v), id, c, readOnly)
	}
	if e.target == nil {
		return block.ConnectionInfo{}, fault.New(fault.NotImplemented, "", "The back end of volume %s cannot be connected to.", v.ID)
	}
	path, err := e.storage.Device(ctx, DriverVolume(v))
	if err != nil {
		return block.ConnectionInfo{}, err
	}
	return e.target.Connect(ctx, target.Connection{ID: id, VolumeID: v.ID, Device: path, SizeBytes: v.SizeGiB * block.GiB,
		ReadOnly: readOnly, Connector: c})
}

// Disconnect ends an export and severs its consumer; an unknown one is no error.
func (e *Exports) Disconnect(ctx context.Context, v *block.Volume, id string) error {
	var err error
	switch {
	case e.storage.Features().Connector:
		err = e.storage.Disconnect(ctx, DriverVolume(v), id)
	case e.target != nil:
		err = e.target.Disconnect(ctx, id)
	}
	if err == nil {
		e.forget(v.ID, id)
	}
	return err
}

// Resize tells the consumers of a volume that it has grown to v.SizeGiB, as far as the protocol can.
func (e *Exports) Resize(ctx context.Context, v *block.Volume) error {
	if e.target == nil || e.storage.Features().Connector {
		return nil
	}
	return e.target.Resize(ctx, v.ID, v.SizeGiB*block.GiB)
}

// DisconnectAll ends every export the volume has: by its attachments, by its admin metadata, and those of this process
// that neither knows any more.
func (e *Exports) DisconnectAll(ctx context.Context, v *block.Volume) error {
	ids := make(map[string]struct{})
	for _, a := range v.Attachments {
		ids[a.ID] = struct{}{}
	}
	for id := range Legacy(v) {
		ids[id] = struct{}{}
	}
	e.mu.Lock()
	maps.Copy(ids, e.open[v.ID])
	e.mu.Unlock()
	var errs []error
	for id := range ids {
		errs = append(errs, e.Disconnect(ctx, v, id))
	}
	return errors.Join(errs...)
}

// Restore exports again what the volume's rows say was exported when the service went down.
func (e *Exports) Restore(ctx context.Context, v *block.Volume) error {
	var errs []error
	for _, a := range v.Attachments {
		if len(a.Connection) == 0 {
			continue
		}
		_, err := e.Connect(ctx, v, a.ID, nil, ReadOnly(v, a.AttachMode))
		errs = append(errs, err)
	}
	for id, mode := range Legacy(v) {
		_, err := e.Connect(ctx, v, id, nil, mode == "ro")
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (e *Exports) note(volumeID, id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open[volumeID] == nil {
		e.open[volumeID] = make(map[string]struct{})
	}
	e.open[volumeID][id] = struct{}{}
}

func (e *Exports) forget(volumeID, id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.open[volumeID], id)
	if len(e.open[volumeID]) == 0 {
		delete(e.open, volumeID)
	}
}

// ReadOnly says whether a consumer that attaches in this mode ("rw", "ro", "null" or empty) gets to read only.
func ReadOnly(v *block.Volume, mode string) bool {
	if mode == "ro" {
		return true
	}
	if attached, ok := v.AdminMetadata["attached_mode"]; ok {
		return attached == "ro"
	}
	return v.ReadOnly()
}

// legacyPrefix begins the admin metadata keys of connections made the old way; what follows is the connection's id, and
// the value is its mode. No view shows admin metadata other than readonly and attached_mode.
const legacyPrefix = "connection:"

// LegacyKey is the admin metadata key of a connection made the old way.
func LegacyKey(id string) string { return legacyPrefix + id }

// Legacy is the connections that were made the old way: mode ("rw", "ro") by connection id.
func Legacy(v *block.Volume) map[string]string {
	var m map[string]string
	for key, mode := range v.AdminMetadata {
		if id, ok := strings.CutPrefix(key, legacyPrefix); ok {
			if m == nil {
				m = make(map[string]string)
			}
			m[id] = mode
		}
	}
	return m
}

// LegacyKeys is the admin metadata keys of all connections that were made the old way.
func LegacyKeys(v *block.Volume) []string {
	var keys []string
	for id := range Legacy(v) {
		keys = append(keys, LegacyKey(id))
	}
	slices.Sort(keys)
	return keys
}

// LegacyID is the id of the connection of a volume to a connector that has no attachment: always the same for the same
// host and initiator.
func LegacyID(volumeID string, c block.Connector) (string, error) {
	space, err := uuid.Parse(volumeID)
	if err != nil {
		return "", block.InvalidInput("%q is not the id of a volume.", volumeID)
	}
	return uuid.NewSHA1(space, []byte(c.Text("host")+"\x00"+c.Text("initiator"))).String(), nil
}
