package targettest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block/target"
)

const mib = 1 << 20

func testPatterns(t *testing.T, f *fixture) {
	c := f.device(t, 16*mib)
	f.eachURI(t, c, func(t *testing.T, uri string) {
		err := qemuIO(t, false, uri,
			"write -P 0xaa 0 4M", "write -P 0xbb 1M 64k", "write -f -P 0xcc 3000 700", "write -z 2M 1M", "write -z -u 8M 1M",
			"aio_write -P 0xdd 5M 2M", "aio_write -P 0xee 9M 512", "aio_flush", "flush", "discard 12M 1M",
			"read -P 0xaa 0 3000", "read -P 0xcc 3000 700", "read -P 0xbb 1M 64k", "read -P 0 2M 1M", "read -P 0xaa 3M 1M",
			"read -P 0xdd 5M 2M", "read -P 0 8M 1M", "read -P 0xee 9M 512", "read -P 0 12M 4M")
		if err != nil {
			t.Fatal(err)
		}
		want := make([]byte, 16*mib)
		for _, w := range []struct {
			pattern        byte
			offset, length int
		}{{0xaa, 0, 4 * mib}, {0xbb, mib, 64 << 10}, {0xcc, 3000, 700}, {0, 2 * mib, mib}, {0xdd, 5 * mib, 2 * mib}, {0xee, 9 * mib, 512}} {
			copy(want[w.offset:], bytes.Repeat([]byte{w.pattern}, w.length))
		}
		wantBytes(t, c.Device, want)
	})
}

func testReadOnly(t *testing.T, f *fixture) {
	c := f.device(t, 4*mib)
	want := picture(t, c.Device, 4*mib)
	c.ReadOnly = true
	f.eachURI(t, c, func(t *testing.T, uri string) {
		if err := qemuIO(t, true, uri, "read 0 4M"); err != nil {
			t.Errorf("reading: %v", err)
		}
		for _, change := range []string{"write -P 1 0 512", "write -z 0 4M", "discard 0 4M"} {
			if err := qemuIO(t, false, uri, change); err == nil {
				t.Errorf("%q succeeded", change)
			}
		}
		wantBytes(t, c.Device, want)
	})
}

func testBecomesReadOnly(t *testing.T, f *fixture) {
	c := f.device(t, 4*mib)
	s := openSession(t, f.URIs(f.connect(t, c))[0])
	if line := s.do(t, "write -P 1 0 512"); !strings.HasPrefix(line, "wrote") {
		t.Fatalf("before: %s", line)
	}
	c.ReadOnly = true
	uri := f.URIs(f.connect(t, c))[0]
	if line := s.do(t, "write -P 2 0 512"); strings.HasPrefix(line, "wrote") {
		t.Errorf("a client from before can still write: %s", line)
	}
	if err := qemuIO(t, false, uri, "write -P 2 0 512"); err == nil {
		t.Error("a new client can write")
	}
	if err := qemuIO(t, true, uri, "read -P 1 0 512"); err != nil {
		t.Error(err)
	}
}

// testTwoConnections is multiattach: two consumers of one device see what the other has flushed.
func testTwoConnections(t *testing.T, f *fixture) {
	one := f.device(t, 4*mib)
	two := one
	two.ID = uuid.NewString()
	infoOne, infoTwo := f.connect(t, one), f.connect(t, two)
	uriOne, uriTwo := f.URIs(infoOne)[0], f.URIs(infoTwo)[0]
	if uriOne == uriTwo {
		t.Fatal("both connections have the same address, so neither can be severed alone")
	}
	a, b := openSession(t, uriOne), openSession(t, uriTwo)
	for i, step := range []struct {
		s    *session
		line string
	}{
		{b, "read -P 0 0 1M"}, {a, "write -f -P 7 0 1M"}, {b, "read -P 7 0 1M"}, {b, "write -f -P 8 512k 1M"}, {a, "read -P 8 512k 1M"},
		{a, "read -P 7 0 512k"},
	} {
		// Of a wrong pattern qemu-io complains before it says how much it read.
		if line := step.s.do(t, step.line); !strings.HasPrefix(line, "read") && !strings.HasPrefix(line, "wrote") {
			t.Errorf("step %d, %s: %s", i, step.line, line)
		}
	}
	if err := f.target.Disconnect(deadline(t), one.ID); err != nil {
		t.Fatalf("Disconnect: %v", err)
	}
	if err := qemuIO(t, false, uriTwo, "read -P 8 512k 1M"); err != nil {
		t.Errorf("disconnecting one took the other along: %v", err)
	}
}

