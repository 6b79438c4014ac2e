// Package stream is what streams of bytes that come over a network need.
//
// What must not live here: what the bytes are.
package stream

import (
	"context"
	"errors"
	"io"
	"time"
)

// ErrStalled is the end of a stream that brought nothing for too long.
var ErrStalled = errors.New("nothing came for too long")

// Watch is r with an end to its silence: a Read that takes longer than stall calls cancel with ErrStalled, which must make r's
// Read return, and gives ErrStalled from then on. How long its reader takes between two Reads does not count. Close closes r, and
// calls cancel with nil. Like r, it is for one goroutine at a time.
func Watch(r io.ReadCloser, stall time.Duration, cancel context.CancelCauseFunc) io.ReadCloser {
	w := &watched{r: r, stall: stall, cancel: cancel}
	w.timer = time.AfterFunc(stall, func() { cancel(ErrStalled) })
	w.timer.Stop()
	return w
}

type watched struct {
	r       io.ReadCloser
	timer   *time.Timer // runs during a Read
	stall   time.Duration
	cancel  context.CancelCauseFunc
	stalled bool
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	if w.stalled {
		return 0, ErrStalled
	}
	w.timer.Reset(w.stall)
	n, err := w.r.Read(p)
	if !w.timer.Stop() {
		w.stalled = true
		return n, ErrStalled
	}
	return n, err
}

// Close implements io.Closer.
func (w *watched) Close() error {
	w.timer.Stop()
	err := w.r.Close()
	w.cancel(nil)
	return err
}
