package chunked

import (
	"bytes"
	"compress/bzip2"
	"fmt"
	"io"
	"strings"

	bzip2writer "github.com/dsnet/compress/bzip2"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"github.com/clinker/clinker/internal/block"
)

// method is how an object's bytes are compressed.
type method int

const (
	plain method = iota
	deflated
	bzipped
	zstandard
)

// methodOf knows upstream's names of the methods, in any case (backup_compression_algorithm).
func methodOf(name string) (m method, known bool) {
	switch strings.ToLower(name) {
	case "none", "off", "no":
		return plain, true
	case "zlib", "gzip":
		return deflated, true
	case "bz2", "bzip2":
		return bzipped, true
	case "zstd":
		return zstandard, true
	}
	return plain, false
}

// bufferedBytes is how long a run may be of which the length is not known when it begins, where a method has to know.
const bufferedBytes = 32 << 20

// maxRun is how long an object may be whose length is not known before.
func (m method) maxRun() int64 {
	if m == zstandard {
		return bufferedBytes
	}
	return 1 << 62
}

// compressor compresses what is written to it; Close ends the compressed stream and leaves w open. lengthBytes is how much
// will be written, below zero if that is not known: upstream's Zstandard needs frames that say how long their content is.
func (m method) compressor(w io.Writer, lengthBytes int64) (io.WriteCloser, error) {
	switch m {
	case deflated:
		return zlib.NewWriter(w), nil
	case bzipped:
		return bzip2writer.NewWriter(w, nil)
	case zstandard:
		e, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		if lengthBytes < 0 {
			return &wholeFrame{encoder: e, to: w}, nil
		}
		e.ResetContentSize(w, lengthBytes)
		return e, nil
	}
	return leftOpen{w}, nil
}

// decompressor reads what compressor wrote. Close frees what it took and leaves r open.
func (m method) decompressor(r io.Reader) (io.ReadCloser, error) {
	switch m {
	case deflated:
		return zlib.NewReader(r)
	case bzipped:
		return io.NopCloser(bzip2.NewReader(r)), nil
	case zstandard:
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindowBytes))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return io.NopCloser(r), nil
}

// maxWindowBytes bounds the memory that a Zstandard frame may ask for.
const maxWindowBytes = 128 << 20

// decompressorFor is the decompressor of what an object's description names.
func decompressorFor(name string, r io.Reader) (io.ReadCloser, error) {
	m, known := methodOf(name)
	if !known {
		return nil, block.InvalidBackup("unsupported compression algorithm: %.40q", name)
	}
	d, err := m.decompressor(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
}

// leftOpen is a writer whose Close does nothing.
type leftOpen struct{ io.Writer }

func (leftOpen) Close() error { return nil }

// wholeFrame gathers what is written and makes one frame of it at the end.
type wholeFrame struct {
	encoder *zstd.Encoder
	to      io.Writer
	content bytes.Buffer
}

func (f *wholeFrame) Write(p []byte) (int, error) { return f.content.Write(p) }

func (f *wholeFrame) Close() error {
	_, err := f.to.Write(f.encoder.EncodeAll(f.content.Bytes(), nil))
	return err
}
