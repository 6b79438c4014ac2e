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
