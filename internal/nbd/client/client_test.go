package client_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/nbd"
	"github.com/clinker/clinker/internal/nbd/client"
	"github.com/clinker/clinker/internal/nbd/file"
	"github.com/clinker/clinker/internal/nbd/wire"
)

const exportName = "an export"

// serve serves a sparse file of a size and gives the socket and the file's path.
func serve(t testing.TB, sizeBytes int64, readOnly bool) (socket, path string) {
	t.Helper()
	dir := t.TempDir()
	path, socket = filepath.Join(dir, "disk"), filepath.Join(dir, "nbd.sock")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(sizeBytes), f.Close()); err != nil {
		t.Fatal(err)
	}
	server := nbd.NewServer(nbd.Options{})
	err = server.Add(nbd.Export{Name: exportName, ReadOnly: readOnly, Open: func() (nbd.Device, error) { return file.Open(path, readOnly) }})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() { _ = server.Serve(l); close(served) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		<-served
	})
	return socket, path
}

func dial(t testing.TB, socket string) *client.Client {
	t.Helper()
	c, err := client.Dial(t.Context(), "unix", socket, exportName, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestReadAndWrite(t *testing.T) {
	const size = 5<<20 + 512
	socket, path := serve(t, size, false)
	c := dial(t, socket)
	if c.Size() != size || c.ReadOnly() {
		t.Errorf("size %d, read-only %v", c.Size(), c.ReadOnly())
	}
	want := make([]byte, size)
	data := make([]byte, 3<<20)
	rand.NewChaCha8([32]byte{}).Read(data)
	if n, err := c.WriteAt(data, 1000); n != len(data) || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	copy(want[1000:], data)
	if err := c.WriteZeroes(1<<20, 1<<20); err != nil {
		t.Fatal(err)
	}
	clear(want[1<<20 : 2<<20])
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, size)
	if n, err := c.ReadAt(got, 0); n != size || err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %d, %v; the same bytes: %v", n, err, bytes.Equal(got, want))
	}
	if onDisk, err := os.ReadFile(path); err != nil || !bytes.Equal(onDisk, want) {
		t.Errorf("the file: %v", err)
	}
	if n, err := c.ReadAt(got[:1024], size-512); n != 512 || err != io.EOF {
		t.Errorf("beyond the end: %d, %v", n, err)
	}
	if n, err := c.WriteAt(make([]byte, 1024), size-512); n != 0 || err == nil {
		t.Errorf("write beyond the end: %d, %v", n, err)
	}
	if err := errors.Join(c.Close(), nil); err != nil {
		t.Error(err)
	}
	if _, err := c.ReadAt(got[:1], 0); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

func TestReadOnly(t *testing.T) {
	socket, _ := serve(t, 1<<20, true)
	c := dial(t, socket)
	if _, err := c.WriteAt([]byte{1}, 0); !errors.Is(err, client.ErrReadOnly) {
		t.Errorf("%v", err)
	}
	if err := c.WriteZeroes(0, 1); !errors.Is(err, client.ErrReadOnly) {
		t.Errorf("%v", err)
	}
	if _, err := c.ReadAt(make([]byte, 1<<20), 0); err != nil {
		t.Error(err)
	}
}

func TestRefusals(t *testing.T) {
	socket, _ := serve(t, 1<<20, false)
	if _, err := client.Dial(t.Context(), "unix", socket, "another", client.Options{}); err == nil {
		t.Error("an export that there is not was entered")
	}
	if _, err := client.Dial(t.Context(), "unix", socket+"x", exportName, client.Options{}); err == nil {
		t.Error("a server that there is not was found")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	c, err := client.Dial(ctx, "unix", socket, exportName, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cancel(errors.New("enough"))
	for {
		if _, err := c.ReadAt(make([]byte, 1), 0); err != nil {
			break // the connection ended with its context
		}
	}
	_ = c.Close()
}

// TestAnyReads: whatever is written where, every read gives it back.
func TestAnyReads(t *testing.T) {
	const size = 256 << 10
	socket, _ := serve(t, size, false)
	c := dial(t, socket)
	want := make([]byte, size)
	rapid.Check(t, func(t *rapid.T) {
		offset := rapid.IntRange(0, size).Draw(t, "offset")
		length := rapid.IntRange(0, size-offset).Draw(t, "length")
		var err error
		if rapid.Bool().Draw(t, "zero") {
			err = c.WriteZeroes(int64(offset), int64(length))
			clear(want[offset : offset+length])
		} else {
			data := bytes.Repeat([]byte{rapid.Byte().Draw(t, "byte")}, length)
			_, err = c.WriteAt(data, int64(offset))
			copy(want[offset:], data)
		}
		got := make([]byte, size)
		if _, rerr := c.ReadAt(got, 0); err != nil || rerr != nil || !bytes.Equal(got, want) {
			t.Fatalf("%v, %v", err, rerr)
		}
	})
}

// tape is a server that says what is on the tape, whatever it is told.
type tape struct {
	net.Conn
	said io.Reader
}

func (t tape) Read(p []byte) (int, error)     { return t.said.Read(p) }
func (tape) Write(p []byte) (int, error)      { return len(p), nil }
func (tape) Close() error                     { return nil }
func (tape) SetDeadline(time.Time) error      { return nil }
func (tape) SetReadDeadline(time.Time) error  { return nil }
func (tape) SetWriteDeadline(time.Time) error { return nil }

// said is what a server says up to the transmission of an export of a size.
func said(structured bool, sizeBytes uint64, then ...[]byte) []byte {
	b := binary.BigEndian.AppendUint64(nil, wire.MagicInit)
	b = binary.BigEndian.AppendUint64(b, wire.MagicOption)
	b = binary.BigEndian.AppendUint16(b, wire.FlagFixedNewstyle|wire.FlagNoZeroes)
	reply := func(option wire.Option, kind wire.OptionReply, data []byte) {
		b = binary.BigEndian.AppendUint64(b, wire.MagicOptionReply)
		b = binary.BigEndian.AppendUint32(b, uint32(option))
		b = binary.BigEndian.AppendUint32(b, uint32(kind))
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(data))), data...)
	}
	if structured {
		reply(wire.OptStructuredReply, wire.RepAck, nil)
	} else {
		reply(wire.OptStructuredReply, wire.RepErrUnsup, []byte("no"))
	}
	info := binary.BigEndian.AppendUint16(nil, wire.InfoExport)
	info = binary.BigEndian.AppendUint64(info, sizeBytes)
	reply(wire.OptGo, wire.RepInfo, binary.BigEndian.AppendUint16(info, wire.FlagHasFlags|wire.FlagSendFlush))
	reply(wire.OptGo, wire.RepAck, nil)
	return slices.Concat(append([][]byte{b}, then...)...)
}

