package execx

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestMain lets the test binary be the process that runs a program and is killed meanwhile.
func TestMain(m *testing.M) {
	if pidFile := os.Getenv("EXECX_TEST_PARENT_OF"); pidFile != "" {
		_, _ = System{}.Run(context.Background(), sh(`echo $$ >"$1.new"; mv "$1.new" "$1"; exec sleep 60`, pidFile))
		return
	}
	os.Exit(m.Run())
}

// A program does not outlive a process that is killed: it would go on writing to what the next one works on.
func TestKilledWithUs(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "EXECX_TEST_PARENT_OF="+pidFile)
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	pid := waitForPID(t, pidFile)
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // it was killed
	if state := processState(pid); state != "" && state != "Z" && state != "X" {
		t.Errorf("the program still lives, in state %s", state)
	}
}
