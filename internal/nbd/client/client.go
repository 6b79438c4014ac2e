// Package client is a client of the Network Block Device protocol: it reads and writes the bytes of one export, over TCP
// or a Unix socket.
//
// It speaks the fixed-newstyle handshake, structured replies where the server has them (so that holes travel as holes) and
// simple ones where not, and the commands read, write, write zeroes, flush and disconnect. One request is under way at a
// time; several connections to one export are several clients.
//
// What must not live here: volumes, attachments, or anything else of OpenStack. What a server says is not believed: each
// length and offset is checked.
package client

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/clinker/clinker/internal/nbd/wire"
)

// ErrReadOnly is what a write to an export answers that may only be read.
var ErrReadOnly = errors.New("nbd: the export is read-only")

// Options are how a client behaves; the zero value of each field means its default.
type Options struct {
	// Timeout bounds the handshake, and each request from being sent to its reply being there. Default 2 min.
	Timeout time.Duration
}

// Client is a connection to one export. Its methods may be called concurrently; they run one after the other. Once one
// has failed for a reason other than the server's own error reply, all fail.
type Client struct {
	conn    net.Conn
	in      *bufio.Reader
	timeout time.Duration
	unwatch func() bool

	sizeBytes  int64
	flags      uint16
	structured bool

	mu     sync.Mutex
	cookie uint64
	broken error
}

// Dial connects to the export of a server: network and address are net.Dial's. ctx bounds the life of the connection, not
// just its making: when it ends, the connection is closed and what is under way fails with ctx's cause.
func Dial(ctx context.Context, network, address, export string, o Options) (*Client, error) {
	if o.Timeout <= 0 {
		o.Timeout = 2 * time.Minute
	}
	dial, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(dial, network, address)
	if err != nil {
		return nil, fmt.Errorf("nbd: %w", err)
	}
	c, err := New(ctx, conn, export, o)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return c, nil
}

// New is Dial over a connection that is made already. It belongs to the client if New succeeds.
func New(ctx context.Context, conn net.Conn, export string, o Options) (*Client, error) {
	if o.Timeout <= 0 {
		o.Timeout = 2 * time.Minute
	}
	c := &Client{conn: conn, in: bufio.NewReaderSize(conn, 64<<10), timeout: o.Timeout}
	c.unwatch = context.AfterFunc(ctx, func() { _ = conn.Close() })
	err := conn.SetDeadline(time.Now().Add(c.timeout))
	if err == nil {
		err = c.shakeHands(export)
	}
	if err != nil {
		c.unwatch()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("nbd: entering the export: %w", err)
	}
	return c, nil
}

// Size is the length of the export in bytes, as the server said in the handshake.
func (c *Client) Size() int64 { return c.sizeBytes }

// ReadOnly says whether the server takes no writes.
func (c *Client) ReadOnly() bool { return c.flags&wire.FlagReadOnly != 0 }

// maxRequestBytes is how much one request asks for: what every server takes, and little enough for its buffers.
const maxRequestBytes = 1 << 20

// ReadAt reads as io.ReaderAt says.
func (c *Client) ReadAt(p []byte, offset int64) (n int, err error) {
	short := false
	if offset < 0 {
		return 0, fmt.Errorf("nbd: read at %d", offset)
	}
	if left := max(0, c.sizeBytes-offset); int64(len(p)) > left {
		p, short = p[:left], true
	}
	for n < len(p) {
		piece := p[n:min(len(p), n+maxRequestBytes)]
		if err := c.do(wire.CmdRead, offset+int64(n), int64(len(piece)), nil, piece); err != nil {
			return n, err
		}
		n += len(piece)
	}
	if short {
		err = io.EOF
	}
	return n, err
}

// WriteAt writes as io.WriterAt says. What lies beyond the end of the export is refused before anything is written.
func (c *Client) WriteAt(p []byte, offset int64) (n int, err error) {
	if err := c.changeable(offset, int64(len(p))); err != nil {
		return 0, err
	}
	for n < len(p) {
		piece := p[n:min(len(p), n+maxRequestBytes)]
		if err := c.do(wire.CmdWrite, offset+int64(n), int64(len(piece)), piece, nil); err != nil {
			return n, err
		}
		n += len(piece)
	}
	return n, nil
}

