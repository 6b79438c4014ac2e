package api_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/store"
)

// statements counts what the database is sent.
type statements struct {
	mu    sync.Mutex
	texts []string
}

func (s *statements) add(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts = append(s.texts, text)
}

func (s *statements) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.texts
	s.texts = nil
	return taken
}

// TestListsCostTheSame: a page of a list costs as many statements whether it has one row, a hundred or a thousand, each with
// all that can hang on it.
func TestListsCostTheSame(t *testing.T) {
	t.Parallel()
	const rows = 1000
	var seen statements
	c := apitest.New(t, nil, func(o *apitest.Options) { o.Idle, o.Statement = true, seen.add })
	m, admin := c.As(t, apitest.Member, "p").At("3.71"), c.As(t, apitest.Admin, "p").At("3.71")
	m.Change(func(tx store.Tx) error { return fillLists(t.Context(), tx, rows) })
	for _, tc := range []struct {
		as   apitest.Caller
		path string
		list string
		want int // statements
	}{
		{m, "/volumes", "volumes", 3},
		{m, "/volumes/detail", "volumes", 3},
		{m, "/volumes/detail?with_count=true&sort=name:asc", "volumes", 4},
		{admin, "/volumes/detail?all_tenants=1&metadata={'one':'1'}", "volumes", 3},
		{m, "/snapshots/detail", "snapshots", 2},
		{admin, "/snapshots/detail?with_count=true&all_tenants=1", "snapshots", 3},
		{m, "/attachments/detail", "attachments", 1},
		{m, "/backups/detail", "backups", 2},
		{m, "/messages", "messages", 1},
		{m, "/volume-transfers/detail", "transfers", 1},
		{m, "/types", "volume_types", 2},
		{admin, "/types?is_public=none", "volume_types", 2},
		{admin, "/group_types", "group_types", 2},
		{admin, "/qos-specs", "qos_specs", 2},
		{m, "/groups/detail", "groups", 4},
		{m, "/groups/detail?list_volume=true", "groups", 5},
		{m, "/group_snapshots/detail", "group_snapshots", 3},
	} {
		path := tc.path + "?"
		if strings.Contains(tc.path, "?") {
			path = tc.path + "&"
		}
		for _, limit := range []int{1, 100, rows} {
			seen.take()
			page := listed(tc.as, fmt.Sprintf("%slimit=%d", path, limit), tc.list)
			texts := seen.take()
			if len(page) != limit {
				t.Fatalf("%s lists %d of %d", tc.path, len(page), limit)
			}
			if len(texts) != tc.want {
				t.Errorf("%s: a page of %d takes %d statements, want %d:\n%s", tc.path, limit, len(texts), tc.want, strings.Join(texts, "\n"))
			}
		}
	}
}

// fillLists makes n of everything that is listed, in project p.
func fillLists(ctx context.Context, tx store.Tx, n int) error {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range n {
		stamp := block.Timestamps{CreatedAt: at.Add(time.Duration(i) * time.Second)}
		ty := &block.VolumeType{ID: uuid.NewString(), Name: fmt.Sprint("type ", i), IsPublic: true, Timestamps: stamp, ExtraSpecs: map[string]string{"a": "1", "b": "2"}}
		group := &block.Group{ID: uuid.NewString(), ProjectID: "p", UserID: "u", Timestamps: stamp, Status: block.GroupAvailable, GroupTypeID: nowhere,
			VolumeTypeIDs: []string{ty.ID}}
		v := &block.Volume{ID: uuid.NewString(), ProjectID: "p", UserID: "u", UseQuota: true, Name: new(fmt.Sprint("volume ", i)), SizeGiB: 1, Timestamps: stamp,
			Status: block.VolumeInUse, AttachStatus: block.AttachAttached, Host: apitest.Pool, VolumeTypeID: ty.ID,
			GroupID: group.ID, Metadata: map[string]string{"one": "1", "two": "2"}, AdminMetadata: map[string]string{"readonly": "False"}, ImageMetadata: map[string]string{"os": "linux"}}
		for _, make := range []func() error{
			func() error { return tx.CreateVolumeType(ctx, ty) },
			func() error { return tx.CreateGroup(ctx, group) },
			func() error {
				return tx.CreateGroupSnapshot(ctx, &block.GroupSnapshot{ID: uuid.NewString(), GroupID: group.ID, GroupTypeID: nowhere, ProjectID: "p", UserID: "u",
					Timestamps: stamp, Status: block.GroupSnapshotAvailable})
			},
			func() error { return tx.CreateVolume(ctx, v) },
			func() error {
				return tx.CreateAttachment(ctx, &block.Attachment{ID: uuid.NewString(), VolumeID: v.ID, Timestamps: stamp, AttachStatus: block.AttachAttached,
					Connector: block.Connector{"host": "h"}, Connection: map[string]any{"driver_volume_type": "fake"}})
			},
			func() error {
				return tx.CreateSnapshot(ctx, &block.Snapshot{ID: uuid.NewString(), VolumeID: v.ID, ProjectID: "p", UserID: "u", UseQuota: true, Timestamps: stamp,
					VolumeSizeGiB: 1, VolumeTypeID: ty.ID, Status: block.SnapshotAvailable, Metadata: map[string]string{"one": "1", "two": "2"}})
			},
			func() error {
				return tx.CreateBackup(ctx, &block.Backup{ID: uuid.NewString(), VolumeID: v.ID, ProjectID: "p", UserID: "u", Timestamps: stamp, SizeGiB: 1,
					Status: block.BackupAvailable, Metadata: map[string]string{"one": "1"}})
			},
			func() error {
				return tx.CreateMessage(ctx, &block.Message{ID: uuid.NewString(), ProjectID: "p", Timestamps: stamp, ResourceType: block.MessageVolume, ResourceID: v.ID,
					EventID: "VOLUME_VOLUME_001_003", Action: "001", Detail: "003", Level: "ERROR", ExpiresAt: at.Add(1000000 * time.Hour)})
			},
			func() error {
				return tx.CreateTransfer(ctx, &block.Transfer{ID: uuid.NewString(), VolumeID: v.ID, Timestamps: stamp, Salt: "s", CryptHash: "c", SourceProjectID: "p"})
			},
			func() error {
				return tx.CreateGroupType(ctx, &block.GroupType{ID: uuid.NewString(), Name: fmt.Sprint("group type ", i), IsPublic: true, Timestamps: stamp,
					Specs: map[string]*string{"a": new("1")}})
			},
			func() error {
				return tx.CreateQoSSpecs(ctx, &block.QoSSpecs{ID: uuid.NewString(), Name: fmt.Sprint("qos ", i), Consumer: "back-end", Timestamps: stamp,
					Specs: map[string]*string{"a": new("1")}})
			},
		} {
			if err := make(); err != nil {
				return err
			}
		}
	}
	return nil
}
