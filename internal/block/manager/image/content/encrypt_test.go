package content

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/execx"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/glance"
)

const passphrase = "00112233445566778899aabbccddeeff"

// decrypted is what a device contains for whoever knows the passphrase.
func decrypted(t *testing.T, d Device) []byte {
	t.Helper()
	plain := filepath.Join(t.TempDir(), "plain")
	cmd := exec.Command("qemu-img", "convert", "--object", "secret,id=p,file=/dev/stdin", "--image-opts",
		"driver=luks,key-secret=p,file.filename="+strings.ReplaceAll(d.Path, ",", ",,"), "-O", "raw", plain)
	cmd.Stdin = strings.NewReader(passphrase)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	content, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// watched runs programs and keeps what anybody could see of them.
type watched struct {
	execx.System
	seen []string
}

func (w *watched) Run(ctx context.Context, c execx.Command) (execx.Result, error) {
	w.seen = append(w.seen, c.Args...)
	w.seen = append(append(w.seen, c.Env...), c.PassEnv...)
	return w.System.Run(ctx, c)
}

func TestEncrypted(t *testing.T) {
	t.Parallel()
	qcow2 := qemu(t, "qcow2")
	for name, tc := range map[string]struct {
		format   string
		content  []byte
		cipher   string
		bits     int64
		header   string // cipher and mode, as the container says
		keyBytes uint32
	}{
		"raw":   {"raw", disk(), "aes-xts-plain64", 256, "aes xts-plain64", 32},
		"qcow2": {"qcow2", qcow2, "aes-cbc-essiv:sha256", 256, "aes cbc-essiv:sha256", 32},
		"any":   {"raw", disk(), "", 0, "aes xts-plain64", 64},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := new(watched)
			m, f := newMover(t, w, nil)
			i := f.Add(glance.Image{DiskFormat: tc.format}, tc.content)
			d := newDevice(t, 8*mib, true)
			moved := filepath.Join(filepath.Dir(d.Path), "a,file.filename=b")
			if err := os.Rename(d.Path, moved); err != nil {
				t.Fatal(err)
			}
			d.Path, d.Encryption = moved, &Encryption{Cipher: tc.cipher, KeySizeBits: tc.bits, Passphrase: []byte(passphrase), UnlockTimeMS: 10}
			if err := m.ToDevice(t.Context(), i, d); err != nil {
				t.Fatal(err)
			}
			raw, err := os.ReadFile(d.Path)
			if err != nil || int64(len(raw)) != d.SizeBytes || bytes.Contains(raw, disk()[mib:mib+4096]) {
				t.Fatalf("the device has %d bytes, and shows what it contains or %v", len(raw), err)
			}
			text := func(b []byte) string { return string(bytes.TrimRight(b, "\x00")) }
			if got := text(raw[8:40]) + " " + text(raw[40:72]); !bytes.HasPrefix(raw, []byte("LUKS\xba\xbe\x00\x01")) || got != tc.header ||
				binary.BigEndian.Uint32(raw[108:]) != tc.keyBytes {
				t.Errorf("the container is %q with %s and %d bytes of key", raw[:8], got, binary.BigEndian.Uint32(raw[108:]))
			}
			if !bytes.HasPrefix(decrypted(t, d), disk()) {
				t.Error("it contains something else than the image")
			}
			if strings.Contains(strings.Join(w.seen, " "), passphrase) {
				t.Errorf("the passphrase shows: %q", w.seen)
			}
			nothingLeft(t, m)
		})
	}
}

// TestHeaderIsTriedAgain: where qemu-img has been too quick for the clock.
func TestHeaderIsTriedAgain(t *testing.T) {
	t.Parallel()
	want := []string{"qemu-img", "create", "--object", "*", "-q", "-f", "luks", "-o", "*", "*", "0"}
	quick := execx.Step{Want: want, Exit: 1, Stderr: "qemu-img: luks-1: Unable to get accurate CPU usage\n", Check: func(c execx.Command) {
		// As qemu-img does: what it makes the next time is another file.
		if err := os.Remove(c.Args[len(c.Args)-2]); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
	}}
	m, _ := newMover(t, execx.NewScript(t, quick, quick, execx.Step{Want: want, Check: func(c execx.Command) {
		if err := os.WriteFile(c.Args[len(c.Args)-2], []byte("header"), 0o600); err != nil || string(c.Stdin) != passphrase {
			t.Errorf("%q, %v", c.Stdin, err)
		}
	}}), nil)
	header, err := m.luksHeader(t.Context(), &Encryption{Passphrase: []byte(passphrase)})
	if err != nil || string(header) != "header" {
		t.Errorf("%q, %v", header, err)
	}
	nothingLeft(t, m)
}

// TestEncryptedRefused: what does not fit beside the header, and what qemu-img cannot or must not be asked.
func TestEncryptedRefused(t *testing.T) {
	t.Parallel()
	header := func(bytes int) *execx.Script {
		return execx.NewScript(t, execx.Step{Want: []string{"qemu-img", "create", "--object", "*", "-q", "-f", "luks", "-o", "*", "*", "0"},
			Check: func(c execx.Command) {
				if err := os.WriteFile(c.Args[len(c.Args)-2], make([]byte, bytes), 0o600); err != nil {
					t.Error(err)
				}
			}})
	}
	for name, tc := range map[string]struct {
		run    execx.Runner
		cipher string
		bits   int64
		fault  string
	}{
		"too big":           {header(2 * mib), "", 0, "ImageUnacceptable"},
		"no header":         {header(0), "", 0, "ImageCopyFailure"},
		"a header too long": {header(2*mib + 1), "", 0, "ImageCopyFailure"},
		"another cipher":    {nil, "rot13-xts-plain64", 256, "InvalidVolumeType"},
		"another mode":      {nil, "aes-lrw-plain64", 256, "InvalidVolumeType"},
		"another IV":        {nil, "aes-xts-plain64,x=y", 256, "InvalidVolumeType"},
		"another size":      {nil, "aes-xts-plain64", 128, "InvalidVolumeType"},
		"less":              {nil, "aes-xts", 256, "InvalidVolumeType"},
		"an option":         {nil, "aes,preallocation=full-xts-plain64", 256, "InvalidVolumeType"},
	} {
		t.Run(name, func(t *testing.T) {
			m, f := newMover(t, tc.run, nil)
			d := newDevice(t, 5*mib, false)
			d.Encryption = &Encryption{Cipher: tc.cipher, KeySizeBits: tc.bits, Passphrase: []byte(passphrase)}
			err := m.ToDevice(t.Context(), f.Add(glance.Image{}, disk()), d)
			if fault.NameOf(err) != tc.fault || strings.Contains(err.Error(), passphrase) {
				t.Errorf("%v", err)
			}
			holds(t, d, nil)
			nothingLeft(t, m)
		})
	}
}
