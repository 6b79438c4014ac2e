package filelock_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

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

// TestForget: the files of names that are done with go, and no others.
func TestForget(t *testing.T) {
	dir := t.TempDir()
	l := lock.Prefixed(filelock.New(dir), "cinder-")
	for _, name := range []string{"v", "v-delete_volume", "w", "up-v-host1", "up-v-host2", "up-w-host1"} {
		_, unlock, err := l.Lock(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		unlock()
	}
	lock.Forget(l, "v", "v-delete_volume", "never", "../x")
	lock.Forget(l, "up-v-*")
	lock.Forget(new(lock.Local), "v") // has nothing to forget
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 2 && files[0].Name() == "cinder-up-w-host1" && files[1].Name() == "cinder-w" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("left: %v", files)
		}
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
