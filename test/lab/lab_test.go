package lab

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVerdicts(t *testing.T) {
	out := "{0} tempest.api.volume.test_x.A.test_one [0.251s] ... ok\n" +
		"{1} tempest.api.volume.test_x.A.test_two[id-1,smoke] [1.2s] ... FAILED\n" +
		"{1} tempest.api.volume.test_x.A.test_three ... SKIPPED: not now\n" +
		"{1} setUpClass (tempest.api.volume.test_y.B) ... SKIPPED: no nova\n"
	want := map[string]string{"tempest.api.volume.test_x.A.test_one": "pass", "tempest.api.volume.test_x.A.test_two": "fail",
		"tempest.api.volume.test_x.A.test_three": "skip", "setUpClass(tempest.api.volume.test_y.B)": "skip"}
	if diff := cmp.Diff(want, Verdicts(out)); diff != "" {
		t.Error(diff)
	}
}
