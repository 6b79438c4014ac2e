package statedir

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
)

// TestFixedKey: the key is made once, and its owner alone can read it.
func TestFixedKey(t *testing.T) {
	dir := t.TempDir()
	key, err := FixedKey(dir)
	if b, hexErr := hex.DecodeString(key); err != nil || hexErr != nil || len(b) != fixedKeyBytes {
		t.Fatalf("a key of %d digits, %v", len(key), err)
	}
	if again, err := FixedKey(dir); err != nil || again != key {
		t.Errorf("the second start has another key, %v", err)
	}
	other, err := FixedKey(t.TempDir())
	if err != nil || other == key {
		t.Errorf("another cloud has the same key, %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v", entries, err)
	}
	if info, err := entries[0].Info(); err != nil || info.Mode() != 0o600 {
		t.Errorf("%s is %v, %v", info.Name(), info.Mode(), err)
	}
	if _, err := FixedKey(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("a key was kept where there is no directory")
	}
}
