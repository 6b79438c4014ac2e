// Package transfers is the use cases of handing a volume to another project: offer, look, withdraw, accept.
//
// Upstream's accept calls the volume service, because drivers there may keep secrets by project. None of ours does, so that
// an accept is rows alone: volume, snapshots, quota of both projects and the offer change in one transaction. The key of an
// encrypted volume changes its owner with it.
package transfers

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the form of the hash in Cinder's table, which Python services read
	"encoding/hex"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
)

// Lengths where the options say nothing, in hexadecimal digits.
const (
	defaultSaltLength = 8
	defaultKeyLength  = 16
)

// Transfers is the use cases of transfers. It is safe for concurrent use.
type Transfers struct{ *app.Core }

// New makes the use cases over the shared parts.
func New(core *app.Core) *Transfers { return &Transfers{Core: core} }

// CreateRequest is what a caller asks of a new transfer.
type CreateRequest struct {
	VolumeID       string
	Name           *string
	NoSnapshots    bool // leave the snapshots behind
	AllowEncrypted bool // the microversion (3.70) knows transfers of encrypted volumes
}

// Create offers an available volume. The key is given here and never again: only its hash is kept. Invalid if the volume,
// or a snapshot that goes along, is not available.
func (u *Transfers) Create(ctx context.Context, r CreateRequest) (t *block.Transfer, key string, err error) {
	v, err := u.VolumeUnread(ctx, r.VolumeID, "volume:create_transfer")
	if err != nil {
		return nil, "", err
	}
	if v.Status != block.VolumeAvailable {
		return nil, "", block.InvalidVolume("status must be available")
	}
	if v.GroupID != "" {
		return nil, "", inGroup(v)
	}
	if err := checkEncrypted(v, r); err != nil {
		return nil, "", err
	}
	u.Events.Volume(ctx, "transfer.create.start", v)
	salt := randomHex(cmp.Or(u.Options.TransferSaltLength, defaultSaltLength))
	key = randomHex(cmp.Or(u.Options.TransferKeyLength, defaultKeyLength))
	t = &block.Transfer{ID: uuid.NewString(), VolumeID: v.ID, Name: r.Name, NoSnapshots: r.NoSnapshots, SourceProjectID: v.ProjectID,
		Salt: salt, CryptHash: hash(salt, key)}
	t.CreatedAt = u.Now()
	err = u.update(ctx, v, caller, service, func(tx store.Tx) error {
		if err := checkSnapshots(ctx, tx, r); err != nil {
			return err
		}
		ok, err := tx.UpdateVolume(ctx, v.ID, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeAvailable}, NoGroup: true},
			store.VolumeSet{Status: new(block.VolumeAwaitingTransfer)})
		if err != nil {
			return err
		}
		if !ok {
			return block.InvalidVolume("Transfer %s: Volume id %s expected in available state.", t.ID, v.ID)
		}
		return tx.CreateTransfer(ctx, t)
	})
	if err != nil {
		return nil, "", err
	}
	u.TellVolume(ctx, "transfer.create.end", v.ID)
	return t, key, nil
}

// inGroup refuses a volume of a group: whoever has the group may delete it. Upstream asks for consistency groups of old alone.
func inGroup(v *block.Volume) error {
	return block.InvalidVolume("Volume %s must not be part of a group.", v.ID)
}

// checkEncrypted refuses what must not be done with an encrypted volume: its snapshots have its key, and so go where it goes.
func checkEncrypted(v *block.Volume, r CreateRequest) error {
	switch {
	case v.EncryptionKeyID == "":
		return nil
	case !r.AllowEncrypted:
		return block.InvalidVolume("transferring encrypted volume is not supported")
	case r.NoSnapshots:
		return block.InvalidVolume("transferring an encrypted volume without its snapshots is not supported")
	}
	return nil
}

func checkSnapshots(ctx context.Context, tx store.Tx, r CreateRequest) error {
	if r.NoSnapshots {
		return nil
	}
	snapshots, err := tx.Snapshots(ctx, store.SnapshotQuery{VolumeID: r.VolumeID})
	if err != nil {
		return err
	}
	for _, s := range snapshots {
		if s.Status != block.SnapshotAvailable {
			return block.InvalidSnapshot("snapshot: %s status must be available", s.ID)
		}
	}
	return nil
}

// Get reads one transfer of a volume the caller may see.
func (u *Transfers) Get(ctx context.Context, id string) (*block.Transfer, error) {
	if err := u.Authorize(ctx, "volume:get_transfer"); err != nil {
		return nil, err
	}
	return u.Store.Transfer(ctx, id, app.ProjectScope(ctx))
}

// List reads the transfers q chooses; allProjects is for administrators.
func (u *Transfers) List(ctx context.Context, q store.TransferQuery, allProjects bool) ([]*block.Transfer, error) {
	if err := u.Authorize(ctx, "volume:get_all_transfers"); err != nil {
		return nil, err
	}
	if r := reqctx.From(ctx); !r.IsAdmin || !allProjects {
		q.ProjectID = r.ProjectID
	}
	return u.Store.Transfers(ctx, q)
}

