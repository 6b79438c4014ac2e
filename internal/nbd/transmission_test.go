package nbd_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/nbd"
	"github.com/clinker/clinker/internal/nbd/wire"
)

// TestBytesAreAsWritten plays random requests against a plain slice of bytes, over two connections in turns.
func TestBytesAreAsWritten(t *testing.T) {
	const size = 5<<20 + 123
	device := newMemory(size)
	f := start(t, nbd.Options{}, export("disk", device))
	clients := []*client{f.use("disk", true), f.use("disk", false)}
	model := make([]byte, size)

	rapid.Check(t, func(t *rapid.T) {
		c := clients[rapid.IntRange(0, 1).Draw(t, "client")]
		offset := rapid.Uint64Range(0, size).Draw(t, "offset")
		length := rapid.Uint32Range(0, uint32(size-offset)).Draw(t, "length")
		part := model[offset : offset+uint64(length)]
		switch cmd := rapid.SampledFrom([]wire.Command{wire.CmdRead, wire.CmdWrite, wire.CmdWriteZeroes}).Draw(t, "command"); cmd {
		case wire.CmdRead:
			if !bytes.Equal(c.read(offset, length), part) {
				t.Fatalf("a read of %d at %d gave other bytes than were written", length, offset)
			}
		case wire.CmdWrite:
			fill(part, rapid.Uint64().Draw(t, "seed"))
			c.write(offset, part)
		case wire.CmdWriteZeroes:
			clear(part)
			if a := c.do(cmd, 0, offset, length, nil); a.errno != 0 {
				t.Fatalf("write zeroes: %v", a.errno)
			}
		}
	})
	for _, c := range clients {
		if !bytes.Equal(c.read(0, size), model) {
			t.Error("the whole device reads other bytes than were written")
		}
	}
	if _, broken := device.promises(); broken != nil {
		t.Error(broken)
	}
}

func fill(b []byte, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
}

