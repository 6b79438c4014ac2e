package chaos

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/nbd/wire"
)

// disk is an open NBD connection that reads and writes whole blocks. Its errors are errCut unless the service answered
// with one.
type disk struct {
	conn net.Conn
	in   *bufio.Reader
}

// openDisk connects to an export in the oldest way there is, EXPORT_NAME, which answers an unknown name by hanging up.
func openDisk(uri string) (*disk, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return nil, err
	}
	conn, err := net.DialTimeout("tcp", u.Host, 5*time.Second)
	if err != nil {
		return nil, cut(err)
	}
	d := &disk{conn: conn, in: bufio.NewReader(conn)}
	if err := d.enter(strings.TrimPrefix(u.Path, "/")); err != nil {
		d.close()
		return nil, cut(err)
	}
	return d, nil
}

func (d *disk) enter(name string) error {
	if err := d.conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	if _, err := io.CopyN(io.Discard, d.in, 18); err != nil { // magic, magic, flags
		return err
	}
	b := binary.BigEndian.AppendUint32(nil, wire.FlagFixedNewstyle|wire.FlagNoZeroes)
	b = binary.BigEndian.AppendUint64(b, wire.MagicOption)
	b = binary.BigEndian.AppendUint32(b, uint32(wire.OptExportName))
	b = binary.BigEndian.AppendUint32(b, uint32(len(name)))
	if _, err := d.conn.Write(append(b, name...)); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, d.in, 10) // size and flags
	return err
}

func cut(err error) error { return fmt.Errorf("%w: NBD: %w", errCut, err) }

func (d *disk) close() { _ = d.conn.Close() }

// request sends one command and waits for its simple reply.
func (d *disk) request(command wire.Command, flags uint16, offset int64, length int, data []byte) error {
	r := wire.Request{Flags: flags, Command: command, Cookie: 1, Offset: uint64(offset), Length: uint32(length)}
	if _, err := d.conn.Write(append(r.Append(nil), data...)); err != nil {
		return cut(err)
	}
	var reply [wire.SimpleReplySize]byte
	if _, err := io.ReadFull(d.in, reply[:]); err != nil {
		return cut(err)
	}
	if errno := binary.BigEndian.Uint32(reply[4:]); errno != 0 {
		return fmt.Errorf("NBD command %d at %d: error %d", command, offset, errno)
	}
	return nil
}

func (d *disk) write(offset int64, data []byte) error {
	return d.request(wire.CmdWrite, 0, offset, len(data), data)
}

func (d *disk) read(offset int64, data []byte) error {
	if err := d.request(wire.CmdRead, 0, offset, len(data), nil); err != nil {
		return err
	}
	if _, err := io.ReadFull(d.in, data); err != nil {
		return cut(err)
	}
	return nil
}
