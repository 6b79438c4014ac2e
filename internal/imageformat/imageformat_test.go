package imageformat_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/imageformat"
	"github.com/clinker/clinker/internal/imageformat/imageformattest"
)

// inspect feeds an image in pieces of the sizes that next gives.
func inspect(t testing.TB, content []byte, next func() int) imageformat.Verdict {
	t.Helper()
	i := imageformat.NewInspector()
	for len(content) > 0 {
		n := min(next(), len(content))
		if wrote, err := i.Write(content[:n]); wrote != n || err != nil {
			t.Fatalf("wrote %d of %d bytes: %v", wrote, n, err)
		}
		content = content[n:]
	}
	return i.Verdict()
}

func checks(m imageformat.Match) (list []string) {
	for _, f := range m.Findings {
		list = append(list, f.Check)
	}
	return list
}

func TestCorpus(t *testing.T) {
	names := map[string]bool{}
	for _, image := range imageformattest.Corpus() {
		t.Run(image.Name, func(t *testing.T) {
			if names[image.Name] {
				t.Error("there are two images of this name")
			}
			names[image.Name] = true
			v, err := imageformat.Inspect(bytes.NewReader(image.Bytes), int64(len(image.Bytes)))
			if err != nil {
				t.Fatal(err)
			}
			if v.Size != int64(len(image.Bytes)) {
				t.Errorf("the size is said to be %d", v.Size)
			}
			m, err := v.Match()
			if image.Ambiguous {
				if !errors.Is(err, imageformat.ErrAmbiguous) || len(v.Matches) < 2 {
					t.Errorf("found %+v and %v, and it should have been more than one", v, err)
				}
				return
			}
			if err != nil || m.Format != image.Format || m.VirtualSize != image.VirtualSize {
				t.Errorf("found %+v and %v, want %s of %d bytes", m, err, image.Format, image.VirtualSize)
			}
			if diff := cmp.Diff(image.Checks, checks(m)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPiecesDoNotMatter: how a stream is cut changes nothing of the verdict, and neither does reading no further than
// needed.
func TestPiecesDoNotMatter(t *testing.T) {
	for _, image := range imageformattest.Corpus() {
		want, err := imageformat.Inspect(bytes.NewReader(image.Bytes), int64(len(image.Bytes)))
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(1, 2))
		for name, next := range map[string]func() int{
			"at once":    func() int { return len(image.Bytes) },
			"by sectors": func() int { return 512 },
			"by 4095":    func() int { return 4095 },
			"by 7 first": func() int { return 7 + random.IntN(100) },
		} {
			if diff := cmp.Diff(want, inspect(t, image.Bytes, next)); diff != "" {
				t.Errorf("%s %s (-whole +pieces):\n%s", image.Name, name, diff)
			}
		}
	}
}

// TestReadsNoFurtherThanNeeded: most formats are known by their first 34 KiB.
func TestReadsNoFurtherThanNeeded(t *testing.T) {
	for name, begin := range map[string][]byte{
		"raw": nil, "qcow2": imageformattest.QCOW2(3, 1<<20), "vmdk": imageformattest.VMDK(imageformattest.Descriptor("monolithicSparse")),
	} {
		content := append(bytes.Clone(begin), make([]byte, 1<<20)...)
		r := bytes.NewReader(content)
		v, err := imageformat.Inspect(r, 1<<40)
		if err != nil || v.Size != 1<<40 {
			t.Fatalf("%s: %+v, %v", name, v, err)
		}
		if read := len(content) - r.Len(); read > 64<<10 {
			t.Errorf("%s: %d bytes were read", name, read)
		}
	}
}

func TestInspectTellsReadErrors(t *testing.T) {
	broken := errors.New("the disk is broken")
	if _, err := imageformat.Inspect(iotest.ErrReader(broken), 10); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// TestMemoryIsBounded: however long the text and whatever the header promises, little of it is kept.
func TestMemoryIsBounded(t *testing.T) {
	text := bytes.Repeat([]byte("all work and no play makes an image dull\n"), 100_000)
	vmdk := imageformattest.VMDK(imageformattest.Descriptor("monolithicSparse"))
	for i := 36; i < 44; i++ {
		vmdk[i] = 0xff // sectors of descriptor
	}
	for name, content := range map[string][]byte{"text": text, "vmdk": append(vmdk, text...)} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		inspect(t, content, func() int { return 64 << 10 })
		runtime.ReadMemStats(&after)
		allocated := after.TotalAlloc - before.TotalAlloc
		if allocated > 12<<20 { // growing a buffer to 1 MiB, and its text twice
			t.Errorf("%s: %d bytes were allocated for %d", name, allocated, len(content))
		}
	}
}

// TestSoundImagesOfQEMU compares with what qemu-img makes, where it is installed.
func TestSoundImagesOfQEMU(t *testing.T) {
	if _, err := exec.LookPath("qemu-img"); err != nil {
		t.Skip("qemu-img is not installed (Debian: qemu-utils)")
	}
	for _, c := range []struct {
		format  string
		options string
		want    imageformat.Format
		checks  []string
	}{
		{"raw", "", imageformat.Raw, nil}, {"qcow2", "compat=0.10", imageformat.QCOW2, nil}, {"qcow2", "compat=1.1", imageformat.QCOW2, nil},
		{"qcow2", "extended_l2=on,cluster_size=128k", imageformat.QCOW2, nil}, {"qcow2", "compression_type=zstd", imageformat.QCOW2, nil},
		{"vmdk", "subformat=monolithicSparse", imageformat.VMDK, nil}, {"vmdk", "subformat=streamOptimized", imageformat.VMDK, nil},
		{"vmdk", "subformat=monolithicFlat", imageformat.VMDK, []string{imageformat.CheckDescriptor}},
		{"vdi", "", imageformat.VDI, nil}, {"vpc", "subformat=dynamic,force_size=on", imageformat.VHD, nil}, {"vhdx", "", imageformat.VHDX, nil},
		{"qed", "", imageformat.QED, []string{imageformat.CheckBanned}},
		{"luks", "key-secret=s,iter-time=10", imageformat.LUKS, nil},
	} {
		t.Run(c.format+" "+c.options, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "image")
			args := []string{"create", "-q", "--object", "secret,id=s,data=x", "-f", c.format}
			if c.options != "" {
				args = append(args, "-o", c.options)
			}
			if out, err := exec.Command("qemu-img", append(args, path, "16M")...).CombinedOutput(); err != nil {
				t.Skipf("this qemu-img cannot make one: %s", out)
			}
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			m, err := inspect(t, content, func() int { return 4096 }).Match()
			if err != nil || m.Format != c.want || !slices.Equal(checks(m), c.checks) {
				t.Fatalf("found %+v, %v", m, err)
			}
			if len(c.checks) == 0 && c.want != imageformat.LUKS && m.VirtualSize != 16<<20 {
				t.Errorf("the size is said to be %d", m.VirtualSize)
			}
		})
	}
}

// TestSoundImagesAreReadByQEMU: what this package's tests call sound is so to QEMU as well.
func TestSoundImagesAreReadByQEMU(t *testing.T) {
	if _, err := exec.LookPath("qemu-img"); err != nil {
		t.Skip("qemu-img is not installed (Debian: qemu-utils)")
	}
	for format, content := range map[string][]byte{
		"qcow2": imageformattest.QCOW2(3, 1<<20), "vmdk": imageformattest.VMDK(imageformattest.Descriptor("monolithicSparse")),
	} {
		path := filepath.Join(t.TempDir(), "image")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("qemu-img", "info", "-f", format, path).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "(1048576 bytes)") {
			t.Errorf("%s: %v\n%s", format, err, out)
		}
	}
}

// TestVerdictsAreSane holds what callers rely on for images nobody thought of: parts of known ones with bytes changed.
func TestVerdictsAreSane(t *testing.T) {
	corpus := slices.DeleteFunc(imageformattest.Corpus(), func(i imageformattest.Image) bool { return len(i.Bytes) > 1<<20 })
	rapid.Check(t, func(t *rapid.T) {
		content := bytes.Clone(rapid.SampledFrom(corpus).Draw(t, "image").Bytes)
		for range rapid.IntRange(0, 8).Draw(t, "changes") {
			if len(content) > 0 {
				at := rapid.IntRange(0, min(len(content), 2048)-1).Draw(t, "at")
				content[at] = rapid.Byte().Draw(t, "value")
			}
		}
		content = content[:rapid.IntRange(0, len(content)).Draw(t, "length")]
		i := imageformat.NewInspector()
		if _, err := i.Write(content); err != nil {
			t.Fatal(err)
		}
		sane(t, i.Verdict(), content)
	})
}

func sane(t interface{ Fatalf(string, ...any) }, v imageformat.Verdict, content []byte) {
	if v.Size != int64(len(content)) {
		t.Fatalf("size %d of %d bytes", v.Size, len(content))
	}
	known := imageformat.Known()
	for _, m := range v.Matches {
		if m.VirtualSize < 0 || m.Format == imageformat.Raw || !slices.Contains(known, m.Format) {
			t.Fatalf("%+v makes no sense", m)
		}
	}
}

func FuzzInspector(f *testing.F) {
	for _, image := range imageformattest.Corpus() {
		f.Add(image.Bytes[:min(len(image.Bytes), 12<<10)], uint16(512))
	}
	f.Fuzz(func(t *testing.T, content []byte, piece uint16) {
		next := func() int { return int(piece) + 1 }
		v := inspect(t, content, next)
		sane(t, v, content)
		whole := inspect(t, content, func() int { return len(content) })
		if diff := cmp.Diff(whole, v); diff != "" {
			t.Errorf("pieces of %d matter (-whole +pieces):\n%s", int(piece)+1, diff)
		}
	})
}
