package harness

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// toolTimeout bounds each run of a foreign tool.
const toolTimeout = 60 * time.Second

// run runs a foreign tool, or skips the test if it is not installed, and gives all it said.
func run(t testing.TB, tool string, args ...string) (string, error) {
	t.Helper()
	NeedTools(t, tool)
	ctx, cancel := context.WithTimeout(t.Context(), toolTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, tool, args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s", tool, strings.Join(args, " "), err, out)
	}
	return string(out), err
}

// QemuIO runs commands of qemu-io one after the other on an NBD URI. qemu-io ends with success even when a command was
// refused or a pattern was not found; then this gives an error too.
func QemuIO(t testing.TB, uri string, commands ...string) error {
	t.Helper()
	return qemuIO(t, []string{"-f", "raw"}, uri, commands)
}

// QemuIOReadOnly is QemuIO on a device opened for reading.
func QemuIOReadOnly(t testing.TB, uri string, commands ...string) error {
	t.Helper()
	return qemuIO(t, []string{"-f", "raw", "-r"}, uri, commands)
}

func qemuIO(t testing.TB, args []string, uri string, commands []string) error {
	t.Helper()
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	out, err := run(t, "qemu-io", append(args, uri)...)
	if err == nil && (strings.Contains(out, "failed") || strings.Contains(out, "rror")) {
		err = fmt.Errorf("qemu-io complained: %s", out)
	}
	return err
}

// DeviceSize is the size in bytes that an NBD URI has for a client that connects now.
func DeviceSize(t testing.TB, uri string) int64 {
	t.Helper()
	out, err := run(t, "qemu-img", "info", "--output=json", "-f", "raw", uri)
	if err != nil {
		t.Fatal(err)
	}
	var info struct {
		VirtualSize int64 `json:"virtual-size"`
	}
	if err := json.Unmarshal([]byte(out), &info); err != nil {
		t.Fatalf("%v in: %s", err, out)
	}
	return info.VirtualSize
}

// Session is a consumer that stays connected while the test does other things: a qemu-io on its standard input.
type Session struct {
	in  io.WriteCloser
	out *bufio.Reader
}

// OpenSession connects to an NBD URI.
func OpenSession(t testing.TB, uri string) *Session {
	t.Helper()
	NeedTools(t, "qemu-io")
	ctx, cancel := context.WithTimeout(t.Context(), toolTimeout)
	command := exec.CommandContext(ctx, "qemu-io", "-f", "raw", uri)
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stderr = command.Stdout
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cancel()
		_ = command.Wait() // it may well have lost its device
	})
	return &Session{in: in, out: bufio.NewReader(out)}
}

// Do gives qemu-io one command and returns the first line it says about it: "read 512/512 bytes at offset 0" or "wrote
// ..." when it succeeded. Where its answer ends shows when it is asked for help with what does not exist; it listens
// again only once it has begun to answer.
func (s *Session) Do(t testing.TB, command string) string {
	t.Helper()
	s.say(t, command)
	first := s.line(t)
	s.say(t, "help end-of-answer")
	for range 100 {
		if strings.Contains(s.line(t), "end-of-answer not found") {
			return first
		}
	}
	t.Fatal("qemu-io does not stop talking")
	return ""
}

func (s *Session) say(t testing.TB, line string) {
	t.Helper()
	if _, err := fmt.Fprintln(s.in, line); err != nil {
		t.Fatal(err)
	}
}

func (s *Session) line(t testing.TB) string {
	t.Helper()
	line, err := s.out.ReadString('\n')
	if err != nil {
		t.Fatalf("qemu-io ended: %v", err)
	}
	return strings.TrimSpace(strings.ReplaceAll(line, "qemu-io> ", ""))
}

// Picture is what a volume should hold, every byte of it: blocks in a sea of zeroes.
type Picture struct {
	SizeBytes int64
	blocks    map[int64][]byte // by offset, each blockBytes long and aligned to that
	random    *rand.Rand
}

const blockBytes = 64 << 10

// NewPicture is a picture of an empty volume.
func NewPicture(sizeGiB int64) *Picture {
	return &Picture{SizeBytes: sizeGiB << 30, blocks: map[int64][]byte{}, random: rand.New(rand.NewPCG(1, uint64(sizeGiB)))}
}

// Clone is a copy that changes by itself.
func (p *Picture) Clone() *Picture {
	q := *p
	q.blocks = maps.Clone(p.blocks)
	q.random = rand.New(rand.NewPCG(p.random.Uint64(), p.random.Uint64()))
	return &q
}

// Grow makes the picture larger; what is added is zero.
func (p *Picture) Grow(sizeGiB int64) { p.SizeBytes = sizeGiB << 30 }

// Upload changes some blocks to noise and writes the whole picture to a device with nbdcopy, over several connections.
// The first and the last block are among them.
func (p *Picture) Upload(t testing.TB, uri string) {
	t.Helper()
	for _, offset := range append(p.places(10), 0, p.SizeBytes-blockBytes) {
		noise := make([]byte, blockBytes)
		for i := range noise {
			noise[i] = byte(p.random.Uint32())
		}
		p.blocks[offset] = noise
	}
	path := p.render(t)
	defer os.Remove(path)
	if _, err := run(t, "nbdcopy", "--flush", path, uri); err != nil {
		t.Fatal(err)
	}
}

// Overwrite changes some blocks of the device with qemu-io: half of those written before, some new, and some to zero
// by discarding them.
func (p *Picture) Overwrite(t testing.TB, uri string) {
	t.Helper()
	var commands []string
	for i, offset := range slices.Sorted(maps.Keys(p.blocks)) {
		switch i % 4 {
		case 0:
			commands = append(commands, p.fill(offset))
		case 1:
			delete(p.blocks, offset)
			commands = append(commands, fmt.Sprintf("write -z -u %d %d", offset, blockBytes))
		}
	}
	for _, offset := range append(p.places(4), p.SizeBytes-blockBytes) {
		commands = append(commands, p.fill(offset))
	}
	if err := QemuIO(t, uri, append(commands, "flush")...); err != nil {
		t.Fatal(err)
	}
}

// fill changes one block to one byte and gives qemu-io's command for it.
func (p *Picture) fill(offset int64) string {
	value := byte(1 + p.random.IntN(255))
	p.blocks[offset] = bytes.Repeat([]byte{value}, blockBytes)
	return fmt.Sprintf("write -P %d %d %d", value, offset, blockBytes)
}

func (p *Picture) places(n int) []int64 {
	places := make([]int64, n)
	for i := range places {
		places[i] = p.random.Int64N(p.SizeBytes/blockBytes) * blockBytes
	}
	return places
}

// render writes the picture into a sparse file.
func (p *Picture) render(t testing.TB) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "picture"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(p.SizeBytes); err != nil {
		t.Fatal(err)
	}
	for offset, block := range p.blocks {
		if _, err := f.WriteAt(block, offset); err != nil {
			t.Fatal(err)
		}
	}
	return f.Name()
}

// Compare fails the test unless the device has the picture's size and holds it, every byte.
func (p *Picture) Compare(t testing.TB, what, uri string) {
	t.Helper()
	if size := DeviceSize(t, uri); size != p.SizeBytes {
		t.Errorf("%s: the device has %d bytes, want %d", what, size, p.SizeBytes)
	}
	path := p.render(t)
	defer os.Remove(path)
	if out, err := run(t, "qemu-img", "compare", "-f", "raw", "-F", "raw", path, uri); err != nil {
		t.Errorf("%s does not hold the expected bytes: %v %s", what, err, out)
	}
}
