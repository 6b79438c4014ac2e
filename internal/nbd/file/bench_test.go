package file_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/nbd"
	"github.com/clinker/clinker/internal/nbd/file"
	"github.com/clinker/clinker/internal/nbd/wire"
)

// BenchmarkServer is a client on a Unix socket, with structured replies, against a file of 256 MiB that is in the page
// cache: served by us, and by qemu-nbd (Debian package qemu-utils) where that is installed. depth is how many requests
// the client keeps in flight.
func BenchmarkServer(b *testing.B) {
	const size = 256 * mib
	f, path := open(b, b.TempDir(), size)
	for offset := int64(0); offset < size; offset += mib {
		write(b, f, offset, mib)
	}
	for _, server := range []struct {
		name  string
		serve func(b *testing.B, path, socket string)
	}{{"ours", serve}, {"qemu-nbd", serveWithQEMU}} {
		b.Run(server.name, func(b *testing.B) {
			dir, err := os.MkdirTemp("", "nbd")
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { os.RemoveAll(dir) })
			socket := filepath.Join(dir, "s")
			server.serve(b, path, socket)
			loads(b, size, enter(b, socket))
		})
	}
}

func loads(b *testing.B, size uint64, conn net.Conn) {
	for _, load := range []struct {
		name   string
		cmd    wire.Command
		length uint32
		random bool
	}{
		{"read4KiBRandom", wire.CmdRead, 4 << 10, true},
		{"write4KiBRandom", wire.CmdWrite, 4 << 10, true},
		{"read1MiBSequential", wire.CmdRead, mib, false},
		{"write1MiBSequential", wire.CmdWrite, mib, false},
	} {
		for _, depth := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/depth=%d", load.name, depth), func(b *testing.B) {
				b.SetBytes(int64(load.length))
				b.ReportAllocs()
				run(b, conn, load.cmd, load.length, depth, func(i int) uint64 {
					if load.random {
						return rand.Uint64N(size/uint64(load.length)) * uint64(load.length)
					}
					return uint64(i) * uint64(load.length) % size
				})
			})
		}
	}
}

func serve(b *testing.B, path, socket string) {
	server := nbd.NewServer(nbd.Options{})
	if err := server.Add(nbd.Export{Name: "x", Open: func() (nbd.Device, error) { return file.Open(path, false) }}); err != nil {
		b.Fatal(err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		b.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			b.Error(err)
		}
		<-served
	})
}

func serveWithQEMU(b *testing.B, path, socket string) {
	program, err := exec.LookPath("qemu-nbd")
	if err != nil {
		b.Skip("qemu-nbd is not installed (Debian package qemu-utils)")
	}
	cmd := exec.CommandContext(b.Context(), program, "--format=raw", "--cache=writeback", "--export-name=x", "--persistent",
		"--fork", "--pid-file="+socket+".pid", "--socket="+socket, path)
	if out, err := cmd.CombinedOutput(); err != nil { // with --fork it returns when it listens
		b.Fatalf("qemu-nbd: %v\n%s", err, out)
	}
	b.Cleanup(func() {
		text, err := os.ReadFile(socket + ".pid")
		if err != nil {
			b.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			b.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			b.Error(err)
		}
	})
}

// enter connects with the shortest handshake that leads to structured replies.
func enter(b *testing.B, socket string) net.Conn {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	option := func(opt wire.Option, data string) []byte {
		head := binary.BigEndian.AppendUint64(nil, wire.MagicOption)
		head = binary.BigEndian.AppendUint32(head, uint32(opt))
		return append(binary.BigEndian.AppendUint32(head, uint32(len(data))), data...)
	}
	for _, step := range []struct {
		say  []byte
		hear int
	}{
		{nil, 18},
		{append([]byte{0, 0, 0, 3}, option(wire.OptStructuredReply, "")...), wire.OptionReplyHeaderSize},
		{option(wire.OptExportName, "x"), 10},
	} {
		if _, err := conn.Write(step.say); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(conn, make([]byte, step.hear)); err != nil {
			b.Fatal(err)
		}
	}
	return conn
}

// run keeps depth requests ahead of their replies. Only one direction is ever heavy, so this cannot lock up.
func run(b *testing.B, conn net.Conn, cmd wire.Command, length uint32, depth int, offset func(i int) uint64) {
	payload, reply := []byte(nil), wire.SimpleReplySize
	if cmd == wire.CmdWrite {
		payload = make([]byte, length)
	} else {
		reply = wire.ChunkHeaderSize + 8 + int(length)
	}
	message, answer := make([]byte, wire.RequestHeaderSize+len(payload)), make([]byte, reply)
	sent := 0
	ask := func() {
		wire.Request{Command: cmd, Cookie: uint64(sent), Offset: offset(sent), Length: length}.Append(message[:0])
		sent++
		if _, err := conn.Write(message); err != nil {
			b.Fatal(err)
		}
	}
	hear := func() {
		if _, err := io.ReadFull(conn, answer); err != nil {
			b.Fatal(err)
		}
	}
	for range depth - 1 {
		ask()
	}
	for b.Loop() {
		ask()
		hear()
	}
	for range depth - 1 {
		hear()
	}
}
