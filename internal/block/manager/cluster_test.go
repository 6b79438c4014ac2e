package manager

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/driver/fake"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/membership"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/oslo/messaging/inproc"
)

const clusterName = "c@fake"

// members are volume services of one cluster, on one storage, one database and one transport.
type members struct {
	*testing.T
	store   *sqlstore.Store
	storage *fake.Driver
	bus     messaging.Transport
	typeID  string
}

func newMembers(t *testing.T) *members {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(t.TempDir(), "cinder.sqlite"), Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	vt, err := s.TypeByName(t.Context(), block.DefaultTypeName, "")
	if err != nil {
		t.Fatal(err)
	}
	return &members{T: t, store: s, storage: fake.New(), bus: inproc.New(inproc.Options{}), typeID: vt.ID}
}

// start starts one more; its driver is the storage that all share.
func (c *members) start(host string) *Manager {
	c.Helper()
	_, err := membership.Join(c.Context(), c.store, block.Service{Host: host, Binary: block.BinaryVolume, Topic: rpcapi.VolumeTopic, ClusterName: clusterName,
		AvailabilityZone: "nova"}, membership.Options{Owner: clusterName, Log: discard})
	if err != nil {
		c.Fatal(err)
	}
	b, err := driver.NewBackend(c.storage, driver.Options{BackendName: "fake"})
	if err != nil {
		c.Fatal(err)
	}
	m := New(Options{Host: host, Cluster: clusterName, Store: c.store, Backend: b, Transport: c.bus, Log: discard,
		Flows:          flow.NewEngine(journal.New(c.store), flow.Options{Stopping: messaging.ErrStopping, Log: discard, Keep: 50 * time.Millisecond}),
		RecoveryPeriod: 50 * time.Millisecond, RecoveryMinAge: 400 * time.Millisecond})
	if err := m.Start(c.Context()); err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = m.Stop(ctx)
	})
	return m
}

// create enters a volume that was scheduled to a member, and gives the message to the cluster.
func (c *members) create(host block.Host) *block.Volume {
	c.Helper()
	v := &block.Volume{ID: uuid.NewString(), ProjectID: "p", SizeGiB: 1, VolumeTypeID: c.typeID, Status: block.VolumeCreating,
		AttachStatus: block.AttachDetached, Host: host, ClusterName: clusterName + "#fake"}
	m := &rpcapi.CreateVolume{FlowID: uuid.NewString(), VolumeID: v.ID, Request: rpcapi.CreateRequest{VolumeID: v.ID}}
	c.hand(rpcapi.FlowVolumeCreate, m.FlowID, v.ID, m.Request, func(tx store.Tx) error { return tx.CreateVolume(c.Context(), v) })
	if err := (rpcapi.Volume{Client: c.bus}).Cast(c.Context(), v.Queue(), "3.0", rpcapi.MethodCreateVolume, m); err != nil {
		c.Fatal(err)
	}
	return v
}

func (c *members) delete(v *block.Volume) {
	c.Helper()
	m := &rpcapi.DeleteVolume{FlowID: uuid.NewString(), VolumeID: v.ID}
	c.hand(rpcapi.FlowVolumeDelete, m.FlowID, v.ID, m, func(tx store.Tx) error {
		_, err := tx.UpdateVolume(c.Context(), v.ID, store.VolumeWhen{}, store.VolumeSet{Status: new(block.VolumeDeleting)})
		return err
	})
	if err := (rpcapi.Volume{Client: c.bus}).Cast(c.Context(), v.Queue(), "3.0", rpcapi.MethodDeleteVolume, m); err != nil {
		c.Fatal(err)
	}
}

func (c *members) hand(name, id, volumeID string, state any, change func(tx store.Tx) error) {
	c.Helper()
	text, err := json.Marshal(state)
	if err != nil {
		c.Fatal(err)
	}
	err = c.store.Update(c.Context(), func(tx store.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		return tx.PutFlow(c.Context(), flow.Record{ID: id, Name: name, Owner: clusterName, ResourceType: "volume", ResourceID: volumeID, State: text})
	})
	if err != nil {
		c.Fatal(err)
	}
}