func chunk(flags, kind uint16, cookie uint64, payload []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, wire.MagicStructuredReply)
	b = binary.BigEndian.AppendUint16(b, flags)
	b = binary.BigEndian.AppendUint16(b, kind)
	b = binary.BigEndian.AppendUint64(b, cookie)
	return append(binary.BigEndian.AppendUint32(b, uint32(len(payload))), payload...)
}

func at(offset uint64, data string) []byte {
	return append(binary.BigEndian.AppendUint64(nil, offset), data...)
}

func hole(offset uint64, length uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, offset), length)
}

func simple(errno uint32, cookie uint64, data string) []byte {
	b := binary.BigEndian.AppendUint32(nil, wire.MagicSimpleReply)
	b = binary.BigEndian.AppendUint32(b, errno)
	return append(binary.BigEndian.AppendUint64(b, cookie), data...)
}

func TestServersThatAreOdd(t *testing.T) {
	failure := append([]byte{0, 0, 0, 5, 0, 2}, "no"...)
	for name, tc := range map[string]struct {
		said []byte
		want string // what the first read of 8 bytes at 4 gives; "" for an error
	}{
		"simple":               {said(false, 64, simple(0, 1, "12345678")), "12345678"},
		"simple error":         {said(false, 64, simple(5, 1, "")), ""},
		"simple to structured": {said(true, 64, simple(0, 1, "12345678")), ""},
		"wrong cookie":         {said(false, 64, simple(0, 2, "12345678")), ""},
		"chunks":               {said(true, 64, chunk(0, 1, 1, at(8, "5678")), chunk(0, 2, 1, hole(4, 4)), chunk(1, 0, 1, nil)), "\x00\x00\x00\x005678"},
		"one chunk":            {said(true, 64, chunk(1, 1, 1, at(4, "12345678"))), "12345678"},
		"a missing byte":       {said(true, 64, chunk(1, 1, 1, at(4, "1234567"))), ""},
		"before the range":     {said(true, 64, chunk(1, 1, 1, at(3, "12345678"))), ""},
		"behind the range":     {said(true, 64, chunk(1, 1, 1, at(5, "12345678"))), ""},
		"a huge hole":          {said(true, 64, chunk(1, 2, 1, hole(4, 1<<31))), ""},
		"an error":             {said(true, 64, chunk(0, 1, 1, at(4, "1234")), chunk(1, 1<<15+1, 1, failure)), ""},
		"an unknown kind":      {said(true, 64, chunk(1, 9, 1, nil)), ""},
		"no end":               {said(true, 64, bytes.Repeat(chunk(0, 0, 1, nil), 100)), ""},
		"silence":              {said(true, 64), ""},
		"structured unasked":   {said(false, 64, chunk(1, 1, 1, at(4, "12345678"))), ""},
	} {
		c, err := client.New(t.Context(), tape{said: bytes.NewReader(tc.said)}, "x", client.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := make([]byte, 8)
		_, err = c.ReadAt(got, 4)
		if tc.want == "" && err == nil || tc.want != "" && (err != nil || string(got) != tc.want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for name, b := range map[string][]byte{"too large": said(true, 1<<63), "another protocol": []byte("SSH-2.0-something\r\n"), "nothing": nil} {
		if _, err := client.New(t.Context(), tape{said: bytes.NewReader(b)}, "x", client.Options{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// FuzzServer has a hostile server say anything at all: the client must not panic, and must not ask for more memory than it
// was asked to read.
func FuzzServer(f *testing.F) {
	f.Add(said(true, 1<<20, chunk(0, 1, 1, at(0, "data")), chunk(1, 2, 1, hole(4, 60))))
	f.Add(said(false, 64, simple(0, 1, "12345678")))
	f.Add(said(true, 64, chunk(1, 1<<15+2, 1, []byte("\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := client.New(t.Context(), tape{said: bytes.NewReader(b)}, "x", client.Options{})
		if err != nil {
			return
		}
		_, _ = c.ReadAt(make([]byte, 64), 0)
		_, _ = c.WriteAt([]byte("x"), 0)
		_ = c.Flush()
	})
}

func BenchmarkRead(b *testing.B) {
	socket, path := serve(b, 64<<20, false)
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), 64<<20), 0o600); err != nil {
		b.Fatal(err)
	}
	c, err := client.Dial(b.Context(), "unix", socket, exportName, client.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	p := make([]byte, 1<<20)
	b.SetBytes(int64(len(p)))
	for i := 0; b.Loop(); i++ {
		if _, err := c.ReadAt(p, int64(i%64)<<20); err != nil {
			b.Fatal(err)
		}
	}
}
