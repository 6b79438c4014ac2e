package listing

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
)

func TestChoose(t *testing.T) {
	ableToHold := func(nameOrID string) ([]block.Host, error) {
		if nameOrID == "nothing" {
			return nil, errors.New("there is none")
		}
		return []block.Host{"n@b#b"}, nil
	}
	for _, tc := range []struct {
		filters map[string]string
		want    []block.Host
	}{
		{nil, []block.Host{"n@a#a", "n@b#b"}},
		{map[string]string{"name": ""}, []block.Host{"n@a#a", "n@b#b"}},
		{map[string]string{"name": "n@b#b"}, []block.Host{"n@b#b"}},
		{map[string]string{"name": "n@b#b", "volume_type": "gold"}, []block.Host{"n@b#b"}},
		{map[string]string{"name": "n@a#a", "volume_type": "gold"}, nil},
		{map[string]string{"thin": "YES"}, []block.Host{"n@a#a"}},
		{map[string]string{"thin": "no"}, []block.Host{"n@b#b"}},
		{map[string]string{"thin": "maybe"}, []block.Host{"n@b#b"}}, // as upstream: what is no word for true is false
		{map[string]string{"free": "4.5"}, []block.Host{"n@a#a"}},
		{map[string]string{"site": "here"}, []block.Host{"n@a#a"}},
		{map[string]string{"site": ""}, nil},
		{map[string]string{"nothing": "x"}, nil},
	} {
		pools := []rpcapi.PoolInfo{{Name: "n@a#a", Capabilities: map[string]any{"thin": true, "free": 4.5, "site": "here"}},
			{Name: "n@b#b", Capabilities: map[string]any{"thin": false, "free": 1, "site": nil}}}
		got, err := Choose(pools, tc.filters, ableToHold)
		var names []block.Host
		for _, p := range got {
			names = append(names, p.Name)
		}
		if d := cmp.Diff(tc.want, names); err != nil || d != "" {
			t.Errorf("%v: %v %s", tc.filters, err, d)
		}
	}
	if _, err := Choose(nil, map[string]string{"volume_type": "nothing"}, ableToHold); err == nil {
		t.Error("a type there is not is not refused")
	}
}

func TestProtocols(t *testing.T) {
	for _, pools := range []any{
		[]map[string]any{{"pool_name": "a", "storage_protocol": "NVMe"}, {"pool_name": "b"}, {"storage_protocol": "FC"}},
		[]any{map[string]any{"pool_name": "a", "storage_protocol": "NVMe"}, "nonsense"},
	} {
		got := Protocols(map[string]any{"storage_protocol": "iSCSI", "pools": pools})
		if d := cmp.Diff(map[string]any{"": "iSCSI", "a": "NVMe"}, got); d != "" {
			t.Errorf("%v: %s", pools, d)
		}
	}
}
