package chunked

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
)

// piece is a part of a volume. Its data is good until the next one is asked for.
type piece struct {
	offset int64
	data   []byte
}

// ahead is how many pieces are read before they are asked for, so that reading goes on beside compressing.
const ahead = 2

// pieces reads a volume from the beginning to the end, in pieces of pieceBytes that end where objects end. After an error
// there are no more.
func pieces(ctx context.Context, source io.ReaderAt, sizeBytes, objectBytes, pieceBytes int64) iter.Seq2[piece, error] {
	return func(yield func(piece, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		type result struct {
			piece
			err error
		}
		read, free := make(chan result), make(chan []byte, ahead+1)
		for range ahead + 1 {
			free <- make([]byte, min(pieceBytes, sizeBytes))
		}
		done := make(chan struct{})
		defer func() { cancel(); <-done }()
		go func() {
			defer close(done)
			defer close(read)
			for offset := int64(0); offset < sizeBytes; {
				var r result
				select {
				case r.data = <-free:
				case <-ctx.Done():
					return
				}
				length := min(pieceBytes, sizeBytes-offset, objectBytes-offset%objectBytes)
				r.offset, r.data = offset, r.data[:length]
				if n, err := source.ReadAt(r.data, offset); int64(n) < length {
					r.err = fmt.Errorf("reading %d bytes of the volume at %d gave %d: %w", length, offset, n, cmp.Or(err, io.ErrUnexpectedEOF))
				}
				select {
				case read <- r:
				case <-ctx.Done():
					return
				}
				if r.err != nil {
					return
				}
				offset += length
			}
		}()
		for {
			select {
			case r, more := <-read:
				if !more || !yield(r.piece, r.err) || r.err != nil {
					return
				}
				free <- r.data[:cap(r.data)]
			case <-ctx.Done():
				yield(piece{}, context.Cause(ctx))
				return
			}
		}
	}
}
