package block_test

import (
	"testing"

	"github.com/clinker/clinker/internal/block"
)

// TestQueue: what is in a cluster is the cluster's work.
func TestQueue(t *testing.T) {
	for _, c := range []struct {
		cluster    string
		host, want block.Host
	}{{"", "n@b#p", "n@b#p"}, {"c@b#p", "n@b#p", "c@b#p"}, {"c@b", "", "c@b"}, {"", "", ""}} {
		v, g := block.Volume{ClusterName: c.cluster, Host: c.host}, block.Group{ClusterName: c.cluster, Host: c.host}
		s, e := block.Service{ClusterName: c.cluster, Host: string(c.host)}, block.ImageCacheEntry{ClusterName: c.cluster, Host: c.host}
		for _, got := range []block.Host{v.Queue(), g.Queue(), s.Queue(), e.Queue()} {
			if got != c.want {
				t.Errorf("%+v: %q", c, got)
			}
		}
	}
}

// TestHeedClusters: what an operator says of a cluster counts for its services, and what is said of them alone does not.
func TestHeedClusters(t *testing.T) {
	alone := &block.Service{Host: "n@b", Binary: block.BinaryVolume, Disabled: true}
	in := &block.Service{Host: "m@b", Binary: block.BinaryVolume, ClusterName: "c@b", Disabled: true}
	if !block.Clustered([]*block.Service{alone, in}) || block.Clustered([]*block.Service{alone}) {
		t.Error("who is in a cluster")
	}
	block.HeedClusters([]*block.Service{alone, in}, []*block.Cluster{{Name: "c@b", Binary: block.BinaryBackup, Disabled: true},
		{Name: "c@b", Binary: block.BinaryVolume, Frozen: true, DisabledReason: "r"}})
	if !alone.Disabled || alone.Frozen || in.Disabled || !in.Frozen || in.DisabledReason != "r" {
		t.Errorf("%+v, %+v", alone, in)
	}
}
