package broker

import (
	"bytes"
	"compress/bzip2"
	"compress/zlib"
	"fmt"
	"io"
)

// Compressions as kombu names them in options and headers. What it calls gzip is zlib's format.
const (
	compressionGzip   = "gzip"
	compressionHeader = "compression"
	contentZlib       = "application/x-gzip"
	contentBzip2      = "application/x-bz2"
)

func compress(body []byte) ([]byte, error) {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	err := w.Close()
	return b.Bytes(), err
}

// decompress is the inverse of any of kombu's compressions; neither form may be longer than limit.
func decompress(body []byte, compression string, limit int) ([]byte, error) {
	if len(body) > limit {
		return nil, fmt.Errorf("it has %d bytes, and %d are allowed", len(body), limit)
	}
	var r io.Reader
	switch compression {
	case "":
		return body, nil
	case contentZlib:
		z, err := zlib.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		r = z
	case contentBzip2:
		r = bzip2.NewReader(bytes.NewReader(body))
	default:
		return nil, fmt.Errorf("it is compressed as %.32q, which is not known", compression)
	}
	plain, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(plain) > limit {
		return nil, fmt.Errorf("it is longer than the %d bytes that are allowed", limit)
	}
	return plain, nil
}