func testExtents(t *testing.T, f *fixture) {
	c := f.device(t, 16*mib)
	file, err := os.OpenFile(c.Device, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, offset := range []int64{2 * mib, 8 * mib} {
		if _, err := file.WriteAt(bytes.Repeat([]byte{1}, mib), offset); err != nil {
			t.Fatal(err)
		}
	}
	if local := qemuMap(t, c.Device); len(local) != 5 {
		t.Skipf("the file system at %s keeps no holes", f.dir)
	}
	want := []extent{
		{0, 2 * mib, true, false}, {2 * mib, mib, false, true}, {3 * mib, 5 * mib, true, false},
		{8 * mib, mib, false, true}, {9 * mib, 7 * mib, true, false},
	}
	f.eachURI(t, c, func(t *testing.T, uri string) {
		if diff := cmp.Diff(want, qemuMap(t, uri)); diff != "" {
			t.Error(diff)
		}
	})
}

// testConvert copies a sparse picture in and out with qemu-img, and compares both ways.
func testConvert(t *testing.T, f *fixture) {
	source := filepath.Join(f.dir, "source")
	want := picture(t, source, 24*mib)
	c := f.device(t, 24*mib)
	f.eachURI(t, c, func(t *testing.T, uri string) {
		if err := os.Truncate(c.Device, 0); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(c.Device, 24*mib); err != nil {
			t.Fatal(err)
		}
		must(t, "qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", source, uri)
		wantBytes(t, c.Device, want)
		must(t, "qemu-img", "compare", "-f", "raw", "-F", "raw", source, uri)
		back := filepath.Join(t.TempDir(), "back.qcow2")
		must(t, "qemu-img", "convert", "-f", "raw", "-O", "qcow2", uri, back)
		must(t, "qemu-img", "compare", "-f", "qcow2", "-F", "raw", back, source)
	})
}

// testNBDCopy does the same with nbdcopy, which uses several connections at a time.
func testNBDCopy(t *testing.T, f *fixture) {
	source := filepath.Join(f.dir, "source")
	want := picture(t, source, 24*mib)
	c := f.device(t, 24*mib)
	f.eachURI(t, c, func(t *testing.T, uri string) {
		if scheme, _, _ := cutScheme(uri); !strings.HasPrefix(scheme, "nbd") {
			t.Skip("not NBD")
		}
		must(t, "nbdcopy", "--flush", source, uri)
		wantBytes(t, c.Device, want)
		back := filepath.Join(t.TempDir(), "back")
		must(t, "nbdcopy", uri, back)
		wantBytes(t, back, want)
	})
}

// severed checks that an open session is dead and that nobody gets in.
func severed(t *testing.T, s *session, uris []string) {
	t.Helper()
	if line := s.do(t, "read 0 512"); strings.HasPrefix(line, "read 512") {
		t.Error("the consumer can still read")
	}
	for _, uri := range uris {
		if err := qemuIO(t, true, uri, "read 0 512"); err == nil {
			t.Errorf("the export is still there at %s", uri)
		}
	}
}

func (f *fixture) openSession(t *testing.T, c target.Connection) (*session, []string) {
	t.Helper()
	uris := f.URIs(f.connect(t, c))
	s := openSession(t, uris[0])
	if line := s.do(t, "length"); line != "4 MiB" {
		t.Fatalf("qemu-io: %s", line)
	}
	return s, uris
}

func testDisconnectSevers(t *testing.T, f *fixture) {
	c, other := f.device(t, 4*mib), f.device(t, 4*mib)
	s, uris := f.openSession(t, c)
	bystander, _ := f.openSession(t, other)
	if err := f.target.Disconnect(deadline(t), c.ID); err != nil {
		t.Fatalf("Disconnect: %v", err)
	}
	severed(t, s, uris)
	if line := bystander.do(t, "read 0 512"); !strings.HasPrefix(line, "read 512") {
		t.Errorf("another volume's consumer was hit: %s", line)
	}
}

func testCloseSevers(t *testing.T, f *fixture) {
	s, uris := f.openSession(t, f.device(t, 4*mib))
	if err := f.target.Close(deadline(t)); err != nil {
		t.Fatalf("Close: %v", err)
	}
	severed(t, s, uris)
}

// testRestart has a consumer come back with what it was told before the service went away.
func testRestart(t *testing.T, f *fixture) {
	c := f.device(t, 4*mib)
	before := f.connect(t, c)
	for _, uri := range f.URIs(before) {
		if err := qemuIO(t, false, uri, "write -f -P 5 1M 1M"); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.target.Close(deadline(t)); err != nil {
		t.Fatalf("Close: %v", err)
	}
	f.start(t)
	c.Connector = nil
	f.connect(t, c)
	for _, uri := range f.URIs(before) {
		if err := qemuIO(t, false, uri, "read -P 5 1M 1M", "write -P 6 2M 512"); err != nil {
			t.Error(err)
		}
	}
}

func testGrowth(t *testing.T, f *fixture) {
	c := f.device(t, 4*mib)
	uris := f.URIs(f.connect(t, c))
	if err := os.Truncate(c.Device, 8*mib); err != nil {
		t.Fatal(err)
	}
	if err := f.target.Resize(deadline(t), c.VolumeID, 8*mib); err != nil {
		t.Fatalf("Resize: %v", err)
	}
	for _, uri := range uris {
		if size := qemuSize(t, uri); size != 8*mib {
			t.Errorf("a new client sees %d bytes", size)
		}
		if err := qemuIO(t, false, uri, "read -P 0 4M 4M", "write -P 3 7M 1M", "read -P 3 7M 1M", "write -z 7M 1M"); err != nil {
			t.Error(err)
		}
	}
	c.SizeBytes = 8 * mib
	if diff := cmp.Diff(uris, f.URIs(f.connect(t, c))); diff != "" {
		t.Errorf("growing has moved the export: %s", diff)
	}
}
