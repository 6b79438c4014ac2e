package wire

import (
	"bufio"
	"context"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/objects"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	vo "github.com/clinker/clinker/internal/oslo/versionedobjects"
)

// world is a store whose rows a test sets.
type world struct {
	store.Reader
	volumes        map[string]*block.Volume
	types          map[string]*block.VolumeType
	snapshots      map[string]*block.Snapshot
	groups         map[string]*block.Group
	groupSnapshots map[string]*block.GroupSnapshot
	backups        map[string]*block.Backup
	services       []*block.Service // nil: one in a zone that a test looks for
}

func newWorld() *world {
	return &world{volumes: map[string]*block.Volume{}, types: map[string]*block.VolumeType{}, snapshots: map[string]*block.Snapshot{},
		groups: map[string]*block.Group{}, groupSnapshots: map[string]*block.GroupSnapshot{}, backups: map[string]*block.Backup{}}
}

func row[T any](rows map[string]*T, id, name string) (*T, error) {
	r, ok := rows[id]
	if !ok {
		return nil, fault.New(fault.NotFound, name, "%s could not be found.", id)
	}
	return new(*r), nil
}

func (w *world) Volume(_ context.Context, id, _ string) (*block.Volume, error) {
	return row(w.volumes, id, "VolumeNotFound")
}

func (w *world) VolumeType(_ context.Context, id, _ string) (*block.VolumeType, error) {
	return row(w.types, id, "VolumeTypeNotFound")
}

func (w *world) Snapshot(_ context.Context, id, _ string) (*block.Snapshot, error) {
	return row(w.snapshots, id, "SnapshotNotFound")
}

func (w *world) Group(_ context.Context, id, _ string) (*block.Group, error) {
	return row(w.groups, id, "GroupNotFound")
}

func (w *world) GroupType(_ context.Context, id, _ string) (*block.GroupType, error) {
	return &block.GroupType{ID: id, Name: "gt", IsPublic: true}, nil
}

func (w *world) GroupSnapshot(_ context.Context, id, _ string) (*block.GroupSnapshot, error) {
	return row(w.groupSnapshots, id, "GroupSnapshotNotFound")
}

func (w *world) Backup(_ context.Context, id, _ string) (*block.Backup, error) {
	return row(w.backups, id, "BackupNotFound")
}

func (w *world) QoSSpecs(_ context.Context, id string) (*block.QoSSpecs, error) {
	return &block.QoSSpecs{ID: id, Specs: map[string]*string{"total_iops_sec": new("5")}}, nil
}

func (w *world) Volumes(_ context.Context, q store.VolumeQuery) (list []*block.Volume, _ error) {
	for _, v := range w.volumes {
		if v.GroupID == q.Equal["group_id"][0] {
			list = append(list, v)
		}
	}
	return list, nil
}

func (w *world) Snapshots(_ context.Context, q store.SnapshotQuery) (list []*block.Snapshot, _ error) {
	for _, s := range w.snapshots {
		if s.GroupSnapshotID == q.Equal["group_snapshot_id"][0] {
			list = append(list, s)
		}
	}
	return list, nil
}

func (w *world) Services(_ context.Context, q store.ServiceQuery) (found []*block.Service, _ error) {
	if w.services == nil {
		return []*block.Service{{AvailabilityZone: "zone-of-the-row"}}, nil
	}
	for _, s := range w.services {
		if q.Binary == "" || s.Binary == q.Binary {
			found = append(found, s)
		}
	}
	return found, nil
}

// ids of captured messages; see testdata/capture.py.
const (
	idV = "11111111-1111-4111-8111-111111111111"
	idW = "22222222-2222-4222-8222-222222222222"
	idT = "33333333-3333-4333-8333-333333333333"
	idU = "34343434-3333-4333-8333-333333333333"
	idS = "44444444-4444-4444-8444-444444444444"
	idA = "55555555-5555-4555-8555-555555555555"
	idB = "66666666-6666-4666-8666-666666666666"
	idG = "77777777-7777-4777-8777-777777777777"
	idN = "88888888-8888-4888-8888-888888888888"
	idH = "99999999-9999-4999-8999-999999999999"
	idI = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
	idF = "ffffffff-ffff-4fff-8fff-ffffffffffff"
)

// captured is a message of a Python client.
type captured struct {
	Service service
	Method  string
	Version string
	Args    map[string]any
}

func capturedMessages(t testing.TB) []captured {
	t.Helper()
	f, err := os.Open("testdata/python.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []captured
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var m captured
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	if len(list) < 80 {
		t.Fatalf("only %d messages", len(list))
	}
	return list
}

// populate makes the rows of the objects in a message, so that it can be written again.
func (w *world) populate(t testing.TB, r *vo.Registry, v any) {
	t.Helper()
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			w.populate(t, r, e)
		}
	case map[string]any:
		if v["versioned_object.name"] != "GroupSnapshot" { // the group in it is as it was
			// In order: "volume" comes after the request_spec, which has the volume as it was before it was placed.
			for _, name := range slices.Sorted(maps.Keys(v)) {
				w.populate(t, r, v[name])
			}
		}
		if !vo.IsPrimitive(v) {
			if id, ok := v["id"].(string); ok && v["extra_specs"] != nil {
				w.types[id] = typeOfDict(v)
			}
			return
		}
		o, err := r.Decode(v)
		if err != nil {
			t.Fatal(err)
		}
		w.add(o)
	}
}