// Delete withdraws an offer; the volume becomes available again if it still awaits its transfer.
func (u *Transfers) Delete(ctx context.Context, id string) error {
	t, err := u.Store.Transfer(ctx, id, app.ProjectScope(ctx))
	if err != nil {
		return err
	}
	v, err := u.VolumeUnread(ctx, t.VolumeID, "volume:delete_transfer")
	if err != nil {
		return err
	}
	u.Events.Volume(ctx, "transfer.delete.start", v)
	err = u.update(ctx, v, service, caller, func(tx store.Tx) error {
		gone, err := tx.DestroyTransfer(ctx, id, "")
		if err != nil {
			return err
		}
		if !gone {
			return block.TransferNotFound(id)
		}
		_, err = tx.UpdateVolume(ctx, t.VolumeID, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeAwaitingTransfer}},
			store.VolumeSet{Status: new(block.VolumeAvailable)})
		return err
	})
	if err == nil {
		u.TellVolume(ctx, "transfer.delete.end", v.ID)
	}
	return err
}

// Accept makes the caller's project the owner of the volume, and of its snapshots unless the offer leaves them behind.
// Invalid InvalidAuthKey for a wrong key; OverLimit when the project has no quota for it. Of two who accept at once, one
// does.
func (u *Transfers) Accept(ctx context.Context, id, key string) (*block.Transfer, error) {
	if err := u.Authorize(ctx, "volume:accept_transfer"); err != nil {
		return nil, err
	}
	t, err := u.Store.Transfer(ctx, id, "")
	if err != nil {
		return nil, err
	}
	if !hmac.Equal([]byte(hash(t.Salt, key)), []byte(t.CryptHash)) {
		return nil, fault.New(fault.Invalid, "InvalidAuthKey", "Invalid auth key: Attempt to transfer %s with invalid auth key.", id)
	}
	v, err := u.Store.Volume(ctx, t.VolumeID, "")
	if err != nil {
		return nil, err
	}
	u.Events.Volume(ctx, "transfer.accept.start", v)
	if err := u.update(ctx, v, service, caller, func(tx store.Tx) error { return u.accept(ctx, tx, t) }); err != nil {
		return nil, err
	}
	u.TellVolume(ctx, "transfer.accept.end", t.VolumeID)
	return t, nil
}

func (u *Transfers) accept(ctx context.Context, tx store.Tx, t *block.Transfer) error {
	v, err := tx.Volume(ctx, t.VolumeID, "")
	if err != nil {
		return err
	}
	switch {
	case v.ConsistencyGroupID != "" || v.GroupID != "":
		return inGroup(v)
	case v.Status == block.VolumeMaintenance:
		return block.InvalidVolume("The volume cannot accept transfer in maintenance mode.")
	}
	done, err := tx.DestroyTransfer(ctx, t.ID, reqctx.From(ctx).ProjectID)
	if err != nil {
		return err
	}
	if !done {
		return block.TransferNotFound(t.ID)
	}
	if err := u.takeVolume(ctx, tx, t, v); err != nil {
		return err
	}
	if !t.NoSnapshots {
		if err := u.takeSnapshots(ctx, tx, t, v); err != nil {
			return err
		}
	}
	return u.Quota.Record(ctx, tx, v.ProjectID, v.VolumeTypeID, v.VolumeTypeName)
}

func (u *Transfers) takeVolume(ctx context.Context, tx store.Tx, t *block.Transfer, v *block.Volume) error {
	taker := reqctx.From(ctx)
	delta := quota.Delta{TypeID: v.VolumeTypeID, TypeName: v.VolumeTypeName}
	if v.UseQuota {
		delta.Volumes, delta.VolumeGiB = 1, v.SizeGiB
	}
	if err := u.Quota.Take(ctx, tx, taker.ProjectID, delta, v.SizeGiB); err != nil {
		return err
	}
	ok, err := tx.UpdateVolume(ctx, v.ID, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeAwaitingTransfer}},
		store.VolumeSet{Status: new(block.VolumeAvailable), UserID: &taker.UserID, ProjectID: &taker.ProjectID})
	if err == nil && !ok {
		err = block.InvalidVolume("Transfer %s: Volume id %s expected in awaiting-transfer state.", t.ID, v.ID)
	}
	return err
}

// takeSnapshots is takeVolume for the volume's snapshots; it comes after it, so that the volume counts already.
func (u *Transfers) takeSnapshots(ctx context.Context, tx store.Tx, t *block.Transfer, v *block.Volume) error {
	snapshots, err := tx.Snapshots(ctx, store.SnapshotQuery{VolumeID: v.ID})
	if err != nil || len(snapshots) == 0 {
		return err
	}
	taker := reqctx.From(ctx)
	delta := quota.Delta{TypeID: v.VolumeTypeID, TypeName: v.VolumeTypeName}
	for _, s := range snapshots {
		if s.UseQuota {
			delta.Snapshots++
			delta.SnapshotGiB += s.VolumeSizeGiB
		}
	}
	if err := u.Quota.Take(ctx, tx, taker.ProjectID, delta, 0); err != nil {
		return err
	}
	for _, s := range snapshots {
		ok, err := tx.UpdateSnapshot(ctx, s.ID, store.SnapshotWhen{Status: []block.SnapshotStatus{block.SnapshotAvailable}},
			store.SnapshotSet{UserID: &taker.UserID, ProjectID: &taker.ProjectID})
		if err != nil {
			return err
		}
		if !ok {
			return block.InvalidSnapshot("Transfer %s: Snapshot %s is not in the expected available state.", t.ID, s.ID)
		}
	}
	return nil
}

// hash is the form in which the key is kept.
func hash(salt, key string) string {
	mac := hmac.New(sha1.New, []byte(salt))
	mac.Write([]byte(key))
	return hex.EncodeToString(mac.Sum(nil))
}

// randomHex is this many random hexadecimal digits: what everybody's keyboard has.
func randomHex(length int) string {
	b := make([]byte, (length+1)/2)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)[:length]
}
