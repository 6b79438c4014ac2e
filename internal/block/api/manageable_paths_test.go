package api_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block/api/apitest"
)

// TestManageablePaths: the new paths (3.8) and the old ones list the same.
func TestManageablePaths(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "ops").At("3.8"), c.As(t, apitest.Member, "p")
	m.Snapshot(m.Volume())
	for _, tc := range []struct{ path, old, list string }{
		{"/manageable_volumes", "/os-volume-manage", "manageable-volumes"},
		{"/manageable_snapshots", "/os-snapshot-manage", "manageable-snapshots"},
	} {
		for _, view := range []string{"", "/detail"} {
			query := view + "?host=" + apitest.Backend
			now, old := listed(admin, tc.path+query, tc.list), listed(admin, tc.old+query, tc.list)
			if d := cmp.Diff(now, old); d != "" || len(now) == 0 {
				t.Errorf("%s lists %v (-new +old): %s", tc.path+view, now, d)
			}
		}
	}
}
