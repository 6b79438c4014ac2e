package filelock_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/lock"
	"github.com/clinker/clinker/internal/lock/filelock"
	"github.com/clinker/clinker/internal/lock/locktest"
)

func open(dir string) (*lock.Shared, error) { return filelock.New(dir), nil }

func TestMain(m *testing.M) { locktest.Main(m, open) }

func TestLocks(t *testing.T) {
	locktest.Run(t, func(t *testing.T) *locktest.Service {
		return &locktest.Service{Open: open, Address: filepath.Join(t.TempDir(), "made", "here")}
	})
}

func TestNames(t *testing.T) {
	l := filelock.New(t.TempDir())
	defer l.Close()
	for _, name := range []string{"", ".", "..", "../x", "a/b", "a\x00"} {
		if _, _, err := l.Lock(t.Context(), name); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestRemovedFile: a lock on a file that was removed is no lock.
func TestRemovedFile(t *testing.T) {
	dir := t.TempDir()
	a, b := filelock.New(dir), filelock.New(dir)
	defer a.Close()
	defer b.Close()
	_, unlock, err := a.Lock(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	if err := os.Remove(filepath.Join(dir, "x")); err != nil {
		t.Fatal(err)
	}
	_, unlock, err = b.Lock(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if _, err := os.Stat(filepath.Join(dir, "x")); err != nil {
		t.Error(err)
	}
}

// TestPython: the lock that Python's fcntl.lockf takes, which is what tooz uses, and ours exclude each other.
func TestPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	dir := t.TempDir()
	tries := func() string {
		out, err := exec.Command(python, "-c", "import fcntl,sys\nf=open(sys.argv[1],'a')\n"+
			"try:\n fcntl.lockf(f,fcntl.LOCK_EX|fcntl.LOCK_NB); print('locked')\nexcept OSError: print('refused')", filepath.Join(dir, "x")).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	l := filelock.New(dir)
	defer l.Close()
	_, unlock, err := l.Lock(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	if got := tries(); got != "refused\n" {
		t.Errorf("while we have it, Python is %s", got)
	}
	unlock()
	if got := tries(); got != "locked\n" {
		t.Errorf("when we have given it back, Python is %s", got)
	}
}
