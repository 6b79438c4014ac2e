package fernet_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/fernet"
)

// The vectors of the specification, github.com/fernet/spec: generate.json and verify.json.
const (
	specKey   = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
	specToken = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA=="
)

func key(t testing.TB, text string) fernet.Key {
	t.Helper()
	k, err := fernet.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestOpensTheSpecificationsToken(t *testing.T) {
	keys := fernet.Keys{fernet.NewKey(), key(t, specKey)}
	for _, token := range []string{specToken, strings.TrimRight(specToken, "=")} {
		text, at, err := keys.Open(token)
		if err != nil || string(text) != "hello" || at.Unix() != 499162800 {
			t.Errorf("%q: %q at %v, %v", token, text, at.Unix(), err)
		}
	}
}

func TestSealAndOpen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOf(rapid.Byte()).Draw(t, "text")
		at := time.Unix(rapid.Int64Range(0, 1<<40).Draw(t, "at"), 0)
		keys := fernet.Keys{fernet.NewKey()}
		token := keys.Seal(text, at)
		if strings.ContainsAny(token, "=+/") {
			t.Errorf("%q does not fit a URL", token)
		}
		// Another key before and after does no harm.
		got, when, err := fernet.Keys{fernet.NewKey(), keys[0], fernet.NewKey()}.Open(token)
		if err != nil || !bytes.Equal(got, text) || !when.Equal(at) {
			t.Errorf("%q at %v, %v; want %q at %v", got, when, err, text, at)
		}
	})
}

// TestForgeries changes every byte of a token.
func TestForgeries(t *testing.T) {
	keys := fernet.Keys{fernet.NewKey()}
	token := keys.Seal([]byte("who may what"), time.Now())
	for i := range token {
		for _, c := range []byte("AQg_") {
			forged := token[:i] + string(c) + token[i+1:]
			if _, _, err := keys.Open(forged); forged != token && err == nil && !sameBits(i, len(token)) {
				t.Errorf("a token whose character %d was changed opens", i)
			}
		}
	}
	for _, other := range []string{"", "gAAAAA", strings.Repeat("A", 1<<20), token[:len(token)-4], token + "AAAA", "é" + token} {
		if _, _, err := keys.Open(other); err != fernet.ErrInvalid {
			t.Errorf("%.20q: %v", other, err)
		}
	}
	if _, _, err := (fernet.Keys{fernet.NewKey()}).Open(token); err != fernet.ErrInvalid {
		t.Errorf("another key: %v", err)
	}
}

// sameBits says that a character holds bits that base64 does not use, so that changing it may change nothing.
func sameBits(i, length int) bool { return i == length-1 && length%4 != 0 }

func TestKeysDoNotPrint(t *testing.T) {
	k := key(t, specKey)
	for _, verb := range []string{"%v", "%s", "%x", "%q", "%+v", "%#v", "%d"} {
		if text := fmt.Sprintf(verb, k) + fmt.Sprintf(verb, fernet.Keys{k}); strings.Contains(text, "cw_0") || strings.Contains(text, "730f") ||
			strings.Contains(text, "115") {
			t.Errorf("%s shows the key: %s", verb, text)
		}
	}
}

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
	}
	return list
}

func TestRepository(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	r, err := fernet.OpenRepository(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"0", "1"}) {
		t.Fatalf("a new repository has %v", got)
	}
	other, err := fernet.OpenRepository(dir) // another process
	if err != nil {
		t.Fatal(err)
	}
	token := r.Keys().Seal([]byte("first"), time.Now())
	for i, want := range [][]string{{"0", "1", "2"}, {"0", "2", "3"}, {"0", "3", "4"}} {
		if err := r.Rotate(3); err != nil {
			t.Fatal(err)
		}
		if got := names(t, dir); !slices.Equal(got, want) {
			t.Errorf("after %d rotations: %v, want %v", i+1, got, want)
		}
		// What was staged makes tokens now, and those who knew it open them before they look again.
		if _, _, err := other.Keys().Open(r.Keys().Seal([]byte("x"), time.Now())); err != nil {
			t.Errorf("after %d rotations: %v", i+1, err)
		}
		if _, _, err := r.Keys().Open(token); (err == nil) != (i == 0) {
			t.Errorf("the first key's token after %d rotations: %v", i+1, err)
		}
	}
	if err := r.Rotate(1); err == nil {
		t.Error("a rotation that would leave no primary key")
	}
	// A rotation that was cut short after its first step.
	if err := os.Remove(filepath.Join(dir, "0")); err != nil {
		t.Fatal(err)
	}
	if err := r.Rotate(3); err != nil {
		t.Error(err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"0", "3", "4"}) {
		t.Errorf("after a rotation cut short: %v", got)
	}
}

func TestRepositoryRefusesWhatIsNoKey(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "7"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := fernet.OpenRepository(dir); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "7")) || strings.Contains(err.Error(), "short") {
		t.Errorf("%v", err)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(specToken)
	f.Add("gAAAAA")
	keys := fernet.Keys{key(f, specKey)}
	f.Fuzz(func(t *testing.T, token string) {
		text, at, err := keys.Open(token)
		if err != nil && (err != fernet.ErrInvalid || text != nil || !at.IsZero()) {
			t.Errorf("%q: %q %v %v", token, text, at, err)
		}
	})
}
