package nbd_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/nbd"
	"github.com/clinker/clinker/internal/nbd/wire"
)

// pipes is a listener whose connections are in-memory pipes.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

// fixture is a running server and the way to connect to it.
type fixture struct {
	*nbd.Server
	t     testing.TB
	pipes *pipes
}

func start(t testing.TB, o nbd.Options, exports ...nbd.Export) *fixture {
	t.Helper()
	f := &fixture{Server: nbd.NewServer(o), t: t, pipes: newPipes()}
	for _, e := range exports {
		if err := f.Add(e); err != nil {
			t.Fatalf("Add: %v", err)
		}
	}
	served := make(chan error, 1)
	go func(l net.Listener) { served <- f.Serve(l) }(f.pipes)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := f.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; !errors.Is(err, nbd.ErrServerClosed) {
			t.Errorf("Serve returned %v, want ErrServerClosed", err)
		}
	})
	return f
}

// export makes an export that always opens the same device.
func export(name string, m *memory) nbd.Export {
	return nbd.Export{Name: name, Label: "label of " + name, Open: m.open}
}

// client is the smallest NBD client that can test a server. Its methods fail the test where the server breaks the
// protocol.
type client struct {
	net.Conn
	t          testing.TB
	in         *bufio.Reader
	structured bool
	cookie     uint64
}

// connect does everything up to and including the client's flags.
func (f *fixture) connect() *client {
	f.t.Helper()
	return f.connectWith(wire.FlagFixedNewstyle | wire.FlagNoZeroes)
}

func (f *fixture) connectWith(clientFlags uint32) *client {
	f.t.Helper()
	ours, theirs := net.Pipe()
	f.pipes.conns <- theirs
	c := &client{Conn: ours, t: f.t, in: bufio.NewReader(ours)}
	f.t.Cleanup(func() { ours.Close() })
	greeting := c.bytes(18)
	if m := binary.BigEndian.Uint64(greeting); m != wire.MagicInit {
		f.t.Fatalf("greeting begins with %#x", m)
	}
	if flags := binary.BigEndian.Uint16(greeting[16:]); flags != wire.FlagFixedNewstyle|wire.FlagNoZeroes {
		f.t.Fatalf("handshake flags %#x", flags)
	}
	c.send(binary.BigEndian.AppendUint32(nil, clientFlags))
	return c
}

// use connects and enters an export with structured replies and base:allocation, or with neither.
func (f *fixture) use(name string, structured bool) *client {
	f.t.Helper()
	c := f.connect()
	if structured {
		c.wantOption(wire.OptStructuredReply, nil, wire.RepAck)
		c.structured = true
		c.wantOption(wire.OptSetMetaContext, contextData(name, wire.ContextAllocation), wire.RepMetaContext, wire.RepAck)
	}
	c.wantOption(wire.OptGo, infoData(name), wire.RepInfo, wire.RepAck)
	return c
}

func (c *client) send(parts ...[]byte) {
	c.t.Helper()
	if _, err := c.Write(slices.Concat(parts...)); err != nil {
		c.t.Fatalf("sending: %v", err)
	}
}

func (c *client) bytes(n int) []byte {
	c.t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(c.in, b); err != nil {
		c.t.Fatalf("reading %d bytes: %v", n, err)
	}
	return b
}

// wantHangup demands that the server sends nothing more and closes the connection.
func (c *client) wantHangup() {
	c.t.Helper()
	rest, err := io.ReadAll(c.in)
	if len(rest) > 0 || err != nil && !errors.Is(err, io.ErrClosedPipe) {
		c.t.Fatalf("wanted the server to hang up, got %d bytes and %v", len(rest), err)
	}
}

func (c *client) sendOption(opt wire.Option, data []byte) {
	c.t.Helper()
	head := binary.BigEndian.AppendUint64(nil, wire.MagicOption)
	head = binary.BigEndian.AppendUint32(head, uint32(opt))
	c.send(binary.BigEndian.AppendUint32(head, uint32(len(data))), data)
}

