package intake_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/app"
	"github.com/clinker/clinker/internal/image/app/intake"
	"github.com/clinker/clinker/internal/image/storage"
	"github.com/clinker/clinker/internal/imageformat"
	"github.com/clinker/clinker/internal/imageformat/imageformattest"
)

// TestJudge holds, for every image of the corpus and every format it may be declared as, what is let in.
func TestJudge(t *testing.T) {
	strict := app.Options{RequireFormatMatch: true, NonfatalGPTChecks: []string{imageformat.CheckMBR}}
	for _, sample := range imageformattest.Corpus() {
		v, err := imageformat.Inspect(bytes.NewReader(sample.Bytes), int64(len(sample.Bytes)))
		if err != nil {
			t.Fatal(err)
		}
		unsafe := len(sample.Checks) > 0 && sample.Format != imageformat.GPT
		for _, declared := range []string{"ami", "ploop", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "gpt", "luks"} {
			virtual, err := intake.Judge(strict, declared, v)
			allowed := !sample.Ambiguous && !unsafe &&
				(string(sample.Format) == declared || declared == "raw" || sample.Format == imageformat.Raw && slices.Contains([]string{"ami", "ploop"}, declared))
			if (err == nil) != allowed || err != nil && !fault.Is(err, fault.UnsupportedMedia) {
				t.Errorf("%s as %s: %v", sample.Name, declared, err)
				continue
			}
			want := int64(0)
			switch {
			case !allowed:
			case string(sample.Format) == declared:
				want = sample.VirtualSize
			case declared == "raw":
				want = int64(len(sample.Bytes))
			}
			if virtual != want {
				t.Errorf("%s as %s has the virtual size %d, want %d", sample.Name, declared, virtual, want)
			}
		}
	}
}

func TestLenientJudge(t *testing.T) {
	for name, c := range map[string]struct {
		content  []byte
		declared string
		allowed  bool
	}{
		"another format": {[]byte("text"), "qcow2", true}, "several formats": {polyglot(), "iso", true},
		"a backing file": {imageformattest.QCOW2WithBackingFile("/etc/passwd"), "qcow2", false}, "an empty partition table": {append(imageformattest.MBR(), 0), "raw", false},
	} {
		v, err := imageformat.Inspect(bytes.NewReader(c.content), int64(len(c.content)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := intake.Judge(app.Options{}, c.declared, v); (err == nil) != c.allowed {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func polyglot() []byte {
	b := imageformattest.ISO(10)
	copy(b, imageformattest.QCOW2(3, 1<<20)[:512])
	return b
}

func TestCapped(t *testing.T) {
	over := errors.New("over")
	for size, want := range map[int]error{0: nil, 9: nil, 10: nil, 11: over, 1000: over} {
		b, err := io.ReadAll(intake.Capped(bytes.NewReader(make([]byte, size)), 10, over))
		if !errors.Is(err, want) || len(b) > 10 {
			t.Errorf("%d bytes: %d, %v", size, len(b), err)
		}
	}
}

func TestExplain(t *testing.T) {
	for err, want := range map[error]string{
		storage.Full(nil):        "Image storage media is full: There is not enough disk space on the image storage media.",
		intake.QuotaFull(5, 3):   "Image exceeds the storage quota: The size of the data 5 will exceed the limit. 3 bytes remaining.",
		intake.TooLarge():        "The incoming image is too large: The provided image is too large.",
		storage.WriteDenied(nil): "Insufficient permissions on image storage media: Permission to write image storage media denied.",
		image.NotFound("x"):      "No image found with ID x",
	} {
		got := intake.Explain(err)
		if fault.UserText(got) != want || fault.KindOf(got) != fault.KindOf(err) {
			t.Errorf("%v became %v", err, got)
		}
	}
	if intake.Explain(nil) != nil {
		t.Error("nothing became something")
	}
}

func TestHashAlgorithms(t *testing.T) {
	for _, name := range intake.HashAlgorithms() {
		r, _, err := intake.Into(t.Context(), &app.Core{Options: app.Options{SizeCapBytes: 10, HashAlgorithm: name}}, app.NamedStore{Store: nowhere{}},
			&image.Image{ID: "x"}, bytes.NewReader([]byte("abc")), -1)
		if err != nil || r.HashAlgorithm != name || r.SizeBytes != 3 || r.Checksum != "900150983cd24fb0d6963f7d28e17f72" {
			t.Fatalf("%s: %+v, %v", name, r, err)
		}
		if want := map[string]int{"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}[name]; len(r.HashValue) != want {
			t.Errorf("%s has %d digits", name, len(r.HashValue))
		}
	}
}
