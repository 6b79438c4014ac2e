// Package storage is the contract of the stores of the image service, glance_store's: where the bytes of images are kept.
// storagetest is the suite that every store passes; the packages below are the stores.
//
// What must not live here: what an image is, its rows, its formats, or which store an image goes to.
package storage

import (
	"context"
	"io"

	"github.com/clinker/clinker/internal/fault"
)

// Store keeps the data of images, each under the image's id, which is a UUID. Every method is safe for concurrent use.
//
// Faults beside those a method names: OverLimit StorageFull when there is no room; Unavailable StorageWriteDenied when the
// store may not be written, and RemoteServiceUnavailable when it does not answer.
type Store interface {
	// Type is glance_store's name for this kind of store: "file", "s3".
	Type() string
	// Put keeps what r yields until its end as the data of image id, and says where and how much it was. It is all there and
	// survives a loss of power when Put returns, and replaces what was kept under the id before; else nothing changes. An
	// error of r is returned as it is.
	Put(ctx context.Context, id string, r io.Reader) (url string, sizeBytes int64, err error)
	// Open reads length bytes from offset on; a negative length is all of them. The caller closes the stream; ctx must live as
	// long as it. NotFound: NotFound. A URL that is none of this store's is NotFound too.
	Open(ctx context.Context, url string, offset, length int64) (io.ReadCloser, error)
	// Delete removes data. What is not there, or none of this store's, is no error.
	Delete(ctx context.Context, url string) error
	// URL is where Put keeps the data of an image, whether it is there or not.
	URL(id string) string
	// Tidy removes what a Put has left that was killed. It must not run beside one.
	Tidy(ctx context.Context) error
	// Properties is what an operator may read about the configuration: never a secret.
	Properties() map[string]any
}

// Staging is a Store for data on its way, which knows what it has.
type Staging interface {
	Store
	// IDs are the ids of the images it has data of.
	IDs(ctx context.Context) ([]string, error)
}

// Fill reads until p is full or r ends or fails. Unlike io.ReadFull it passes on r's own error: the end of r is io.EOF, and
// io.ErrUnexpectedEOF is what it says, a stream that broke off.
func Fill(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var more int
		more, err = r.Read(p[n:])
		n += more
	}
	return n, err
}

// NotFound: there is no data at a URL.
func NotFound(cause error) *fault.Error {
	return fault.Wrap(cause, fault.NotFound, "NotFound", "Image data could not be found.")
}

// Full: the data has no room.
func Full(cause error) *fault.Error {
	return fault.Wrap(cause, fault.OverLimit, "StorageFull", "There is not enough disk space on the image storage media.")
}

// WriteDenied: the store may not be written.
func WriteDenied(cause error) *fault.Error {
	return fault.Wrap(cause, fault.Unavailable, "StorageWriteDenied", "Permission to write image storage media denied.")
}

// Unavailable: the store does not answer, or not sensibly.
func Unavailable(cause error) *fault.Error {
	return fault.Wrap(cause, fault.Unavailable, "RemoteServiceUnavailable", "Remote server where the image is present is unavailable.")
}