func TestWhatIsWrongWithARequest(t *testing.T) {
	const size = 64 << 20
	device := newMemory(size)
	readOnly := export("ro", device)
	readOnly.ReadOnly = true
	f := start(t, nbd.Options{}, export("rw", device), readOnly)
	rw, ro, simple := f.use("rw", true), f.use("ro", true), f.use("rw", false)

	for _, tt := range []struct {
		what   string
		client *client
		cmd    wire.Command
		flags  uint16
		offset uint64
		length uint32
		want   wire.Errno
	}{
		{"read at the end", rw, wire.CmdRead, 0, size - 1, 1, 0},
		{"read over the end", rw, wire.CmdRead, 0, size - 1, 2, wire.EINVAL},
		{"read that wraps around", rw, wire.CmdRead, 0, 1<<64 - 1, 2, wire.EINVAL},
		{"read beyond what is signed", rw, wire.CmdRead, 0, 1<<63 - 1, 2, wire.EINVAL},
		{"read of nothing at the end", rw, wire.CmdRead, 0, size, 0, 0},
		{"read of nothing", simple, wire.CmdRead, 0, 0, 0, 0},
		{"longest read", rw, wire.CmdRead, 0, 0, 32 << 20, 0},
		{"read too long", rw, wire.CmdRead, 0, 0, 32<<20 + 1, wire.EOVERFLOW},
		{"simple read too long", simple, wire.CmdRead, 0, 0, 32<<20 + 1, wire.EINVAL},
		{"unfragmented read", rw, wire.CmdRead, wire.CmdFlagDF, 0, 1 << 20, 0},
		{"unfragmented read too long", rw, wire.CmdRead, wire.CmdFlagDF, 0, 1<<20 + 1, wire.EOVERFLOW},
		{"unfragmented read without structured replies", simple, wire.CmdRead, wire.CmdFlagDF, 0, 1, wire.EINVAL},
		{"read with FUA", rw, wire.CmdRead, wire.CmdFlagFUA, 0, 1, 0},
		{"read with an unknown flag", rw, wire.CmdRead, 1 << 9, 0, 1, wire.EINVAL},
		{"write at the end", rw, wire.CmdWrite, 0, size - 1, 1, 0},
		{"write over the end", rw, wire.CmdWrite, 0, size - 1, 2, wire.ENOSPC},
		{"long write over the end", simple, wire.CmdWrite, 0, size - 1, 3 << 20, wire.ENOSPC},
		{"write of nothing", rw, wire.CmdWrite, 0, 0, 0, 0},
		{"write with the wrong flag", rw, wire.CmdWrite, wire.CmdFlagNoHole, 0, 1, wire.EINVAL},
		{"write zeroes over the end", rw, wire.CmdWriteZeroes, 0, size - 1, 2, wire.ENOSPC},
		{"fast zeroes that are fast", rw, wire.CmdWriteZeroes, wire.CmdFlagFastZero, 0, 4096, 0},
		{"fast zeroes that would be slow", rw, wire.CmdWriteZeroes, wire.CmdFlagFastZero, 0, 1, wire.ENOTSUP},
		{"trim over the end", rw, wire.CmdTrim, 0, size - 1, 2, wire.EINVAL},
		{"trim of everything", rw, wire.CmdTrim, 0, 0, size, 0},
		{"block status over the end", rw, wire.CmdBlockStatus, 0, size - 1, 2, wire.EINVAL},
		{"block status of nothing", rw, wire.CmdBlockStatus, 0, 0, 0, wire.EINVAL},
		{"block status without a context", simple, wire.CmdBlockStatus, 0, 0, 1, wire.EINVAL},
		{"flush", rw, wire.CmdFlush, 0, 0, 0, 0},
		{"flush with the wrong flag", rw, wire.CmdFlush, wire.CmdFlagDF, 0, 0, wire.EINVAL},
		{"unknown command", rw, 99, 0, 0, 0, wire.EINVAL},
		{"cache, which was not offered", simple, 5, 0, 0, 1, wire.EINVAL},
		{"read from a read-only export", ro, wire.CmdRead, 0, 0, 1, 0},
		{"flush of a read-only export", ro, wire.CmdFlush, 0, 0, 0, 0},
		{"write to a read-only export", ro, wire.CmdWrite, 0, 0, 1, wire.EPERM},
		{"long write to a read-only export", ro, wire.CmdWrite, 0, 0, 5 << 20, wire.EPERM},
		{"trim of a read-only export", ro, wire.CmdTrim, 0, 0, 1, wire.EPERM},
		{"write zeroes to a read-only export", ro, wire.CmdWriteZeroes, 0, 0, 1, wire.EPERM},
	} {
		var payload []byte
		if tt.cmd == wire.CmdWrite {
			payload = make([]byte, tt.length)
		}
		if a := tt.client.do(tt.cmd, tt.flags, tt.offset, tt.length, payload); a.errno != tt.want {
			t.Errorf("%s: error %d (%v), want %d", tt.what, a.errno, a.errno, tt.want)
		}
	}
	if _, broken := device.promises(); broken != nil {
		t.Error(broken)
	}
}

func TestStreamsThatMakeNoSenseAreDropped(t *testing.T) {
	f := start(t, nbd.Options{}, export("disk", newMemory(64<<20)))
	for what, message := range map[string][]byte{
		"a wrong magic":    make([]byte, wire.RequestHeaderSize),
		"too long a write": wire.Request{Command: wire.CmdWrite, Length: 32<<20 + 1}.Append(nil),
		"a goodbye":        wire.Request{Command: wire.CmdDisc}.Append(nil),
	} {
		t.Run(what, func(t *testing.T) {
			c := f.use("disk", true)
			c.send(message)
			c.wantHangup()
		})
	}
}

