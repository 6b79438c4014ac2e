package nbd_test

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/clinker/clinker/internal/nbd"
	"github.com/clinker/clinker/internal/nbd/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestGoTellsWhatTheExportCanDo(t *testing.T) {
	readOnly := export("ro", newMemory(1<<20))
	readOnly.ReadOnly = true
	readOnly.Description = "a disk"
	f := start(t, nbd.Options{}, export("rw", newMemory(12345)), readOnly)

	const always = wire.FlagHasFlags | wire.FlagSendFlush | wire.FlagSendFUA | wire.FlagCanMultiConn
	const writing = wire.FlagSendTrim | wire.FlagSendWriteZeroes | wire.FlagSendFastZero
	exportInfo := func(size uint64, flags uint16) []byte {
		return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint64([]byte{0, 0}, size), flags)
	}
	limits := []byte{0, 3, 0, 0, 0, 1, 0, 0, 0x10, 0, 2, 0, 0, 0} // 1, 4 KiB, 32 MiB

	c := f.connect()
	got := c.wantOption(wire.OptInfo, infoData("rw", 77), wire.RepInfo, wire.RepAck)
	if diff := cmp.Diff(exportInfo(12345, always|writing), got[0]); diff != "" {
		t.Errorf("info of a writable export: %s", diff)
	}
	c.wantOption(wire.OptStructuredReply, nil, wire.RepAck)
	got = c.wantOption(wire.OptGo, infoData("ro", wire.InfoName, wire.InfoBlockSize, wire.InfoDescription),
		wire.RepInfo, wire.RepInfo, wire.RepInfo, wire.RepInfo, wire.RepAck)
	want := [][]byte{
		exportInfo(1<<20, always|wire.FlagReadOnly|wire.FlagSendDF), []byte("\x00\x01ro"), []byte("\x00\x02a disk"), limits, {},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("go: %s", diff)
	}
	c.structured = true
	c.read(0, 512)
}

func TestExportNameIsTheOldWayIn(t *testing.T) {
	f := start(t, nbd.Options{}, export("disk", newMemory(8192)))
	for _, flags := range []uint32{wire.FlagFixedNewstyle, wire.FlagFixedNewstyle | wire.FlagNoZeroes, 0} {
		c := f.connectWith(flags)
		c.sendOption(wire.OptExportName, []byte("disk"))
		if size := binary.BigEndian.Uint64(c.bytes(8)); size != 8192 {
			t.Errorf("flags %d: size %d", flags, size)
		}
		if got := binary.BigEndian.Uint16(c.bytes(2)); got&wire.FlagHasFlags == 0 || got&wire.FlagSendDF != 0 {
			t.Errorf("flags %d: transmission flags %#x", flags, got)
		}
		if flags&wire.FlagNoZeroes == 0 {
			c.bytes(wire.ExportNameZeroes)
		}
		c.write(0, []byte("abc"))
		if got := string(c.read(0, 3)); got != "abc" {
			t.Errorf("flags %d: read %q", flags, got)
		}
	}
}

func TestNamesAreSecret(t *testing.T) {
	public := export("public", newMemory(1))
	public.Public = true
	f := start(t, nbd.Options{}, export("secret", newMemory(1)), public)
	c := f.connect()
	got := c.wantOption(wire.OptList, nil, wire.RepServer, wire.RepAck)
	if want := "\x00\x00\x00\x06public"; string(got[0]) != want {
		t.Errorf("list: %q, want %q", got[0], want)
	}
	for _, name := range []string{"", "secre", "secret\x00", "SECRET", strings.Repeat("s", 5000)} {
		c.wantOption(wire.OptInfo, infoData(name), wire.RepErrUnknown)
		c.wantOption(wire.OptGo, infoData(name), wire.RepErrUnknown)
	}
	c.wantOption(wire.OptGo, infoData("secret"), wire.RepInfo, wire.RepAck) // a wrong name is no reason to hang up

	c = f.connect()
	c.sendOption(wire.OptExportName, []byte("wrong"))
	c.wantHangup()
}

