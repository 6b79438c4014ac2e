package nbd_test

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"

	"github.com/clinker/clinker/internal/nbd"
)

const pageSize = 4096

// memory is a Device in memory that knows which of its pages were never written, counts what is done to it, and checks
// that the server keeps the promises made to devices.
type memory struct {
	mu      sync.Mutex
	data    []byte
	written map[int64]bool // pages that are no holes
	calls   map[string]int
	users   int // opened and not yet closed
	opened  int
	broken  error // the first broken promise

	// before, if set, runs at the start of every operation, outside the lock; its error becomes the operation's.
	before func(operation string, offset int64) error
}

func newMemory(size int64) *memory {
	return &memory{data: make([]byte, size), written: make(map[int64]bool), calls: make(map[string]int)}
}

func (m *memory) enter(operation string, offset, length int64) (unlock func(), err error) {
	if m.before != nil {
		err = m.before(operation, offset)
	}
	m.mu.Lock()
	m.calls[operation]++
	switch {
	case m.users < 1 && m.broken == nil:
		m.broken = fmt.Errorf("%s of a device that is not open", operation)
	case (operation == "read" || operation == "write") && length > 1<<20 && m.broken == nil:
		m.broken = fmt.Errorf("%s with a buffer of %d bytes", operation, length)
	case (offset < 0 || length < 0 || offset+length > int64(len(m.data))) && m.broken == nil:
		m.broken = fmt.Errorf("%s of %d at %d, outside of %d", operation, length, offset, len(m.data))
	}
	if err == nil {
		err = m.broken
	}
	return m.mu.Unlock, err
}

func (m *memory) count(operation string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[operation]
}

// promises says what the server did wrong, and whether it has the device open.
func (m *memory) promises() (open bool, broken error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.users > 0, m.broken
}

// open is an export's Open.
func (m *memory) open() (nbd.Device, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.users++
	m.opened++
	return m, nil
}

func (m *memory) grow(size int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.data = append(m.data, make([]byte, size-int64(len(m.data)))...)
}

func (m *memory) Size() (int64, error) {
	unlock, err := m.enter("size", 0, 0)
	defer unlock()
	return int64(len(m.data)), err
}

func (m *memory) ReadAt(p []byte, offset int64) (int, error) {
	unlock, err := m.enter("read", offset, int64(len(p)))
	defer unlock()
	if err != nil {
		return 0, err
	}
	if n := copy(p, m.data[offset:]); offset+int64(n) == int64(len(m.data)) {
		return n, io.EOF // as io.ReaderAt may
	}
	return len(p), nil
}

func (m *memory) WriteAt(p []byte, offset int64) (int, error) {
	unlock, err := m.enter("write", offset, int64(len(p)))
	defer unlock()
	if err != nil {
		return 0, err
	}
	for page := offset / pageSize; page*pageSize < offset+int64(len(p)); page++ {
		m.written[page] = true
	}
	return copy(m.data[offset:], p), nil
}

func (m *memory) Flush() error {
	unlock, err := m.enter("flush", 0, 0)
	defer unlock()
	return err
}

// Trim zeroes the range, one of the things a trimmed range may read as.
func (m *memory) Trim(offset, length int64) error {
	unlock, err := m.enter("trim", offset, length)
	defer unlock()
	if err != nil {
		return err
	}
	clear(m.data[offset : offset+length])
	return nil
}

func (m *memory) WriteZeroes(offset, length int64, how nbd.Zeroing) error {
	unlock, err := m.enter(fmt.Sprintf("zero %+v", how), offset, length)
	defer unlock()
	if err != nil {
		return err
	}
	if how.Fast && length%pageSize != 0 {
		return errors.ErrUnsupported
	}
	clear(m.data[offset : offset+length])
	for page := (offset + pageSize - 1) / pageSize; (page+1)*pageSize <= offset+length; page++ {
		m.written[page] = how.NoHole
	}
	return nil
}

func (m *memory) BlockStatus(offset, length int64) iter.Seq2[nbd.Extent, error] {
	return func(yield func(nbd.Extent, error) bool) {
		for end := offset + length; offset < end; {
			unlock, err := m.enter("status", offset, end-offset)
			hole := !m.written[offset/pageSize]
			unlock()
			next := (offset/pageSize + 1) * pageSize // deliberately not cut at end
			if !yield(nbd.Extent{Length: next - offset, Hole: hole, Zero: hole}, err) || err != nil {
				return
			}
			offset = next
		}
	}
}

func (m *memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.users--
	return nil
}