func TestHolesTravelLight(t *testing.T) {
	device := newMemory(8 << 20)
	f := start(t, nbd.Options{}, export("disk", device))
	c := f.use("disk", true)
	data := make([]byte, 3*pageSize)
	fill(data, 1)
	c.write(2<<20, data)

	a := c.do(wire.CmdRead, 0, 1<<20, 4<<20, nil)
	if !bytes.Equal(a.data[1<<20:][:len(data)], data) || a.holes != 4<<20-len(data) {
		t.Errorf("a sparse read brought %d bytes as holes, want %d", a.holes, 4<<20-len(data))
	}
	if a := c.do(wire.CmdRead, wire.CmdFlagDF, 2<<20-4096, 1<<20, nil); a.chunks != 1 || a.holes != 0 {
		t.Errorf("an unfragmented read came in %d chunks, %d bytes of holes", a.chunks, a.holes)
	}

	const both = wire.StateHole | wire.StateZero
	want := []status{{1 << 20, both}, {uint32(len(data)), 0}, {4<<20 - 1<<20 - uint32(len(data)), both}}
	if diff := cmp.Diff(want, c.do(wire.CmdBlockStatus, 0, 1<<20, 4<<20, nil).statuses); diff != "" {
		t.Errorf("block status: %s", diff)
	}
	want = []status{{pageSize + 1, 0}}
	if diff := cmp.Diff(want, c.do(wire.CmdBlockStatus, wire.CmdFlagReqOne, 2<<20, pageSize+1, nil).statuses); diff != "" {
		t.Errorf("block status of one extent, which must not be longer than asked for: %s", diff)
	}
}

func TestExtentsPerReplyAreBounded(t *testing.T) {
	device := newMemory(5000 * 2 * pageSize)
	for page := range int64(5000) {
		device.written[2*page] = true
	}
	c := start(t, nbd.Options{}, export("disk", device)).use("disk", true)
	got := c.do(wire.CmdBlockStatus, 0, 0, 5000*2*pageSize, nil).statuses
	if len(got) != 4096 {
		t.Errorf("%d extents in one reply, want 4096", len(got))
	}
}

func TestZeroingSaysHow(t *testing.T) {
	device := newMemory(1 << 20)
	c := start(t, nbd.Options{}, export("disk", device)).use("disk", false)
	for flags, want := range map[uint16]nbd.Zeroing{
		0:                    {},
		wire.CmdFlagNoHole:   {NoHole: true},
		wire.CmdFlagFastZero: {Fast: true},
		wire.CmdFlagNoHole | wire.CmdFlagFastZero: {NoHole: true, Fast: true},
	} {
		if a := c.do(wire.CmdWriteZeroes, flags, 0, 4096, nil); a.errno != 0 {
			t.Errorf("flags %d: %v", flags, a.errno)
		}
		if n := device.count(fmt.Sprintf("zero %+v", want)); n != 1 {
			t.Errorf("flags %d: the device was asked %d times for %+v", flags, n, want)
		}
	}
}

func TestFUAFlushesBeforeTheReply(t *testing.T) {
	device := newMemory(4 << 20)
	c := start(t, nbd.Options{}, export("disk", device)).use("disk", true)
	flushes := 0
	for _, tt := range []struct {
		cmd    wire.Command
		length uint32
	}{{wire.CmdWrite, 512}, {wire.CmdWrite, 3 << 20}, {wire.CmdWriteZeroes, 4096}, {wire.CmdTrim, 4096}} {
		var payload []byte
		if tt.cmd == wire.CmdWrite {
			payload = make([]byte, tt.length)
		}
		c.do(tt.cmd, 0, 0, tt.length, payload)
		if n := device.count("flush"); n != flushes {
			t.Errorf("command %d flushed without being asked", tt.cmd)
		}
		c.do(tt.cmd, wire.CmdFlagFUA, 0, tt.length, payload)
		flushes++
		if n := device.count("flush"); n != flushes {
			t.Errorf("command %d with FUA of %d bytes: %d flushes so far, want %d", tt.cmd, tt.length, n, flushes)
		}
	}
}

func TestGrowthIsUsableAtOnce(t *testing.T) {
	device := newMemory(4096)
	f := start(t, nbd.Options{}, export("disk", device))
	c := f.use("disk", true)
	if a := c.do(wire.CmdWrite, 0, 4096, 3, []byte("new")); a.errno != wire.ENOSPC {
		t.Fatalf("write beyond the end: %v", a.errno)
	}
	device.grow(8192)
	c.write(4096, []byte("new"))
	if got := string(f.use("disk", false).read(4096, 3)); got != "new" {
		t.Errorf("a later client reads %q", got)
	}
}