type optionReply struct {
	kind wire.OptionReply
	data []byte
}

func (c *client) optionReply(opt wire.Option) optionReply {
	c.t.Helper()
	head := c.bytes(wire.OptionReplyHeaderSize)
	if m := binary.BigEndian.Uint64(head); m != wire.MagicOptionReply {
		c.t.Fatalf("option reply begins with %#x", m)
	}
	if o := wire.Option(binary.BigEndian.Uint32(head[8:])); o != opt {
		c.t.Fatalf("reply to option %d, want %d", o, opt)
	}
	return optionReply{wire.OptionReply(binary.BigEndian.Uint32(head[12:])), c.bytes(int(binary.BigEndian.Uint32(head[16:])))}
}

// wantOption sends an option and demands replies of these kinds, whose data it returns.
func (c *client) wantOption(opt wire.Option, data []byte, kinds ...wire.OptionReply) [][]byte {
	c.t.Helper()
	c.sendOption(opt, data)
	var all [][]byte
	for i, kind := range kinds {
		r := c.optionReply(opt)
		if r.kind != kind {
			c.t.Fatalf("option %d: reply %d is of kind %#x (%q), want %#x", opt, i, r.kind, r.data, kind)
		}
		all = append(all, r.data)
	}
	return all
}

func infoData(name string, wants ...uint16) []byte {
	b := append(binary.BigEndian.AppendUint32(nil, uint32(len(name))), name...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(wants)))
	for _, w := range wants {
		b = binary.BigEndian.AppendUint16(b, w)
	}
	return b
}

func contextData(name string, queries ...string) []byte {
	b := append(binary.BigEndian.AppendUint32(nil, uint32(len(name))), name...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(queries)))
	for _, q := range queries {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(q))), q...)
	}
	return b
}

// ask sends a request and returns its cookie.
func (c *client) ask(cmd wire.Command, flags uint16, offset uint64, length uint32, payload []byte) uint64 {
	c.t.Helper()
	c.cookie++
	r := wire.Request{Flags: flags, Command: cmd, Cookie: c.cookie, Offset: offset, Length: length}
	c.send(r.Append(nil), payload)
	return c.cookie
}

// answer is a reply, complete and put together.
type answer struct {
	cookie   uint64
	errno    wire.Errno
	errorAt  uint64 // of an error with an offset
	data     []byte // of a read, holes filled in
	holes    int    // bytes of data that came as holes
	chunks   int
	statuses []status
}

type status struct{ Length, Flags uint32 }

// receive reads the next reply. offset and length are those of the request when that was a read.
func (c *client) receive(offset uint64, length uint32) answer {
	c.t.Helper()
	head := c.bytes(4)
	if binary.BigEndian.Uint32(head) == wire.MagicSimpleReply {
		head = c.bytes(wire.SimpleReplySize - 4)
		a := answer{errno: wire.Errno(binary.BigEndian.Uint32(head)), cookie: binary.BigEndian.Uint64(head[4:])}
		if a.errno == 0 && length > 0 {
			if c.structured {
				c.t.Fatal("a simple reply to a read after structured replies were agreed")
			}
			a.data = c.bytes(int(length))
		}
		return a
	}
	a := answer{data: make([]byte, length)}
	covered := make([]bool, length)
	for last := false; !last; a.chunks++ {
		if m := binary.BigEndian.Uint32(head); m != wire.MagicStructuredReply || !c.structured {
			c.t.Fatalf("a reply that begins with %#x (structured %v)", m, c.structured)
		}
		head = c.bytes(wire.ChunkHeaderSize - 4)
		flags, kind := binary.BigEndian.Uint16(head), binary.BigEndian.Uint16(head[2:])
		a.cookie = binary.BigEndian.Uint64(head[4:])
		payload := c.bytes(int(binary.BigEndian.Uint32(head[12:])))
		last = flags&wire.ReplyFlagDone != 0
		c.chunk(&a, kind, payload, offset, covered)
		if !last {
			head = c.bytes(4)
		}
	}
	if a.errno == 0 && slices.Contains(covered, false) {
		c.t.Fatal("a reply without error that does not cover the range")
	}
	return a
}

