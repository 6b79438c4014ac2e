package stream_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clinker/clinker/internal/stream"
)

// slow is a stream that takes its time for each byte, and gives up when its context ends.
type slow struct {
	ctx  context.Context
	wait time.Duration
	io.Reader
	closed bool
}

func (s *slow) Read(p []byte) (int, error) {
	select {
	case <-time.After(s.wait):
		return s.Reader.Read(p[:1])
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	}
}

func (s *slow) Close() error { s.closed = true; return nil }

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		source := &slow{ctx: ctx, wait: 50 * time.Second, Reader: strings.NewReader("abc")}
		w := stream.Watch(source, time.Minute, cancel)
		b := make([]byte, 8)
		for _, want := range "abc" {
			if n, err := w.Read(b); n != 1 || err != nil || rune(b[0]) != want {
				t.Fatalf("%d, %v", n, err)
			}
			time.Sleep(time.Hour) // the reader has better things to do
		}
		if _, err := w.Read(b); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
		if err := w.Close(); err != nil || !source.closed || ctx.Err() == nil {
			t.Errorf("after Close: %v, closed %v, %v", err, source.closed, ctx.Err())
		}
	})
}

func TestStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		w := stream.Watch(&slow{ctx: ctx, wait: 2 * time.Minute, Reader: strings.NewReader("abc")}, time.Minute, cancel)
		before := time.Now()
		for range 2 {
			if _, err := w.Read(make([]byte, 8)); !errors.Is(err, stream.ErrStalled) {
				t.Errorf("got %v", err)
			}
		}
		if took := time.Since(before); took != time.Minute || !errors.Is(context.Cause(ctx), stream.ErrStalled) {
			t.Errorf("took %v, cause %v", took, context.Cause(ctx))
		}
		_ = w.Close()
	})
}