func TestDeviceErrorsReachTheClientAndTheLog(t *testing.T) {
	device := newMemory(8 << 20)
	var failAt atomic.Int64
	var failure atomic.Pointer[error]
	device.before = func(operation string, offset int64) error {
		if operation != "size" && operation != "status" && offset >= failAt.Load() {
			return *failure.Load()
		}
		return nil
	}
	var log lockedBuffer
	f := start(t, nbd.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, export("capability", device))
	c := f.use("capability", true)

	for err, want := range map[error]wire.Errno{
		errors.New("unknown"): wire.EIO, syscall.ENOSPC: wire.ENOSPC, syscall.EDQUOT: wire.ENOSPC, syscall.EROFS: wire.EPERM,
		fmt.Errorf("pwrite: %w", syscall.EFBIG): wire.ENOSPC, syscall.EBADF: wire.EIO, syscall.EINVAL: wire.EINVAL,
	} {
		failure.Store(&err)
		if a := c.do(wire.CmdWrite, 0, 0, 3, []byte("abc")); a.errno != want {
			t.Errorf("a write that fails with %v: client sees %v, want %v", err, a.errno, want)
		}
	}
	_ = c.do(wire.CmdFlush, 0, 0, 0, nil)
	text := log.String()
	if !strings.Contains(text, "label of capability") || !strings.Contains(text, "operation=write") {
		t.Errorf("the log does not tell what failed:\n%s", text)
	}
	if strings.Contains(strings.ReplaceAll(text, "label of capability", ""), "capability") {
		t.Errorf("the log holds the export's name:\n%s", text)
	}
}

// lockedBuffer is a log's destination.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

func TestErrorsInTheMiddleOfALongRequest(t *testing.T) {
	device := newMemory(8 << 20)
	for page := range int64(2048) {
		device.written[page] = true
	}
	device.before = func(operation string, offset int64) error {
		if (operation == "read" || operation == "write") && offset >= 2<<20 {
			return syscall.EIO
		}
		return nil
	}
	f := start(t, nbd.Options{}, export("disk", device))
	c := f.use("disk", true)
	a := c.do(wire.CmdRead, 0, 512, 4<<20, nil)
	if a.errno != wire.EIO || a.errorAt < 1<<20 || a.errorAt >= 512+4<<20 {
		t.Errorf("structured read: %v at %d", a.errno, a.errorAt)
	}
	if a := c.do(wire.CmdWrite, 0, 512, 4<<20, make([]byte, 4<<20)); a.errno != wire.EIO {
		t.Errorf("long write: %v", a.errno)
	}
	c.read(0, 512) // the stream is still in step

	c = f.use("disk", false)
	if a := c.do(wire.CmdRead, 0, 3<<20, 4<<20, nil); a.errno != wire.EIO {
		t.Errorf("simple read that fails at once: %v", a.errno)
	}
	c.ask(wire.CmdRead, 0, 0, 4<<20, nil)
	c.bytes(wire.SimpleReplySize + 2<<20)
	c.wantHangup() // it had been told that all went well
}

func TestRequestsRunSideBySideUpToABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		device := newMemory(1 << 20)
		gate := make(chan struct{})
		device.before = func(operation string, offset int64) error {
			if operation == "read" && offset > 0 {
				<-gate
			}
			return nil
		}
		c := start(t, nbd.Options{MaxInFlight: 3}, export("disk", device)).use("disk", true)
		want := map[uint64]bool{}
		slow := func(offset uint64) { want[c.ask(wire.CmdRead, 0, offset, 1, nil)] = true }
		slow(512)
		slow(1024)
		c.read(0, 1) // overtakes
		slow(2048)

		taken := false
		go func() {
			slow(4096)
			taken = true
		}()
		synctest.Wait()
		if taken {
			t.Error("a fourth request was taken off the stream")
		}
		close(gate)
		got := map[uint64]bool{}
		for range 4 {
			got[c.receiveAny(512, 4096).cookie] = true
		}
		synctest.Wait()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("cookies answered: %s", diff)
		}
	})
}
