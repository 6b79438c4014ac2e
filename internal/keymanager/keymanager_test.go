package keymanager

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/config"
)

const digits = "00112233445566778899aabbccddeeff"

// TestFixed: one key under one id, whatever is asked for, and no other one.
func TestFixed(t *testing.T) {
	ctx := t.Context()
	m, err := NewFixed(digits)
	if err != nil {
		t.Fatal(err)
	}
	id, err := m.Create(ctx, "aes", 256)
	if err != nil || id != "00000000-0000-0000-0000-000000000000" {
		t.Errorf("made %s, %v", id, err)
	}
	if copied, err := Clone(ctx, m, id); err != nil || copied != id {
		t.Errorf("copied %s, %v", copied, err)
	}
	if _, err := Move(ctx, m.AsService(ctx), m, "another"); !fault.Is(err, fault.NotFound) {
		t.Errorf("another key: %v", err)
	}
	if _, err := m.Store(ctx, NewKey("AES", []byte("another"))); !fault.Is(err, fault.Invalid) {
		t.Errorf("another key was stored: %v", err)
	}
	for _, id := range []string{id, "another"} {
		if err := m.Delete(ctx, id); err != nil {
			t.Error(err)
		}
	}
	k, err := m.Get(ctx, id)
	if err != nil || !k.Equal(NewKey("AES", []byte{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff})) || k.Algorithm != "AES" {
		t.Errorf("the key is another one, %v", err)
	}
	for _, bad := range []string{"", "0", "xy", "0x12", digits + " "} {
		if _, err := NewFixed(bad); !fault.Is(err, fault.Invalid) || bad != "" && strings.Contains(err.Error(), bad) && len(bad) > 1 {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestKeyIsMasked: a key shows itself in no way that something is usually printed in.
func TestKeyIsMasked(t *testing.T) {
	k := NewKey("AES", []byte("hush, hush"))
	marshalled, err := json.Marshal(map[string]any{"key": k, "pointer": &k})
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "key", k, "pointer", &k, "within", []Key{k})
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "key", k, "pointer", &k, "within", []Key{k})
	for _, text := range []string{fmt.Sprint(k), fmt.Sprintf("%v %+v %#v %s %q", k, k, k, k, k), fmt.Sprintf("%v %+v", &k, struct{ K Key }{k}),
		fmt.Sprintf("%x", k), string(marshalled), logged.String()} {
		if strings.Contains(text, "hush") || strings.Contains(text, "68757368") || strings.Contains(text, "104 117") {
			t.Errorf("the key shows: %s", text)
		}
	}
}

// TestWithFixed: the fixed key of before is there under its id and stays; everything else is the other key manager's.
func TestWithFixed(t *testing.T) {
	ctx := t.Context()
	fixed, err := NewFixed(digits)
	if err != nil {
		t.Fatal(err)
	}
	other := stub{"another": NewKey("AES", []byte("another"))}
	m := WithFixed(other, fixed)
	k, err := m.Get(ctx, FixedKeyID)
	if err != nil || !k.Equal(fixed.key) {
		t.Errorf("the fixed key: %v", err)
	}
	if err := m.Delete(ctx, FixedKeyID); err != nil {
		t.Errorf("removed: %v", err)
	}
	if k, err = m.Get(ctx, "another"); err != nil || !k.Equal(other["another"]) {
		t.Errorf("another: %v", err)
	}
	if id, err := Clone(ctx, m, FixedKeyID); err != nil || id != "stored" || !other["stored"].Equal(fixed.key) {
		t.Errorf("copied as %q, %v", id, err)
	}
	if err := m.Delete(ctx, "another"); err != nil || len(other) != 1 {
		t.Errorf("removed: %v, left %v", err, len(other))
	}
}

// stub is a key manager that tests look into.
type stub map[string]Key

func (s stub) Create(context.Context, string, int64) (string, error) { return "made", nil }
func (s stub) Get(_ context.Context, id string) (Key, error)         { return s[id], nil }
func (s stub) Store(_ context.Context, k Key) (string, error)        { s["stored"] = k; return "stored", nil }
func (s stub) Delete(_ context.Context, id string) error             { delete(s, id); return nil }
func (s stub) AsService(ctx context.Context) context.Context         { return ctx }

func TestSettings(t *testing.T) {
	for name, tc := range map[string]struct {
		conf    map[string]string
		fixed   bool
		refused string
	}{
		"nothing said":   {},
		"barbican":       {conf: map[string]string{"backend": "castellan.key_manager.barbican_key_manager.BarbicanKeyManager"}},
		"barbican, old":  {conf: map[string]string{"backend": "cinder.keymgr.barbican.BarbicanKeyManager"}},
		"a key before":   {conf: map[string]string{"fixed_key": digits}},
		"no key before":  {conf: map[string]string{"fixed_key": "hush"}, refused: "hexadecimal digits"},
		"fixed":          {conf: map[string]string{"backend": FixedBackend, "fixed_key": digits}, fixed: true},
		"of old":         {conf: map[string]string{"api_class": FixedBackend, "fixed_key": digits}, fixed: true},
		"no key":         {conf: map[string]string{"backend": FixedBackend}, refused: "fixed_key"},
		"no good key":    {conf: map[string]string{"backend": FixedBackend, "fixed_key": "hush"}, refused: "hexadecimal digits"},
		"vault":          {conf: map[string]string{"backend": "vault"}, refused: "there is no such key manager"},
		"something else": {conf: map[string]string{"backend": "x.Y"}, refused: FixedBackend + ", or barbican"},
	} {
		t.Run(name, func(t *testing.T) {
			s, file, text := NewSettings(), filepath.Join(t.TempDir(), "cinder.conf"), "[key_manager]\n"
			for key, value := range tc.conf {
				text += key + " = " + value + "\n"
			}
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := config.Load(config.Sources{Files: []string{file}}, s.All()...)
			if err != nil {
				t.Fatal(err)
			}
			asked := 0
			m, err := s.Open(c, func() (Manager, error) { asked++; return stub{}, nil })
			if tc.refused != "" {
				if err == nil || !strings.Contains(err.Error(), tc.refused) || strings.Contains(err.Error(), "hush") {
					t.Errorf("error %v, want %q in it", err, tc.refused)
				}
				return
			}
			if _, fixed := m.(*Fixed); err != nil || fixed != tc.fixed || fixed != (asked == 0) {
				t.Errorf("%T, %v", m, err)
			}
			if _, with := m.(withFixed); with != (!tc.fixed && tc.conf["fixed_key"] != "") {
				t.Errorf("%T", m)
			}
		})
	}
}
