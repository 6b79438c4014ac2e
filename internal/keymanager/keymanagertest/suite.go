package keymanagertest

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/keymanager"
	"github.com/clinker/clinker/internal/reqctx"
)

// Run is what every key manager with keys of their own promises. open makes an empty one, and says how somebody of a project asks it.
func Run(t *testing.T, open func(t *testing.T) (m keymanager.Manager, as func(project string) context.Context)) {
	for name, test := range map[string]func(t *testing.T, m keymanager.Manager, as func(string) context.Context){
		"made": testMade, "copied": testCopied, "another's": testAnothers, "handed over": testHandedOver, "removed": testRemoved, "shared": testShared, "time up": testTimeUp,
	} {
		t.Run(name, func(t *testing.T) {
			m, as := open(t)
			test(t, m, as)
		})
	}
}

func create(t *testing.T, ctx context.Context, m keymanager.Manager, bits int64) string {
	t.Helper()
	id, err := m.Create(ctx, "aes", bits)
	if err != nil {
		t.Fatal(err)
	}
	if uuid.Validate(id) != nil {
		t.Errorf("the id %q is no UUID, and has to fit where one does", id)
	}
	return id
}

func get(t *testing.T, ctx context.Context, m keymanager.Manager, id string) keymanager.Key {
	t.Helper()
	k, err := m.Get(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func testMade(t *testing.T, m keymanager.Manager, as func(string) context.Context) {
	ctx := as("demo")
	one, other, short := create(t, ctx, m, 256), create(t, ctx, m, 256), create(t, ctx, m, 128)
	k := get(t, ctx, m, one)
	if len(k.Bytes()) != 32 || len(k.Passphrase()) != 64 || !strings.EqualFold(k.Algorithm, "aes") {
		t.Errorf("a key of 256 bits has %d bytes, of %q", len(k.Bytes()), k.Algorithm)
	}
	if !k.Equal(get(t, ctx, m, one)) || k.Equal(get(t, ctx, m, other)) {
		t.Error("a key is not the same each time, or two are")
	}
	if n := len(get(t, ctx, m, short).Bytes()); n != 16 {
		t.Errorf("a key of 128 bits has %d bytes", n)
	}
}

func testCopied(t *testing.T, m keymanager.Manager, as func(string) context.Context) {
	ctx := as("demo")
	id := create(t, ctx, m, 256)
	k := get(t, ctx, m, id)
	copied, err := keymanager.Clone(ctx, m, id)
	if err != nil || copied == id || uuid.Validate(copied) != nil {
		t.Fatalf("copied %q as %q, %v", id, copied, err)
	}
	if err := m.Delete(ctx, id); err != nil {
		t.Fatal(err)
	}
	if !get(t, ctx, m, copied).Equal(k) {
		t.Error("the copy is another key")
	}
	if copied, err := keymanager.Clone(ctx, m, id); !fault.Is(err, fault.NotFound) || copied != "" {
		t.Errorf("a copy of what is gone: %q, %v", copied, err)
	}
}

func testAnothers(t *testing.T, m keymanager.Manager, as func(string) context.Context) {
	id := create(t, as("demo"), m, 256)
	if _, err := m.Get(as("other"), id); !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Forbidden) {
		t.Errorf("fetched: %v", err)
	}
	if err := m.Delete(as("other"), id); !fault.Is(err, fault.Forbidden) {
		t.Errorf("removed: %v", err)
	}
	get(t, as("demo"), m, id)
}

// testHandedOver is a transfer: from the owner to the service, and from it to somebody else.
func testHandedOver(t *testing.T, m keymanager.Manager, as func(string) context.Context) {
	owner, other := as("demo"), as("other")
	id := create(t, owner, m, 256)
	k := get(t, owner, m, id)
	offered, err := keymanager.Move(owner, m.AsService(owner), m, id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Get(owner, offered); err == nil {
		t.Error("the owner has what belongs to the service")
	}
	accepted, err := keymanager.Move(m.AsService(other), other, m, offered)
	if err != nil {
		t.Fatal(err)
	}
	if !get(t, other, m, accepted).Equal(k) {
		t.Error("another key was handed over")
	}
	if err := keymanager.Drop(other, m, offered); err != nil { // not theirs: the service removes it
		t.Error(err)
	}
	if _, err := m.Get(m.AsService(other), offered); !fault.Is(err, fault.NotFound) {
		t.Errorf("it is there still: %v", err)
	}
}

// testShared is for key managers that can share keys, and worlds in which who asks has an id.
func testShared(t *testing.T, m keymanager.Manager, as func(string) context.Context) {
	owner, other := m.AsService(as("demo")), as("demo")
	sharer, can := m.(keymanager.Sharer)
	user := reqctx.From(other).UserID
	if !can || user == "" {
		t.Skip("keys cannot be shared here, or nobody says who asks")
	}
	id := create(t, owner, m, 256)
	if _, err := m.Get(other, id); err == nil {
		t.Error("another's key before it is shared")
	}
	if err := sharer.Share(owner, id, user); err != nil {
		t.Fatal(err)
	}
	if !get(t, other, m, id).Equal(get(t, owner, m, id)) {
		t.Error("another key is shared")
	}
	if err := m.Delete(other, id); !fault.Is(err, fault.Forbidden) {
		t.Errorf("somebody it is shared with removes it: %v", err)
	}
	if err := sharer.Share(other, id, user); err == nil {
		t.Error("somebody it is shared with shares it")
	}
	if err := keymanager.Drop(other, m, id); err != nil {
		t.Error(err)
	}
}

func testRemoved(t *testing.T, m keymanager.Manager, as func(string) context.Context) {
	ctx := as("demo")
	id := create(t, ctx, m, 256)
	for range 2 {
		if err := m.Delete(ctx, id); err != nil {
			t.Error(err)
		}
	}
	for _, gone := range []string{id, uuid.NewString()} {
		if _, err := m.Get(ctx, gone); !fault.Is(err, fault.NotFound) {
			t.Errorf("fetched: %v", err)
		}
	}
}

func testTimeUp(t *testing.T, m keymanager.Manager, as func(string) context.Context) {
	id := create(t, as("demo"), m, 256)
	ctx, cancel := context.WithCancel(as("demo"))
	cancel()
	if _, err := m.Create(ctx, "aes", 256); err != nil && !fault.Is(err, fault.Unavailable) {
		t.Errorf("made: %v", err)
	}
	if _, err := m.Get(ctx, id); err != nil && !fault.Is(err, fault.Unavailable) {
		t.Errorf("fetched: %v", err)
	}
}
