package migrate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/initiator"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// migrate moves v to b by a copy, and gives the id of what was made for it.
func (s *stage) migrate(v *block.Volume, change func(m *rpcapi.MigrateVolume)) (madeID string, err error) {
	m := &rpcapi.MigrateVolume{FlowID: uuid.NewString(), VolumeID: v.ID, Host: poolB, Destination: s.toB(false)}
	if change != nil {
		change(m)
	}
	return (&move{MigrateVolume: *m}).madeID(), s.a.Migrate(s.Context(), m)
}

func starting(v *block.Volume) { v.MigrationStatus = block.MigrationStarting }

// opened has f called whenever the volume that is copied to has been opened.
func (s *stage) opened(f func()) {
	open := s.a.Open
	s.a.Open = func(ctx context.Context, info block.ConnectionInfo) (Bytes, error) {
		b, err := open(ctx, info)
		f()
		return b, err
	}
}

// TestUsedWhileMoved: whoever uses or changes a volume that is moved without being locked keeps it where it is, with all
// that was written.
func TestUsedWhileMoved(t *testing.T) {
	set := func(set store.VolumeSet) func(tx store.Tx, id string) error {
		return func(tx store.Tx, id string) error {
			_, err := tx.UpdateVolume(context.Background(), id, store.VolumeWhen{}, set)
			return err
		}
	}
	for what, meanwhile := range map[string]func(tx store.Tx, id string) error{
		"attached and detached again": func(tx store.Tx, id string) error { return store.Using(context.Background(), tx, id) },
		"attached": func(tx store.Tx, id string) error {
			return tx.CreateAttachment(context.Background(), &block.Attachment{ID: uuid.NewString(), VolumeID: id, AttachStatus: block.AttachReserved})
		},
		"connected to": func(tx store.Tx, id string) error {
			return tx.PutVolumeAdminMetadata(context.Background(), id, map[string]string{"connection:" + uuid.NewString(): "rw"})
		},
		"extended":       set(store.VolumeSet{SizeGiB: new(int64(2))}),
		"in other hands": set(store.VolumeSet{Status: new(block.VolumeBackingUp)}),
		"reset by hand":  set(store.VolumeSet{MigrationStatus: new("")}),
		"snapshotted": func(tx store.Tx, id string) error {
			v, err := tx.Volume(context.Background(), id, "")
			if err != nil {
				return err
			}
			return tx.CreateSnapshot(context.Background(), &block.Snapshot{ID: uuid.NewString(), VolumeID: id, ProjectID: "p",
				VolumeSizeGiB: 1, VolumeTypeID: v.VolumeTypeID, Status: block.SnapshotCreating})
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := newStage(t)
			v := s.volume(starting)
			s.opened(func() { s.update(func(tx store.Tx) error { return meanwhile(tx, v.ID) }) })
			made, err := s.migrate(v, nil)
			want(t, "error", fault.NameOf(err), "VolumeMigrationFailed")
			now := s.row(v.ID)
			want(t, "host", now.Host, poolA)
			want(t, "name", now.NameID, "")
			if now.MigrationStatus != "" {
				want(t, "migration", now.MigrationStatus, block.MigrationError)
			}
			s.holds(s.a, v.ID)
			want(t, "what was made", s.row(made).Status, block.VolumeDeleting)
			want(t, "its deletion", s.take(hostB, made).Name, rpcapi.FlowVolumeDelete)
		})
	}
}

