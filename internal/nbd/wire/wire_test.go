package wire_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/nbd/wire"
)

func TestRequestSurvivesTheWire(t *testing.T) {
	want := wire.Request{Flags: 0x1234, Command: 0x5678, Cookie: 0x1122334455667788, Offset: 1<<63 + 5, Length: 1<<32 - 1}
	b := want.Append(nil)
	if len(b) != wire.RequestHeaderSize {
		t.Fatalf("%d bytes", len(b))
	}
	got, ok := wire.ParseRequest(b)
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Errorf("ok %v: %s", ok, diff)
	}
	b[0]++
	if _, ok := wire.ParseRequest(b); ok {
		t.Error("a wrong magic was accepted")
	}
}

func text(s string) string { return string(binary.BigEndian.AppendUint32(nil, uint32(len(s)))) + s }

func TestParseInfoRequest(t *testing.T) {
	for _, tt := range []struct {
		what, data string
		want       wire.InfoRequest
		ok         bool
	}{
		{"default export", text("") + "\x00\x00", wire.InfoRequest{}, true},
		{"all wants", text("disk") + "\x00\x04\x00\x01\x00\x02\x00\x03\x00\x09",
			wire.InfoRequest{Name: "disk", WantName: true, WantDescription: true, WantBlockSize: true}, true},
		{"nothing", "", wire.InfoRequest{}, false},
		{"no number of wants", text("disk"), wire.InfoRequest{}, false},
		{"fewer wants than announced", text("disk") + "\xff\xff\x00\x01", wire.InfoRequest{}, false},
		{"more than announced", text("disk") + "\x00\x00\x00", wire.InfoRequest{}, false},
		{"name longer than all", "\xff\xff\xff\xffdisk", wire.InfoRequest{}, false},
	} {
		got, ok := wire.ParseInfoRequest([]byte(tt.data))
		if ok != tt.ok || ok && got != tt.want {
			t.Errorf("%s: %+v, %v", tt.what, got, ok)
		}
	}
}

func TestParseContextRequest(t *testing.T) {
	for _, tt := range []struct {
		what, data string
		want       wire.ContextRequest
		ok         bool
	}{
		{"no queries", text("disk") + "\x00\x00\x00\x00", wire.ContextRequest{Name: "disk"}, true},
		{"several", text("d") + "\x00\x00\x00\x03" + text("qemu:x") + text("base:") + text("base:allocation"),
			wire.ContextRequest{Name: "d", Queries: 3, Wildcard: true, Allocation: true}, true},
		{"nothing", "", wire.ContextRequest{}, false},
		{"four billion queries", text("d") + "\xff\xff\xff\xff", wire.ContextRequest{}, false},
		{"query cut off", text("d") + "\x00\x00\x00\x01\x00\x00\x00\x05bas", wire.ContextRequest{}, false},
		{"more than announced", text("d") + "\x00\x00\x00\x00x", wire.ContextRequest{}, false},
	} {
		got, ok := wire.ParseContextRequest([]byte(tt.data))
		if ok != tt.ok || ok && got != tt.want {
			t.Errorf("%s: %+v, %v", tt.what, got, ok)
		}
	}
}

// FuzzOptions checks that what was parsed lies within what was sent.
func FuzzOptions(f *testing.F) {
	f.Add([]byte(text("disk") + "\x00\x02\x00\x01\x00\x03"))
	f.Add([]byte(text("d") + "\x00\x00\x00\x02" + text("base:") + text("base:allocation")))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, ok := wire.ParseInfoRequest(data); ok && !strings.Contains(string(data), r.Name) {
			t.Errorf("info: name %q", r.Name)
		}
		if r, ok := wire.ParseContextRequest(data); ok && (uint64(r.Queries)*4 > uint64(len(data)) || len(r.Name) > len(data)) {
			t.Errorf("context: %+v from %d bytes", r, len(data))
		}
	})
}

func TestErrnoOf(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want wire.Errno
	}{
		{nil, 0}, {io.EOF, wire.EIO}, {fmt.Errorf("flush: %w", wire.ESHUTDOWN), wire.ESHUTDOWN},
		{syscall.EPERM, wire.EPERM}, {syscall.EACCES, wire.EPERM}, {syscall.EROFS, wire.EPERM},
		{fmt.Errorf("pwrite: %w", syscall.ENOSPC), wire.ENOSPC}, {syscall.EDQUOT, wire.ENOSPC}, {syscall.EFBIG, wire.ENOSPC},
		{syscall.EINVAL, wire.EINVAL}, {syscall.ENOMEM, wire.ENOMEM}, {syscall.EBADF, wire.EIO}, {errors.New("odd"), wire.EIO},
	} {
		if got := wire.ErrnoOf(tt.err); got != tt.want {
			t.Errorf("ErrnoOf(%v) = %v, want %v", tt.err, got, tt.want)
		}
		if tt.want != 0 && strings.HasPrefix(tt.want.Error(), "error ") {
			t.Errorf("%d has no words", tt.want)
		}
	}
}