func TestOptionsThatAreNotUnderstoodAreRefusedAndForgiven(t *testing.T) {
	f := start(t, nbd.Options{}, export("disk", newMemory(1)))
	c := f.connect()
	c.wantOption(5, nil, wire.RepErrUnsup)  // STARTTLS
	c.wantOption(11, nil, wire.RepErrUnsup) // EXTENDED_HEADERS
	c.wantOption(4711, []byte("data"), wire.RepErrUnsup)
	c.wantOption(wire.OptList, []byte{1}, wire.RepErrInvalid)
	c.wantOption(wire.OptStructuredReply, []byte{1}, wire.RepErrInvalid)
	c.wantOption(wire.OptGo, nil, wire.RepErrInvalid)
	c.wantOption(wire.OptGo, infoData("disk")[:5], wire.RepErrInvalid)
	c.wantOption(wire.OptGo, append(infoData("disk"), 0), wire.RepErrInvalid)
	c.wantOption(wire.OptGo, []byte{0xff, 0xff, 0xff, 0xff, 'd'}, wire.RepErrInvalid)
	c.wantOption(wire.OptList, make([]byte, 1<<20), wire.RepErrTooBig)
	c.wantOption(wire.OptGo, infoData("disk"), wire.RepInfo, wire.RepAck)
}

func TestMetadataContexts(t *testing.T) {
	f := start(t, nbd.Options{}, export("disk", newMemory(1<<20)), export("other", newMemory(1<<20)))
	c := f.connect()
	choose, list := wire.OptSetMetaContext, wire.OptListMetaContext
	c.wantOption(choose, contextData("disk", wire.ContextAllocation), wire.RepErrInvalid) // before structured replies
	c.wantOption(wire.OptStructuredReply, nil, wire.RepAck)

	found := []wire.OptionReply{wire.RepMetaContext, wire.RepAck}
	for _, queries := range [][]string{{}, {"base:"}, {"qemu:dirty-bitmap:x", wire.ContextAllocation}} {
		got := c.wantOption(list, contextData("disk", queries...), found...)
		if want := "\x00\x00\x00\x00base:allocation"; string(got[0]) != want {
			t.Errorf("list %q: %q, want %q", queries, got[0], want)
		}
	}
	c.wantOption(list, contextData("disk", "base:allocatio", "x:", ""), wire.RepAck)
	c.wantOption(list, contextData("nowhere"), wire.RepErrUnknown)
	c.wantOption(choose, contextData("disk"), wire.RepAck)
	c.wantOption(choose, contextData("disk", "base:"), wire.RepAck)
	c.wantOption(choose, contextData("disk", wire.ContextAllocation, wire.ContextAllocation), found...)
	c.wantOption(wire.OptGo, infoData("disk"), wire.RepInfo, wire.RepAck)
	c.structured = true
	if a := c.do(wire.CmdBlockStatus, 0, 0, 4096, nil); a.errno != 0 {
		t.Errorf("block status after choosing the context: %v", a.errno)
	}
}

func TestContextsCountOnlyForTheExportInUse(t *testing.T) {
	f := start(t, nbd.Options{}, export("disk", newMemory(1<<20)), export("other", newMemory(1<<20)))
	spoil := map[string]func(c *client){
		"none chosen": func(*client) {},
		"another export": func(c *client) {
			c.wantOption(wire.OptSetMetaContext, contextData("other", wire.ContextAllocation), wire.RepMetaContext, wire.RepAck)
		},
		"dropped by a later choice that failed": func(c *client) {
			c.wantOption(wire.OptSetMetaContext, contextData("disk", wire.ContextAllocation), wire.RepMetaContext, wire.RepAck)
			c.wantOption(wire.OptSetMetaContext, []byte{1}, wire.RepErrInvalid)
		},
	}
	for name, run := range spoil {
		t.Run(name, func(t *testing.T) {
			c := f.connect()
			c.wantOption(wire.OptStructuredReply, nil, wire.RepAck)
			run(c)
			c.wantOption(wire.OptGo, infoData("disk"), wire.RepInfo, wire.RepAck)
			c.structured = true
			if a := c.do(wire.CmdBlockStatus, 0, 0, 4096, nil); a.errno != wire.EINVAL {
				t.Errorf("block status: %v, want EINVAL", a.errno)
			}
		})
	}
}