// maxZeroBytes is how much is zeroed by one request: the length is a 32-bit number, kept to whole blocks.
const maxZeroBytes = 1 << 30

// WriteZeroes makes bytes read as zero; the server may make a hole of them. A server without the command gets zeroes.
func (c *Client) WriteZeroes(offset, length int64) error {
	if err := c.changeable(offset, length); err != nil {
		return err
	}
	if c.flags&wire.FlagSendWriteZeroes == 0 {
		zeroes := make([]byte, min(length, maxRequestBytes))
		for done := int64(0); done < length; {
			n, err := c.WriteAt(zeroes[:min(length-done, maxRequestBytes)], offset+done)
			if err != nil {
				return err
			}
			done += int64(n)
		}
		return nil
	}
	for done := int64(0); done < length; {
		n := min(length-done, maxZeroBytes)
		if err := c.do(wire.CmdWriteZeroes, offset+done, n, nil, nil); err != nil {
			return err
		}
		done += n
	}
	return nil
}

func (c *Client) changeable(offset, length int64) error {
	switch {
	case c.ReadOnly():
		return ErrReadOnly
	case offset < 0 || length < 0 || length > c.sizeBytes-offset:
		return fmt.Errorf("nbd: %d bytes at %d are not within an export of %d", length, offset, c.sizeBytes)
	}
	return nil
}

// Flush returns when everything that was written before would survive a power cut. A server without the command has
// nothing to flush.
func (c *Client) Flush() error {
	if c.flags&wire.FlagSendFlush == 0 {
		return nil
	}
	return c.do(wire.CmdFlush, 0, 0, nil, nil)
}

// Close says goodbye and closes the connection. It does not flush.
func (c *Client) Close() error {
	c.unwatch()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken == nil {
		_ = c.conn.SetDeadline(time.Now().Add(time.Second)) // the goodbye is a courtesy
		_, _ = c.conn.Write(wire.Request{Command: wire.CmdDisc}.Append(nil))
		c.broken = net.ErrClosed
	}
	return c.conn.Close()
}

// do sends one request and takes its reply. Of sent and into at most one is not nil.
func (c *Client) do(command wire.Command, offset, length int64, sent, into []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return c.broken
	}
	c.cookie++
	r := wire.Request{Command: command, Cookie: c.cookie, Offset: uint64(offset), Length: uint32(length)}
	err := c.conn.SetDeadline(time.Now().Add(c.timeout))
	if err == nil {
		buffers := net.Buffers{r.Append(nil), sent}
		_, err = buffers.WriteTo(c.conn)
	}
	var refused wire.Errno
	if err == nil {
		refused, err = c.reply(into, offset)
	}
	switch {
	case err != nil:
		c.broken = fmt.Errorf("nbd: command %d: %w", command, err)
		return c.broken
	case refused != 0:
		return fmt.Errorf("nbd: command %d at %d: %w", command, offset, refused)
	}
	return nil
}

// reply takes the reply to the request under way; a read's data goes to into.
func (c *Client) reply(into []byte, offset int64) (wire.Errno, error) {
	head, err := c.take(4)
	if err != nil {
		return 0, err
	}
	switch magic := binary.BigEndian.Uint32(head); {
	case magic == wire.MagicSimpleReply:
		return c.simpleReply(into)
	case magic == wire.MagicStructuredReply && c.structured:
		return c.chunks(into, offset)
	default:
		return 0, fmt.Errorf("a reply that begins with %#x", magic)
	}
}

func (c *Client) simpleReply(into []byte) (wire.Errno, error) {
	head, err := c.take(wire.SimpleReplySize - 4)
	if err != nil {
		return 0, err
	}
	refused := wire.Errno(binary.BigEndian.Uint32(head))
	if cookie := binary.BigEndian.Uint64(head[4:]); cookie != c.cookie {
		return 0, fmt.Errorf("a reply to request %d instead of %d", cookie, c.cookie)
	}
	if refused != 0 || len(into) == 0 {
		return refused, nil
	}
	if c.structured {
		return 0, errors.New("a simple reply to a read after structured replies were agreed")
	}
	_, err = io.ReadFull(c.in, into)
	return 0, err
}

// take reads a few bytes.
func (c *Client) take(n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(c.in, b)
	return b, err
}
