package fake_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block/target"
	"github.com/clinker/clinker/internal/block/target/fake"
	"github.com/clinker/clinker/internal/block/target/targettest"
)

func TestContract(t *testing.T) {
	targettest.Run(t, targettest.Harness{New: func(testing.TB, string) target.Target { return fake.New() }})
}

func TestFailsAndRemembers(t *testing.T) {
	f := fake.New()
	if err := f.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []target.Connection{{ID: "a", VolumeID: "v", SizeBytes: 5}, {ID: "b", VolumeID: "w"}}
	broken := errors.New("broken")
	f.FailWith(func(verb, id string) error {
		if verb == "connect" && id == "c" {
			return broken
		}
		return nil
	})
	for _, id := range []string{"b", "c", "a"} {
		c := target.Connection{ID: id, VolumeID: map[string]string{"a": "v", "b": "w", "c": "x"}[id]}
		if _, err := f.Connect(t.Context(), c); errors.Is(err, broken) != (id == "c") {
			t.Errorf("Connect %s: %v", id, err)
		}
	}
	if err := f.Resize(t.Context(), "v", 5); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(want, f.Connections()); diff != "" {
		t.Error(diff)
	}
}