func TestHostileHandshakesEndInAHangup(t *testing.T) {
	f := start(t, nbd.Options{}, export("disk", newMemory(1)))
	option := func(opt wire.Option, length uint32) []byte {
		b := binary.BigEndian.AppendUint64(nil, wire.MagicOption)
		return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, uint32(opt)), length)
	}
	t.Run("unknown client flags", func(t *testing.T) { f.connectWith(1 << 7).wantHangup() })
	t.Run("no option", func(t *testing.T) {
		c := f.connect()
		c.send([]byte("GET / HTTP/1.1\r\n"))
		c.wantHangup()
	})
	t.Run("an enormous option", func(t *testing.T) {
		c := f.connect()
		c.send(option(wire.OptList, 1<<31))
		c.wantHangup()
	})
	t.Run("an enormous name", func(t *testing.T) {
		c := f.connect()
		c.send(option(wire.OptExportName, 20<<10))
		c.wantHangup()
	})
	t.Run("options without end", func(t *testing.T) {
		c := f.connect()
		for range 64 {
			c.wantOption(wire.OptList, nil, wire.RepAck)
		}
		c.wantHangup()
	})
}

func TestAbortIsAcknowledged(t *testing.T) {
	c := start(t, nbd.Options{}).connect()
	c.wantOption(wire.OptAbort, []byte("ignored"), wire.RepAck)
	c.wantHangup()
}

func TestHandshakeHasADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, nbd.Options{HandshakeTimeout: 7 * time.Second})
		c := f.connect()
		begun := time.Now()
		for range 3 { // being busy does not help
			time.Sleep(2 * time.Second)
			c.wantOption(wire.OptList, nil, wire.RepAck)
		}
		c.wantHangup()
		if took := time.Since(begun); took != 7*time.Second {
			t.Errorf("hung up after %v, want 7s", took)
		}
	})
}

func TestExportThatCannotBeOpened(t *testing.T) {
	device := newMemory(4096)
	broken := true
	f := start(t, nbd.Options{}, nbd.Export{Name: "disk", Open: func() (nbd.Device, error) {
		if broken {
			return nil, errors.New("/secret/path: gone")
		}
		return device.open()
	}})
	c := f.connect()
	got := c.wantOption(wire.OptGo, infoData("disk"), wire.RepErrPlatform)
	if strings.Contains(string(got[0]), "secret") {
		t.Errorf("the client was told %q", got[0])
	}
	broken = false
	c.wantOption(wire.OptGo, infoData("disk"), wire.RepInfo, wire.RepAck)
	c.read(0, 1)
}

func TestAddRefusesWhatCannotBeServed(t *testing.T) {
	f := start(t, nbd.Options{}, export("taken", newMemory(1)))
	open := func() (nbd.Device, error) { return nil, io.EOF }
	for what, e := range map[string]nbd.Export{
		"a long name":          {Name: strings.Repeat("n", 4097), Open: open},
		"a name with NUL":      {Name: "a\x00", Open: open},
		"a name not UTF-8":     {Name: "\xff", Open: open},
		"a long description":   {Name: "d", Description: strings.Repeat("n", 4097), Open: open},
		"no device":            {Name: "n"},
		"a name that is taken": {Name: "taken", Open: open},
	} {
		err := f.Add(e)
		if err == nil {
			t.Errorf("%s was accepted", what)
		}
		if errors.Is(err, nbd.ErrExportExists) != (e.Name == "taken") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
