// Package catalogtest is the part of the store's suite for what operators describe storage with beside volume types (QoS
// specs, encryption, default types, group types, quota classes), and for user messages.
//
// What must not live here: anything that knows an implementation.
package catalogtest

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// Run runs the suite. open gives an empty store, as new as the implementation makes it, and closes it when the test
// ends; it is called once for each part, and the parts run side by side.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for name, test := range map[string]func(*testing.T, store.Store){
		"QoS specs": testQoS, "QoS of types": testTypeQoS, "QoS paging": testQoSPaging, "encryption": testEncryption, "default types": testDefaultTypes,
		"group type": testGroupType, "group type access": testGroupTypeList, "quota class": testQuotaClass, "messages": testMessages,
		"expired messages": testExpiredMessages,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

const (
	mine   = "11111111111111111111111111111111"
	theirs = "22222222222222222222222222222222"
)

// attempt runs one transaction and gives its error.
func attempt(t testing.TB, s store.Store, fn func(ctx context.Context, tx store.Tx) error) error {
	return s.Update(t.Context(), func(tx store.Tx) error { return fn(t.Context(), tx) })
}

// update runs one transaction that must succeed.
func update(t testing.TB, s store.Store, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	if err := attempt(t, s, fn); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

// must gives the value of a call that must succeed.
func must[V any](v V, err error) func(t testing.TB) V {
	return func(t testing.TB) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantFault(t testing.TB, err error, kind fault.Kind, name, text string) {
	t.Helper()
	if fault.KindOf(err) != kind || fault.NameOf(err) != name || text != "" && fault.UserText(err) != text {
		t.Errorf("got %v %s %q; want %v %s %q", fault.KindOf(err), fault.NameOf(err), fault.UserText(err), kind, name, text)
	}
}

func wantEqual(t testing.TB, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// volumeType makes a type and gives its id.
func volumeType(t testing.TB, s store.Store, id string) string {
	t.Helper()
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.CreateVolumeType(ctx, &block.VolumeType{ID: id, Name: id, IsPublic: true})
	})
	return id
}