// TestUndisturbed: a consumer that comes while the volume is copied ends the migration, and keeps its connection.
func TestUndisturbed(t *testing.T) {
	s := newStage(t)
	v := s.volume(starting)
	var consumer initiator.Device
	s.opened(func() {
		a := &block.Attachment{ID: uuid.NewString(), VolumeID: v.ID, AttachStatus: block.AttachAttaching}
		s.update(func(tx store.Tx) error {
			return errors.Join(store.Using(t.Context(), tx, v.ID), tx.CreateAttachment(t.Context(), a))
		})
		info, err := s.a.exports.Connect(t.Context(), v, a.ID, block.Connector{"host": "h"}, false)
		if err == nil {
			consumer, err = initiator.Open(t.Context(), info)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	_, err := s.migrate(v, nil)
	want(t, "error", fault.NameOf(err), "VolumeMigrationFailed")
	if _, err := consumer.WriteAt([]byte("first"), 0); err != nil {
		t.Errorf("after the migration failed the consumer cannot write: %v", err)
	}
	if err := errors.Join(consumer.Flush(), consumer.Close()); err != nil {
		t.Error(err)
	}
	s.holds(s.a, v.ID)
}

// TestRemoteSource: a volume without a path here is read over a connection of our own, which ends.
func TestRemoteSource(t *testing.T) {
	s := newStage(t)
	s.a.Storage = elsewhere{s.a.backend}
	v := s.volume(starting)
	sources := &counted{Exports: s.a.Exports}
	s.a.Exports = sources
	_, err := s.migrate(v, func(m *rpcapi.MigrateVolume) { m.ForceHostCopy = true })
	want(t, "error", err, nil)
	want(t, "connections made and ended", sources.made*100+sources.ended, 101)
	s.holds(s.b, s.row(v.ID).BackendID())
}

// elsewhere is storage whose volumes have no path here.
type elsewhere struct{ Storage }

func (e elsewhere) Features() driver.Features {
	f := e.Storage.Features()
	f.LocalDevice = false
	return f
}

// counted counts the connections to a volume that is moved.
type counted struct {
	Exports
	made, ended int
}

func (c *counted) Connect(ctx context.Context, v *block.Volume, id string, of block.Connector, readOnly bool) (block.ConnectionInfo, error) {
	c.made++
	return c.Exports.Connect(ctx, v, id, of, readOnly)
}

func (c *counted) Disconnect(ctx context.Context, v *block.Volume, id string) error {
	c.ended++
	return c.Exports.Disconnect(ctx, v, id)
}

// TestInUse: without Nova a volume that is in use stays where it is, and nothing is made for it.
func TestInUse(t *testing.T) {
	s := newStage(t)
	var told string
	s.a.Tell = func(_ context.Context, v *block.Volume, action, detail string, cause error) {
		told = v.ID + " " + action + " " + detail
		if !strings.Contains(fault.UserText(cause), "Nova") {
			t.Errorf("the user is told %q", fault.UserText(cause))
		}
	}
	v := s.volume(func(v *block.Volume) {
		v.Status, v.PreviousStatus, v.AttachStatus, v.MigrationStatus = block.VolumeInUse, block.VolumeInUse, block.AttachAttached, block.MigrationStarting
	})
	s.update(func(tx store.Tx) error {
		return tx.CreateAttachment(t.Context(), &block.Attachment{ID: uuid.NewString(), VolumeID: v.ID, AttachStatus: block.AttachAttached})
	})
	made, err := s.migrate(v, nil)
	want(t, "error", fault.NameOf(err), "VolumeMigrationFailed")
	want(t, "status", s.row(v.ID).Status, block.VolumeInUse)
	want(t, "migration", s.row(v.ID).MigrationStatus, block.MigrationError)
	want(t, "what was made", s.row(made) == nil, true)
	want(t, "told", told, v.ID+" "+block.MessageScheduleVolume+" "+block.MessageUnknownError)
}

// TestGivenUp: an administrator ends a migration whose copy runs, at once.
func TestGivenUp(t *testing.T) {
	s := newStage(t)
	s.a.watchPeriod = 10 * time.Millisecond
	v := s.volume(func(v *block.Volume) { v.MigrationStatus, v.Status = block.MigrationStarting, block.VolumeMaintenance })
	open := s.a.Open
	s.a.Open = func(ctx context.Context, info block.ConnectionInfo) (Bytes, error) {
		b, err := open(ctx, info)
		if err != nil {
			return nil, err
		}
		if id, err := s.a.Complete(t.Context(), &rpcapi.MigrateVolumeCompletion{VolumeID: v.ID, Failed: true}); id != v.ID || err != nil {
			t.Errorf("giving it up: %q, %v", id, err)
		}
		return stuck{b, ctx}, nil
	}
	made, err := s.migrate(v, nil)
	want(t, "error", fault.NameOf(err), "VolumeMigrationFailed")
	want(t, "status", s.row(v.ID).Status, block.VolumeAvailable)
	want(t, "migration", s.row(v.ID).MigrationStatus, block.MigrationError)
	want(t, "what was made", s.row(made).Status, block.VolumeDeleting)
	for _, failed := range []bool{true, false} {
		_, err := s.a.Complete(t.Context(), &rpcapi.MigrateVolumeCompletion{VolumeID: v.ID, Failed: failed})
		want(t, "ending what has ended", fault.NameOf(err), "InvalidVolume")
	}
}

// TestInterrupted: a process that stops waits for no copy, and does it again when it is back.
func TestInterrupted(t *testing.T) {
	s := newStage(t)
	v := s.volume(starting)
	open := s.a.Open
	s.a.Open = func(ctx context.Context, info block.ConnectionInfo) (Bytes, error) {
		b, err := open(ctx, info)
		s.a.Interrupt()
		return stuck{b, ctx}, err
	}
	m := &rpcapi.MigrateVolume{FlowID: uuid.NewString(), VolumeID: v.ID, Destination: s.toB(false)}
	state, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	record := s.a.record(m.FlowID, rpcapi.FlowVolumeMigrate, v.ID)
	record.State = state
	s.update(func(tx store.Tx) error { return tx.PutFlow(t.Context(), record) })
	want(t, "interrupted", s.a.Migrate(t.Context(), m), nil)
	want(t, "migration", s.row(v.ID).MigrationStatus, block.MigrationMigrating)
	want(t, "host", s.row(v.ID).Host, poolA)

	again := s.a.Options
	again.Open = open
	s.a.Service = New(again)
	want(t, "done again", s.a.Resume()[rpcapi.FlowVolumeMigrate](t.Context(), s.records(hostA, v.ID)[0]), nil)
	want(t, "host", s.row(v.ID).Host, poolB)
	s.holds(s.b, s.row(v.ID).BackendID())
}

// stuck is a volume that takes no byte before its context ends.
type stuck struct {
	Bytes
	ctx context.Context
}

func (s stuck) WriteAt([]byte, int64) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

// TestNoTarget: another back end that makes nothing is not waited for without end.
func TestNoTarget(t *testing.T) {
	s := newStage(t)
	s.a.CreateTimeout = 30 * time.Millisecond
	s.a.Volumes = rpcapi.Volume{Client: deaf{s}}
	v := s.volume(starting)
	made, err := s.migrate(v, nil)
	if !strings.Contains(fault.UserText(err), "timeout creating new_volume") {
		t.Errorf("error %v", err)
	}
	want(t, "migration", s.row(v.ID).MigrationStatus, block.MigrationError)
	want(t, "what was made", s.row(made).Status, block.VolumeDeleting)

	s.a.CreateTimeout, s.a.Volumes = time.Minute, rpcapi.Volume{Client: clumsy{s}}
	v = s.volume(starting)
	made, err = s.migrate(v, nil)
	if !strings.Contains(fault.UserText(err), "failed to create new_volume") {
		t.Errorf("error %v", err)
	}
	want(t, "migration", s.row(v.ID).MigrationStatus, block.MigrationError)
	want(t, "what was made", s.row(made).Status, block.VolumeDeleting)
}

// TestLateTarget: another back end whose service is only starting is waited for.
func TestLateTarget(t *testing.T) {
	s := newStage(t)
	asleep := 3
	s.a.Volumes = rpcapi.Volume{Client: late{s, &asleep}}
	v := s.volume(starting)
	_, err := s.migrate(v, nil)
	want(t, "error", err, nil)
	s.holds(s.b, s.row(v.ID).BackendID())
}

// late answers no call at first.
type late struct {
	*stage
	asleep *int
}

func (l late) Call(ctx context.Context, to messaging.Target, m messaging.Message, reply any) error {
	if *l.asleep--; *l.asleep > 0 {
		return messaging.NobodyServes(to, m.Method)
	}
	return l.stage.Call(ctx, to, m, reply)
}

// clumsy fails to make volumes.
type clumsy struct{ *stage }

func (c clumsy) Cast(ctx context.Context, _ messaging.Target, m messaging.Message) error {
	a, ok := m.Args.(*rpcapi.CreateVolume)
	if !ok {
		return nil
	}
	return c.db.Update(ctx, func(tx store.Tx) error {
		_, err := tx.UpdateVolume(ctx, a.VolumeID, store.VolumeWhen{}, store.VolumeSet{Status: new(block.VolumeError)})
		return err
	})
}

// deaf drops what is cast.
type deaf struct{ *stage }

func (deaf) Cast(context.Context, messaging.Target, messaging.Message) error { return nil }

// TestForcedCopy: the driver is not asked if the bytes are to be copied, nor if the types differ in more than the place.
func TestForcedCopy(t *testing.T) {
	for what, c := range map[string]struct {
		change func(s *stage, m *rpcapi.MigrateVolume)
		asked  bool
	}{
		"plain":  {func(*stage, *rpcapi.MigrateVolume) {}, true},
		"forced": {func(_ *stage, m *rpcapi.MigrateVolume) { m.ForceHostCopy = true }, false},
		"another tier": {func(s *stage, m *rpcapi.MigrateVolume) {
			m.Retype = &rpcapi.Retype{OldTypeID: s.plain.ID, NewTypeID: s.gold.ID}
		}, false},
		"another back end by name": {func(s *stage, m *rpcapi.MigrateVolume) {
			s.update(func(tx store.Tx) error {
				if err := tx.DeleteExtraSpec(s.Context(), s.gold.ID, "tier"); err != nil {
					return err
				}
				return tx.PutExtraSpecs(s.Context(), s.gold.ID, map[string]string{"volume_backend_name": "b"})
			})
			m.Retype = &rpcapi.Retype{OldTypeID: s.plain.ID, NewTypeID: s.gold.ID}
		}, true},
	} {
		s := newStage(t)
		asked := false
		s.a.Storage = asking{s.a.backend, &asked}
		m := &rpcapi.MigrateVolume{Destination: s.toB(true)}
		v := s.volume(func(v *block.Volume) {
			if c.change(s, m); m.Retype != nil {
				v.VolumeTypeID, v.Status = s.gold.ID, block.VolumeRetyping
			}
			starting(v)
		})
		_, err := s.migrate(v, func(sent *rpcapi.MigrateVolume) {
			sent.Destination, sent.ForceHostCopy, sent.Retype = m.Destination, m.ForceHostCopy, m.Retype
		})
		want(t, what+": error", err, nil)
		want(t, what+": the driver was asked", asked, c.asked)
		want(t, what+": host", s.row(v.ID).Host, poolB)
		s.holds(s.b, s.row(v.ID).BackendID())
	}
}

// asking is storage that remembers whether it was asked to move a volume, and does not.
type asking struct {
	Storage
	asked *bool
}

func (a asking) MigrateVolume(context.Context, driver.Volume, string, string) (bool, driver.Update, error) {
	*a.asked = true
	return false, driver.Update{}, nil
}

// memory is a volume in memory.
type memory struct{ data []byte }

func (m *memory) ReadAt(p []byte, offset int64) (int, error) {
	return bytes.NewReader(m.data).ReadAt(p, offset)
}
func (m *memory) WriteAt(p []byte, offset int64) (int, error) {
	if offset+int64(len(p)) > int64(len(m.data)) {
		return 0, errors.New("beyond the end")
	}
	return copy(m.data[offset:], p), nil
}
func (m *memory) WriteZeroes(offset, length int64) error {
	clear(m.data[offset : offset+length])
	return nil
}
func (m *memory) Flush() error { return nil }
func (m *memory) Close() error { return nil }

// holey is a source that knows where its holes are: pages of zeros.
type holey struct {
	*memory
	page int64
}

func (h holey) nextData(offset, size int64) int64 {
	for ; offset < size; offset = (offset/h.page + 1) * h.page {
		end := min(size, (offset/h.page+1)*h.page)
		if !isZero(h.data[offset:end]) {
			return offset
		}
	}
	return size
}

// TestCopy: whatever holds what, and whether or not holes are known, the copy is the volume; also over something else if it
// is told to write zeros.
func TestCopy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const page = 64 << 10
		size := rapid.IntRange(1, 3*pieceBytes).Draw(t, "size")
		from, to := &memory{make([]byte, size)}, &memory{make([]byte, size)}
		for range rapid.IntRange(0, 4).Draw(t, "runs") {
			at := rapid.IntRange(0, size-1).Draw(t, "at")
			n := rapid.IntRange(1, size-at).Draw(t, "length")
			copy(from.data[at:at+n], bytes.Repeat([]byte{byte(rapid.IntRange(0, 255).Draw(t, "byte"))}, n))
		}
		c := copying{from: remote{Bytes: from}, to: to, size: int64(size), progress: func(int64) {}}
		if rapid.Bool().Draw(t, "holes are known") {
			c.from = holey{from, page}
		}
		if c.zero = rapid.Bool().Draw(t, "zero"); c.zero {
			copy(to.data, bytes.Repeat([]byte("old"), size/3))
		}
		if err := c.run(context.Background()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(from.data, to.data) {
			t.Fatal("the copy differs")
		}
	})
}