// until waits for a volume's status, "gone" for none.
func (c *members) until(id, status string) *block.Volume {
	c.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		v, err := c.store.Volume(c.Context(), id, "")
		if fault.Is(err, fault.NotFound) {
			v, err = &block.Volume{Status: "gone"}, nil
		}
		if err != nil {
			c.Fatal(err)
		}
		if string(v.Status) == status {
			return v
		}
		if time.Now().After(deadline) {
			c.Fatalf("volume %s is %s, want %s", id, v.Status, status)
		}
	}
}

// TestCluster: what is the cluster's is done by whichever member takes it, whoever was chosen.
func TestCluster(t *testing.T) {
	c := newMembers(t)
	c.start("n1@fake")
	hosts := map[block.Host]bool{"n1@fake#fake": true, "n2@fake#fake": true}
	alone := c.until(c.create("n2@fake#fake").ID, "available")
	if alone.Host != "n1@fake#fake" || alone.ClusterName != clusterName+"#fake" {
		t.Errorf("made by the only member: host %s, cluster %s", alone.Host, alone.ClusterName)
	}
	c.start("n2@fake")
	for range 10 {
		v := c.until(c.create("n1@fake#fake").ID, "available")
		if !hosts[v.Host] {
			t.Errorf("made by %s", v.Host)
		}
		c.delete(v)
		c.until(v.ID, "gone")
	}
	list, err := c.store.Clusters(t.Context(), time.Now().Add(-time.Minute))
	if err != nil || len(list) != 1 || list[0].Hosts != 2 || list[0].DownHosts != 0 {
		t.Errorf("clusters: %+v, %v", list, err)
	}
}

// TestClusterTakesOver: a member that dies in the middle leaves its work to the others; one that only seemed dead does nothing more.
func TestClusterTakesOver(t *testing.T) {
	c := newMembers(t)
	dead := c.start("n1@fake")
	entered, again := make(chan struct{}, 8), make(chan struct{})
	c.storage.SetHook(func(ctx context.Context, call fake.Call) error {
		if call.Verb != "create_volume" && call.Verb != "delete_volume" {
			return nil
		}
		entered <- struct{}{}
		<-again // as if the process hung in the storage
		return nil
	})
	making := c.create("n1@fake#fake")
	doomed := c.until(func() string {
		v := &block.Volume{ID: uuid.NewString(), ProjectID: "p", SizeGiB: 1, VolumeTypeID: c.typeID, Status: block.VolumeAvailable,
			AttachStatus: block.AttachDetached, Host: "n1@fake#fake", ClusterName: clusterName + "#fake"}
		if err := c.store.Update(t.Context(), func(tx store.Tx) error { return tx.CreateVolume(t.Context(), v) }); err != nil {
			t.Fatal(err)
		}
		return v.ID
	}(), "available")
	c.delete(doomed)
	<-entered
	<-entered
	// It dies: nothing of it tells the journal any more, and no message reaches it.
	dead.background(messaging.ErrStopping)
	for _, l := range dead.listeners {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		_ = l.Stop(ctx)
		cancel()
	}
	c.storage.SetHook(nil)
	c.start("n2@fake")
	if v := c.until(making.ID, "available"); v.Host != "n2@fake#fake" {
		t.Errorf("taken over by %s", v.Host)
	}
	c.until(doomed.ID, "gone")
	close(again) // it was not dead
	time.Sleep(100 * time.Millisecond)
	if v := c.until(making.ID, "available"); v.Host != "n2@fake#fake" {
		t.Errorf("after the first has come back the volume is at %s", v.Host)
	}
	if recs, err := c.store.Flows(t.Context(), clusterName, 0, 10); err != nil || len(recs) != 0 {
		t.Errorf("left in the journal: %+v, %v", recs, err)
	}
}

// TestJoiningACluster: what a host has is its cluster's when it joins.
func TestJoiningACluster(t *testing.T) {
	c := newMembers(t)
	v := &block.Volume{ID: uuid.NewString(), ProjectID: "p", SizeGiB: 1, VolumeTypeID: c.typeID, Status: block.VolumeAvailable, AttachStatus: block.AttachDetached,
		Host: "n1@fake#fake"}
	if err := c.store.Update(t.Context(), func(tx store.Tx) error { return tx.CreateVolume(t.Context(), v) }); err != nil {
		t.Fatal(err)
	}
	c.start("n1@fake")
	if v := c.until(v.ID, "available"); v.ClusterName != clusterName+"#fake" {
		t.Errorf("it is in %q", v.ClusterName)
	}
}
