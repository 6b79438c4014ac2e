//go:build !linux

package file

import (
	"errors"
	"iter"

	"github.com/clinker/clinker/internal/nbd"
)

func (f *File) datasync() error { return f.file.Sync() }

func (f *File) punch(_, _ int64) error { return errors.ErrUnsupported }

func (f *File) zeroRange(_, _ int64) error { return errors.ErrUnsupported }

// BlockStatus says that all is data.
func (f *File) BlockStatus(_, length int64) iter.Seq2[nbd.Extent, error] {
	return func(yield func(nbd.Extent, error) bool) {
		if length > 0 {
			yield(nbd.Extent{Length: length}, nil)
		}
	}
}