func (c *client) chunk(a *answer, kind uint16, payload []byte, offset uint64, covered []bool) {
	c.t.Helper()
	cover := func(at uint64, n int) []byte {
		from := int(at - offset)
		if at < offset || n == 0 || from+n > len(covered) || slices.Contains(covered[from:from+n], true) {
			c.t.Fatalf("a chunk at %d of %d bytes does not belong into [%d,+%d) or came twice", at, n, offset, len(covered))
		}
		for i := range covered[from : from+n] {
			covered[from+i] = true
		}
		return a.data[from : from+n]
	}
	switch kind {
	case wire.ReplyNone:
	case wire.ReplyOffsetData:
		copy(cover(binary.BigEndian.Uint64(payload), len(payload)-8), payload[8:])
	case wire.ReplyOffsetHole:
		a.holes += len(cover(binary.BigEndian.Uint64(payload), int(binary.BigEndian.Uint32(payload[8:]))))
	case wire.ReplyBlockStatus:
		for p := payload[4:]; len(p) > 0; p = p[8:] {
			a.statuses = append(a.statuses, status{binary.BigEndian.Uint32(p), binary.BigEndian.Uint32(p[4:])})
		}
	case wire.ReplyError, wire.ReplyErrorOffset:
		a.errno = wire.Errno(binary.BigEndian.Uint32(payload))
		text := int(binary.BigEndian.Uint16(payload[4:]))
		if kind == wire.ReplyErrorOffset {
			a.errorAt = binary.BigEndian.Uint64(payload[6+text:])
		}
	default:
		c.t.Fatalf("a chunk of unknown kind %#x", kind)
	}
}

// receiveAny reads the reply to one of several reads of one byte at a time, all of them between two offsets.
func (c *client) receiveAny(from, to uint64) answer {
	c.t.Helper()
	head := c.bytes(wire.ChunkHeaderSize)
	payload := c.bytes(int(binary.BigEndian.Uint32(head[16:])))
	if kind, done := binary.BigEndian.Uint16(head[6:]), binary.BigEndian.Uint16(head[4:]); kind != wire.ReplyOffsetData || done != 1 {
		c.t.Fatalf("a chunk of kind %#x with flags %d", kind, done)
	}
	if at := binary.BigEndian.Uint64(payload); at < from || at > to || len(payload) != 9 {
		c.t.Fatalf("a chunk at %d of %d bytes", at, len(payload))
	}
	return answer{cookie: binary.BigEndian.Uint64(head[8:])}
}

// do sends a request and waits for its reply.
func (c *client) do(cmd wire.Command, flags uint16, offset uint64, length uint32, payload []byte) answer {
	c.t.Helper()
	cookie := c.ask(cmd, flags, offset, length, payload)
	if cmd != wire.CmdRead {
		length = 0
	}
	a := c.receive(offset, length)
	if a.cookie != cookie {
		c.t.Fatalf("reply to cookie %d, want %d", a.cookie, cookie)
	}
	return a
}

func (c *client) read(offset uint64, length uint32) []byte {
	c.t.Helper()
	a := c.do(wire.CmdRead, 0, offset, length, nil)
	if a.errno != 0 {
		c.t.Fatalf("read of %d at %d: %v", length, offset, a.errno)
	}
	return a.data
}

func (c *client) write(offset uint64, data []byte) {
	c.t.Helper()
	if a := c.do(wire.CmdWrite, 0, offset, uint32(len(data)), data); a.errno != 0 {
		c.t.Fatalf("write of %d at %d: %v", len(data), offset, a.errno)
	}
}

// within fails the test if something that must happen soon does not.
func within(t testing.TB, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatalf("%s did not happen", what)
	}
}
