// Package harness runs the real clinker binary for end-to-end tests: it builds it once, starts it on an address and a
// state directory of its own, kills and restarts it, and offers what speaks to it: gophercloud, plain HTTP, and Debian's
// NBD clients.
//
// What must not live here: anything a test asserts about the product beyond "it runs and does not crash".
package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binaryVariable names the binary under test. Whoever sets it spares the tests the build.
const binaryVariable = "CLINKER_BINARY"

// Main is what a package's TestMain calls: it builds the binary, runs the tests and gives their exit status.
//
//	func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
func Main(m *testing.M) int {
	if os.Getenv(binaryVariable) != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "clinker-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "harness:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "clinker")
	build := exec.Command("go", "build", "-o", binary, "github.com/clinker/clinker/cmd/clinker")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "harness: go build:", err)
		return 1
	}
	if err := os.Setenv(binaryVariable, binary); err != nil {
		fmt.Fprintln(os.Stderr, "harness:", err)
		return 1
	}
	return m.Run()
}

// Binary is the path of the binary under test.
func Binary(t testing.TB) string {
	t.Helper()
	path := os.Getenv(binaryVariable)
	if path == "" {
		t.Fatal("no binary: TestMain must call harness.Main")
	}
	return path
}

// PackageOf names the Debian package a foreign tool comes from.
func PackageOf(tool string) string {
	switch tool {
	case "qemu-io", "qemu-img":
		return "qemu-utils"
	case "nbdcopy", "nbdinfo":
		return "libnbd-bin"
	case "cinder":
		return "python3-cinderclient"
	}
	return tool
}

// NeedTools skips the test unless all the foreign tools are installed, and says which Debian package is missing.
func NeedTools(t testing.TB, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed (Debian package %s)", tool, PackageOf(tool))
		}
	}
}
