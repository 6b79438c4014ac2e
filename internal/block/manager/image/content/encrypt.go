package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/execx"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/glance"
)

// Encryption is how an encrypted volume lies on its device: in a LUKS container of version 1, which os-brick and libvirt open
// with the passphrase.
type Encryption struct {
	Cipher      string // as volume types have it: "aes-xts-plain64"; empty leaves it to qemu-img
	KeySizeBits int64  // of the cipher, for xts of both halves together; 0 leaves it to qemu-img
	Passphrase  []byte
	// UnlockTimeMS is how long it is to take to get from the passphrase to the bytes; 0 leaves it to qemu-img: two seconds.
	UnlockTimeMS int
}

// options are qemu-img's for a container like this. Invalid for a cipher that it does not have; nothing else may get among its
// options.
func (e *Encryption) options() (string, error) {
	secret := "key-secret=passphrase"
	if e.UnlockTimeMS > 0 {
		secret += ",iter-time=" + strconv.Itoa(e.UnlockTimeMS)
	}
	if e.Cipher == "" {
		return secret, nil
	}
	unusable := fault.New(fault.Invalid, "InvalidVolumeType", "Images cannot be written into volumes with the cipher %q of %d bits. The cipher must be "+
		"aes, serpent or twofish of 128, 192 or 256 bits (twice that with xts), as in aes-xts-plain64.", e.Cipher, e.KeySizeBits)
	parts := strings.Split(e.Cipher, "-")
	if len(parts) != 3 {
		return "", unusable
	}
	bits := e.KeySizeBits
	if parts[1] == "xts" {
		bits /= 2
	}
	if bits == 0 {
		bits = 256
	}
	ivs := map[string]string{"plain": "ivgen-alg=plain", "plain64": "ivgen-alg=plain64", "essiv:sha256": "ivgen-alg=essiv,ivgen-hash-alg=sha256"}[parts[2]]
	switch parts[0] {
	case "aes", "serpent", "twofish":
	default:
		return "", unusable
	}
	switch parts[1] {
	case "xts", "cbc", "ctr":
	default:
		return "", unusable
	}
	if bits != 128 && bits != 192 && bits != 256 || ivs == "" {
		return "", unusable
	}
	return fmt.Sprintf("%s,cipher-alg=%s-%d,cipher-mode=%s,%s", secret, parts[0], bits, parts[1], ivs), nil
}

// encrypt makes a device hold an image in a container of its own. What is beyond the image's end reads as noise, as in any
// container that was just made.
func (m *Mover) encrypt(ctx context.Context, i *glance.Image, d Device) error {
	header, err := m.luksHeader(ctx, d.Encryption)
	if err != nil {
		return err
	}
	path, match, err := m.fetch(ctx, i)
	if err != nil {
		return err
	}
	defer os.Remove(path)
	if match.VirtualSize > d.SizeBytes-int64(len(header)) {
		return tooBigWithHeader(i.ID, int64(len(header)))
	}
	w, err := openDevice(d)
	if err != nil {
		return copyFailure(err)
	}
	w.Clear = false
	err = w.copy(ctx, bytes.NewReader(header))
	if err == nil {
		err = w.end(ctx)
	}
	if err = errors.Join(err, w.close()); err != nil {
		return copyFailure(err)
	}
	format, converted := qemuFormat(i.DiskFormat)
	if !converted {
		format = "raw"
	}
	// The name is ours, but may contain what qemu takes for the end of an option.
	device := "driver=luks,key-secret=passphrase,file.filename=" + strings.ReplaceAll(d.Path, ",", ",,")
	if err := m.withPassphrase(ctx, d.Encryption, "convert", "-n", "-f", format, "--target-image-opts", path, device); err != nil {
		return copyFailure(err)
	}
	return finish(ctx, d, d.SizeBytes)
}

// headerTries is how often a header is tried: qemu-img measures how fast this machine is, and gives up at once where the
// kernel's clock of CPU time has not moved meanwhile.
const headerTries = 20

// luksHeader is the beginning of a new container, up to where what it contains begins. It does not say how long that is.
func (m *Mover) luksHeader(ctx context.Context, e *Encryption) ([]byte, error) {
	options, err := e.options()
	if err != nil {
		return nil, err
	}
	f, err := m.temporary("luks")
	if err != nil {
		return nil, err
	}
	path := f.Name()
	defer os.Remove(path)
	if err := f.Close(); err != nil {
		return nil, copyFailure(err)
	}
	for try := 1; ; try++ {
		err := m.withPassphrase(ctx, e, "create", "-q", "-f", "luks", "-o", options, path, "0")
		if err == nil {
			break
		}
		if try == headerTries || !strings.Contains(execx.Stderr(err), "accurate CPU usage") {
			return nil, copyFailure(err)
		}
	}
	// Only now: qemu-img removes the file when it gives up, and makes another one the next time.
	if f, err = os.Open(path); err != nil {
		return nil, copyFailure(err)
	}
	defer f.Close()
	header, err := io.ReadAll(io.LimitReader(f, block.EncryptionHeaderBytes+1))
	if err == nil && (len(header) == 0 || len(header) > block.EncryptionHeaderBytes) {
		err = fmt.Errorf("a LUKS header of %d bytes", len(header))
	}
	return header, copyFailure(err)
}

// withPassphrase runs a command of qemu-img that needs the passphrase, which it reads from its standard input: there nobody
// sees it.
func (m *Mover) withPassphrase(ctx context.Context, e *Encryption, command string, args ...string) error {
	limit := execx.MaxTimeout
	if deadline, ok := ctx.Deadline(); ok {
		limit = max(time.Until(deadline), time.Millisecond)
	}
	_, err := m.Run.Run(ctx, execx.Command{Tool: "qemu-img", Stdin: e.Passphrase, Secrets: []string{string(e.Passphrase)}, Timeout: limit,
		Args: append([]string{command, "--object", "secret,id=passphrase,file=/dev/stdin"}, args...)})
	return err
}

// tooBigWithHeader refuses an image that would fit, were the volume not encrypted.
func tooBigWithHeader(id string, headerBytes int64) error {
	return glance.Unacceptable(id, "it does not fit in the volume beside the header of the encryption, which takes %d bytes.", headerBytes)
}
