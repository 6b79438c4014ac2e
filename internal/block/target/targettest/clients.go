package targettest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// debianPackage says where a tool comes from.
func debianPackage(tool string) string {
	switch tool {
	case "qemu-io", "qemu-img":
		return "qemu-utils"
	case "nbdcopy", "nbdinfo":
		return "libnbd-bin"
	}
	return tool
}

// command makes a command of a foreign tool, or skips the test if it is not installed.
func command(t testing.TB, ctx context.Context, tool string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		t.Skipf("%s is not installed (Debian package %s)", tool, debianPackage(tool))
	}
	return exec.CommandContext(ctx, path, args...)
}

// try runs a foreign tool and gives its output and how it ended.
func try(t testing.TB, tool string, args ...string) (output string, err error) {
	t.Helper()
	out, err := command(t, deadline(t), tool, args...).CombinedOutput()
	return string(out), err
}

// must runs a foreign tool that has to succeed.
func must(t testing.TB, tool string, args ...string) string {
	t.Helper()
	out, err := try(t, tool, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", tool, strings.Join(args, " "), err, out)
	}
	return out
}

// qemuIO runs qemu-io's commands one after the other on a raw device. It also fails where qemu-io only says that a
// pattern was not found and ends with success.
func qemuIO(t testing.TB, readOnly bool, uri string, commands ...string) error {
	t.Helper()
	args := []string{"-f", "raw"}
	if readOnly {
		args = append(args, "-r")
	}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	out, err := try(t, "qemu-io", append(args, uri)...)
	if err == nil && (strings.Contains(out, "failed") || strings.Contains(out, "rror")) {
		err = fmt.Errorf("qemu-io complained")
	}
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// extent is one of qemu-img map's.
type extent struct {
	Start  int64 `json:"start"`
	Length int64 `json:"length"`
	Zero   bool  `json:"zero"`
	Data   bool  `json:"data"`
}

func qemuMap(t testing.TB, uri string) []extent {
	t.Helper()
	var all []extent
	if err := json.Unmarshal([]byte(must(t, "qemu-img", "map", "--output=json", "-f", "raw", uri)), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func qemuSize(t testing.TB, uri string) int64 {
	t.Helper()
	var info struct {
		VirtualSize int64 `json:"virtual-size"`
	}
	if err := json.Unmarshal([]byte(must(t, "qemu-img", "info", "--output=json", "-f", "raw", uri)), &info); err != nil {
		t.Fatal(err)
	}
	return info.VirtualSize
}

// session is a qemu-io that stays connected while the test does other things.
type session struct {
	in  io.WriteCloser
	out *bufio.Reader
}

func openSession(t testing.TB, uri string) *session {
	t.Helper()
	cmd := command(t, deadline(t), "qemu-io", "-f", "raw", uri)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait() // it may well have lost its device
	})
	return &session{in: in, out: bufio.NewReader(out)}
}

// do gives qemu-io one command and returns what it says about it, one line or several. It knows where that ends by
// asking for help with something that does not exist, once qemu-io has begun to answer: before, it would not look.
func (s *session) do(t testing.TB, command string) string {
	t.Helper()
	s.say(t, command)
	said := []string{s.line(t)}
	s.say(t, "help end-of-answer")
	for range 100 {
		line := s.line(t)
		if strings.Contains(line, "end-of-answer not found") {
			return strings.TrimSpace(strings.Join(said, "\n"))
		}
		said = append(said, line)
	}
	t.Fatalf("qemu-io does not stop talking: %q", said)
	return ""
}

func (s *session) say(t testing.TB, command string) {
	t.Helper()
	if _, err := fmt.Fprintln(s.in, command); err != nil {
		t.Fatal(err)
	}
}

func (s *session) line(t testing.TB) string {
	t.Helper()
	line, err := s.out.ReadString('\n')
	if err != nil {
		t.Fatalf("qemu-io ended: %v", err)
	}
	return strings.TrimSpace(strings.ReplaceAll(line, "qemu-io> ", ""))
}

func cutScheme(uri string) (scheme, rest string, ok bool) { return strings.Cut(uri, ":") }

// picture writes a file of the given size with islands of noise in a sea of holes, and returns its bytes.
func picture(t testing.TB, path string, size int64) []byte {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, uint64(size)))
	whole := make([]byte, size)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.Truncate(size); err != nil {
		t.Fatal(err)
	}
	for range 12 {
		offset := rnd.Int64N(size/4096) * 4096
		island := whole[offset:min(size, offset+rnd.Int64N(256<<10)+1)]
		for i := range island {
			island[i] = byte(rnd.Uint32())
		}
		if _, err := file.WriteAt(island, offset); err != nil {
			t.Fatal(err)
		}
	}
	return whole
}

// wantBytes compares a file with what it should hold.
func wantBytes(t testing.TB, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s does not hold the expected bytes", path)
	}
}
