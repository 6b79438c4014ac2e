package block_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
)

func TestQoSForConsumer(t *testing.T) {
	text := func(s string) *string { return &s }
	for name, tc := range map[string]struct {
		consumer string
		specs    map[string]*string
		want     map[string]any
	}{
		"back end":    {"back-end", map[string]*string{"a": text("b")}, nil},
		"both":        {"both", map[string]*string{"a": text("b"), "n": nil}, map[string]any{"a": "b", "n": nil}},
		"empty":       {"front-end", nil, map[string]any{}},
		"per GiB":     {"front-end", map[string]*string{"total_iops_sec_per_gb": text("10")}, map[string]any{"total_iops_sec": int64(50)}},
		"at least":    {"front-end", map[string]*string{"read_bytes_sec_per_gb": text("10"), "read_bytes_sec_per_gb_min": text("80")}, map[string]any{"read_bytes_sec": int64(80)}},
		"at most":     {"front-end", map[string]*string{"write_iops_sec_per_gb": text("10"), "write_iops_sec_max": text("30")}, map[string]any{"write_iops_sec": int64(30)}},
		"max alone":   {"front-end", map[string]*string{"write_iops_sec_max": text("30")}, map[string]any{"write_iops_sec_max": "30"}},
		"no number":   {"front-end", map[string]*string{"write_iops_sec_per_gb": text("x")}, map[string]any{"write_iops_sec_per_gb": "x"}},
		"replaces it": {"front-end", map[string]*string{"total_iops_sec": text("1"), "total_iops_sec_per_gb": text("10")}, map[string]any{"total_iops_sec": int64(50)}},
	} {
		q := block.QoSSpecs{Consumer: tc.consumer, Specs: tc.specs}
		if d := cmp.Diff(tc.want, q.ForConsumer(5)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}
