package chaos

import (
	"encoding/binary"
	"fmt"
	"io"
)

const (
	blockBytes = 4096
	gib        = int64(1) << 30
)

// places are where the test keeps blocks in a volume: at both ends, in the middle, and in what an extend adds.
func places() []int64 {
	return []int64{0, 3 * blockBytes, gib/4 + blockBytes, gib - blockBytes, gib}
}

// contents is what is known of the bytes of a volume or snapshot: at each place a block that repeats a number, 0 where
// nothing was ever written.
type contents struct {
	numbers [5]uint64
	// perhaps is what a write that was cut off may have put there instead; open says at which place.
	perhaps uint64
	open    int // -1: no write was cut off
}

func fresh() contents { return contents{open: -1} }

func block(number uint64) []byte {
	b := make([]byte, 0, blockBytes)
	for len(b) < blockBytes {
		b = binary.LittleEndian.AppendUint64(b, number)
	}
	return b
}

// compare reads every place and says where it differs. A write that was cut off is settled by what is there.
func (c *contents) compare(sizeGiB int64, readAt func(offset int64, b []byte) error) error {
	b := make([]byte, blockBytes)
	for i, offset := range places() {
		if offset >= sizeGiB*gib {
			continue
		}
		if err := readAt(offset, b); err != nil {
			return fmt.Errorf("reading at %d: %w", offset, err)
		}
		got := binary.LittleEndian.Uint64(b)
		for at := 0; at < len(b); at += 8 {
			if n := binary.LittleEndian.Uint64(b[at:]); n != got {
				return fmt.Errorf("the block at %d is torn: %#x, then %#x at byte %d", offset, got, n, at)
			}
		}
		if c.open == i && got == c.perhaps {
			c.numbers[i] = got
		}
		if c.open == i {
			c.open = -1
		}
		if got != c.numbers[i] {
			return fmt.Errorf("the block at %d holds %#x, want %#x", offset, got, c.numbers[i])
		}
	}
	return nil
}

// reader gives an io.ReaderAt the shape that compare wants.
func reader(r io.ReaderAt) func(int64, []byte) error {
	return func(offset int64, b []byte) error {
		_, err := r.ReadAt(b, offset)
		return err
	}
}
