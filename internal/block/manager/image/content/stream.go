package content

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/glance"
	"github.com/clinker/clinker/internal/imageformat"
)

// open begins to read an image, of which no more than limit bytes are taken.
func (m *Mover) open(ctx context.Context, i *glance.Image, limit int64) (*stream, error) {
	body, local := m.localBody(i)
	if !local {
		var err error
		if body, err = m.Images.Download(ctx, i.ID); err != nil {
			return nil, err
		}
	}
	s := &stream{ReadCloser: body, ctx: ctx, image: i, limit: limit, inspector: imageformat.NewInspector()}
	s.hash, s.want = digest(i)
	return s, nil
}

// localBody opens the file that an image lies in, if it lies in one that we may and can read.
func (m *Mover) localBody(i *glance.Image) (body io.ReadCloser, ok bool) {
	path := m.LocalFile(i)
	if path == "" {
		return nil, false
	}
	f, err := os.Open(path)
	return f, err == nil // it may lie on another machine; the image service has the bytes too
}

// digest is the hash by which an image's bytes can be checked, and what it should come to; nil if the service gave none that we
// know. The checksum, MD5, is for services that have nothing better.
func digest(i *glance.Image) (h hash.Hash, want string) {
	known := map[string]func() hash.Hash{"sha512": sha512.New, "sha384": sha512.New384, "sha256": sha256.New, "sha1": sha1.New, "md5": md5.New}
	if newHash := known[strings.ToLower(i.HashAlgorithm)]; newHash != nil && i.HashValue != "" {
		return newHash(), i.HashValue
	}
	if i.Checksum != "" {
		return md5.New(), i.Checksum
	}
	return nil, ""
}

// stream is an image's bytes, checked as they pass.
type stream struct {
	io.ReadCloser
	ctx       context.Context
	image     *glance.Image
	read      int64
	limit     int64
	hash      hash.Hash
	want      string
	inspector *imageformat.Inspector
}

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.ReadCloser.Read(p)
	s.read += int64(n)
	switch {
	case s.read > s.limit, s.image.SizeBytes > 0 && s.read > s.image.SizeBytes:
		return 0, glance.Unacceptable(s.image.ID, "it has more bytes than there may be.")
	case err != nil && !errors.Is(err, io.EOF):
		if _, ok := fault.Of(err); !ok && s.ctx.Err() == nil {
			err = copyFailure(err)
		}
		return 0, err
	}
	if s.hash != nil {
		_, _ = s.hash.Write(p[:n]) // neither ever fails
	}
	_, _ = s.inspector.Write(p[:n])
	return n, err
}

// finish judges an image that was read to its end.
func (s *stream) finish() (imageformat.Match, error) {
	if s.image.SizeBytes > 0 && s.read != s.image.SizeBytes {
		return imageformat.Match{}, failed("%d of %d bytes came.", s.read, s.image.SizeBytes)
	}
	if s.hash != nil && !strings.EqualFold(hex.EncodeToString(s.hash.Sum(nil)), s.want) {
		return imageformat.Match{}, failed("its bytes do not have the checksum that the image service says.")
	}
	return judged(s.image, s.inspector.Verdict())
}

func failed(format string, args ...any) error {
	reason := fault.New(fault.Invalid, "", format, args...).Text
	return fault.New(fault.Invalid, "ImageCopyFailure", "Failed to copy image to volume: %s", reason)
}

// InspectFile judges an image that lies in a file.
func InspectFile(i *glance.Image, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return copyFailure(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return copyFailure(err)
	}
	verdict, err := imageformat.Inspect(f, info.Size())
	if err != nil {
		return copyFailure(err)
	}
	_, err = judged(i, verdict)
	return err
}

// judged refuses content that is not in the image's format, or that leads to other files. What is copied as it is may hold what
// it likes within, as long as nobody would take it for another format than raw.
func judged(i *glance.Image, v imageformat.Verdict) (imageformat.Match, error) {
	match, err := v.Match()
	if err != nil {
		return match, glance.Unacceptable(i.ID, "it can be read as more than one format.")
	}
	mismatch := glance.Unacceptable(i.ID, "The image format was claimed to be '%s' but the image data appears to be in a different format.", i.DiskFormat)
	if IsRaw(i) {
		switch match.Format {
		case imageformat.Raw, imageformat.GPT, imageformat.ISO, imageformat.LUKS:
			return match, nil
		}
		return match, mismatch
	}
	if string(match.Format) != i.DiskFormat {
		return match, mismatch
	}
	for _, f := range match.Findings {
		return match, glance.Unacceptable(i.ID, "%s.", f.Text)
	}
	return match, nil
}