func typeOfDict(v map[string]any) *block.VolumeType {
	t := &block.VolumeType{ID: v["id"].(string), Name: v["name"].(string), IsPublic: v["is_public"].(bool), ExtraSpecs: map[string]string{}}
	t.CreatedAt, _ = time.Parse("2006-01-02T15:04:05.000000", v["created_at"].(string))
	for name, value := range v["extra_specs"].(map[string]any) {
		t.ExtraSpecs[name] = value.(string)
	}
	return t
}

func (w *world) add(o *vo.Object) {
	stamps := block.Timestamps{CreatedAt: o.Time("created_at"), UpdatedAt: o.Time("updated_at"), DeletedAt: o.Time("deleted_at")}
	textOf := func(name string) *string {
		if o.Data[name] == nil {
			return nil
		}
		return new(o.Text(name))
	}
	switch id := o.Text("id"); o.Class {
	case "Volume":
		v := &block.Volume{ID: id, NameID: o.Text("_name_id"), Timestamps: stamps, UserID: o.Text("user_id"), ProjectID: o.Text("project_id"), UseQuota: o.Bool("use_quota"),
			SnapshotID: o.Text("snapshot_id"), Host: block.Host(o.Text("host")), SizeGiB: o.Int("size"), AvailabilityZone: o.Text("availability_zone"),
			Status: block.VolumeStatus(o.Text("status")), AttachStatus: block.AttachStatus(o.Text("attach_status")), MigrationStatus: o.Text("migration_status"),
			PreviousStatus: block.VolumeStatus(o.Text("previous_status")), Name: textOf("display_name"), Description: textOf("display_description"),
			VolumeTypeID: o.Text("volume_type_id"), Metadata: o.Map("metadata"), SharedTargets: new(o.Bool("shared_targets"))}
		w.volumes[id] = v
	case "VolumeType":
		t := &block.VolumeType{ID: id, Timestamps: stamps, Name: o.Text("name"), IsPublic: o.Bool("is_public"), ExtraSpecs: map[string]string{}}
		for name, v := range o.NullableMap("extra_specs") {
			t.ExtraSpecs[name] = *v
		}
		w.types[id] = t
	case "Snapshot":
		w.snapshots[id] = &block.Snapshot{ID: id, VolumeID: o.Text("volume_id"), Timestamps: stamps, UserID: o.Text("user_id"), ProjectID: o.Text("project_id"),
			UseQuota: o.Bool("use_quota"), Name: textOf("display_name"), VolumeSizeGiB: o.Int("volume_size"), VolumeTypeID: o.Text("volume_type_id"),
			Status: block.SnapshotStatus(o.Text("status")), Progress: o.Text("progress"), Metadata: o.Map("metadata")}
	case "Group":
		w.groups[id] = &block.Group{ID: id, Timestamps: stamps, UserID: o.Text("user_id"), ProjectID: o.Text("project_id"), Host: block.Host(o.Text("host")),
			Name: textOf("name"), GroupTypeID: o.Text("group_type_id"), VolumeTypeIDs: o.Strings("volume_type_ids"), Status: block.GroupStatus(o.Text("status")),
			AvailabilityZone: o.Text("availability_zone"), ReplicationStatus: o.Text("replication_status"),
			GroupSnapshotID: o.Text("group_snapshot_id"), SourceGroupID: o.Text("source_group_id")}
	case "GroupSnapshot":
		w.groupSnapshots[id] = &block.GroupSnapshot{ID: id, GroupID: o.Text("group_id"), Timestamps: stamps, UserID: o.Text("user_id"), ProjectID: o.Text("project_id"),
			Name: textOf("name"), GroupTypeID: o.Text("group_type_id"), Status: block.GroupSnapshotStatus(o.Text("status"))}
	case "Backup", "BackupImport":
		w.backups[id] = &block.Backup{ID: id, VolumeID: o.Text("volume_id"), Timestamps: stamps, UserID: o.Text("user_id"), ProjectID: o.Text("project_id"),
			Name: textOf("display_name"), Status: block.BackupStatus(o.Text("status")), SizeGiB: o.Int("size"), AvailabilityZone: o.Text("availability_zone"),
			Metadata: o.Map("metadata"), Host: o.Text("host"), Service: o.Text("service")}
	}
}

func newCodec(t testing.TB, w *world) *Codec {
	t.Helper()
	c, err := New(Options{Store: w})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func registry(t testing.TB) *vo.Registry {
	t.Helper()
	r, err := objects.New()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// ctx is the context of a test, of whatever kind.
func ctx(t any) context.Context {
	if t, ok := t.(interface{ Context() context.Context }); ok {
		return t.Context()
	}
	return context.Background()
}
