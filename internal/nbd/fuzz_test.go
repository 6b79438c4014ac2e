package nbd_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/nbd"
	"github.com/clinker/clinker/internal/nbd/wire"
)

// tape is a client that says what is on the tape and then goes, whatever it is told.
type tape struct {
	io.Reader
	once   *sync.Once
	closed chan struct{}
}

func (t tape) Close() error {
	t.once.Do(func() { close(t.closed) })
	return nil
}

func (tape) Write(p []byte) (int, error)      { return len(p), nil }
func (tape) LocalAddr() net.Addr              { return &net.UnixAddr{} }
func (tape) RemoteAddr() net.Addr             { return &net.UnixAddr{} }
func (tape) SetDeadline(time.Time) error      { return nil }
func (tape) SetReadDeadline(time.Time) error  { return nil }
func (tape) SetWriteDeadline(time.Time) error { return nil }

// FuzzSession has a hostile client say anything at all. Whatever it is, the server must not panic, must reach the end of
// the tape or hang up, and must ask of the device only what lies within it, with buffers no longer than 1 MiB.
func FuzzSession(f *testing.F) {
	option := func(opt wire.Option, data []byte) []byte {
		b := binary.BigEndian.AppendUint64(nil, wire.MagicOption)
		b = binary.BigEndian.AppendUint32(b, uint32(opt))
		return append(binary.BigEndian.AppendUint32(b, uint32(len(data))), data...)
	}
	flags := []byte{0, 0, 0, 3}
	structured := option(wire.OptStructuredReply, nil)
	context := option(wire.OptSetMetaContext, contextData("x", wire.ContextAllocation))
	enter := option(wire.OptGo, infoData("x", wire.InfoBlockSize, wire.InfoName))
	request := func(cmd wire.Command, flags uint16, offset uint64, length uint32) []byte {
		return wire.Request{Flags: flags, Command: cmd, Offset: offset, Length: length}.Append(nil)
	}
	f.Add(slices.Concat(flags, structured, context, enter, request(wire.CmdBlockStatus, 8, 0, 1<<20),
		request(wire.CmdRead, 0, 100, 1<<20-100), request(wire.CmdWrite, 1, 5, 3), []byte("abc"), request(wire.CmdDisc, 0, 0, 0)))
	f.Add(slices.Concat(flags, option(wire.OptList, nil), option(wire.OptExportName, []byte("x")),
		request(wire.CmdRead, 0, 0, 5<<18), request(wire.CmdWriteZeroes, 2, 1<<19, 1<<19), request(wire.CmdTrim, 0, 0, 1<<20)))
	f.Add(slices.Concat(flags, structured, option(wire.OptListMetaContext, contextData("x")), enter,
		request(wire.CmdFlush, 0, 0, 0), request(wire.CmdWrite, 0, 0, 5<<18), []byte("and goes")))
	f.Add(slices.Concat(flags, option(wire.OptInfo, infoData("y")), option(wire.OptAbort, nil)))

	f.Fuzz(func(t *testing.T, said []byte) {
		device := newMemory(5 << 18)
		server := nbd.NewServer(nbd.Options{MaxInFlight: 2})
		if err := server.Add(export("x", device)); err != nil {
			t.Fatal(err)
		}
		listener := newPipes()
		served := make(chan error)
		go func() { served <- server.Serve(listener) }()
		client := tape{bytes.NewReader(said), new(sync.Once), make(chan struct{})}
		listener.conns <- client
		within(t, "the end of the session", client.closed)
		if err := server.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		<-served
		if open, broken := device.promises(); open || broken != nil {
			t.Errorf("the device is open: %v; %v", open, broken)
		}
	})
}
