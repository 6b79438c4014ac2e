package run

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"
)

// jitterPart is how much later than its time a round may begin, as a part of the period: 1/10.
const jitterPart = 10

// Every calls fn now and then once in each period, until ctx ends; then it returns. The periods are measured from the
// beginning of one call to that of the next, plus up to a tenth of the period at random, so that many services that were
// started together spread out. Calls never overlap: one that takes longer than the period is followed by the next at
// once, and what it missed is not made up for. An error or a panic of fn is logged and ends that round only.
//
// period has to be positive; fn gets ctx as it is and has to bound its own work.
func Every(ctx context.Context, period time.Duration, name string, fn func(context.Context) error) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if ctx.Err() != nil {
			return // both were ready
		}
		began := time.Now()
		Safely(ctx, name, fn)
		wait := period + rand.N(period/jitterPart+1)
		timer.Reset(max(0, wait-time.Since(began)))
	}
}

// Go runs fn in a goroutine of its own; an error or a panic is logged. The channel is closed when fn has returned.
func Go(ctx context.Context, name string, fn func(context.Context) error) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		Safely(ctx, name, fn)
	}()
	return done
}

// Safely calls fn and logs its error or panic to slog's default logger, as the work called name. An error after the
// service was told to stop is expected and not logged. It returns what it logged or would have: fn's error, or a
// *PanicError.
func Safely(ctx context.Context, name string, fn func(context.Context) error) error {
	err := safely(func() error { return fn(ctx) })
	if _, panicked := err.(*PanicError); panicked || err != nil && !IsStopping(ctx) {
		slog.ErrorContext(ctx, "Background work failed.", append([]any{"work", name}, errorAttrs(err)...)...)
	}
	return err
}

// PanicError is a panic that was caught.
type PanicError struct {
	Value any    // what was panicked with
	Stack []byte // of the goroutine, as debug.Stack gives it
}

// Error says what the panic said; the stack is for the log.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap gives the error that was panicked with, if it was one.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// safely calls fn and turns a panic into a *PanicError.
func safely(fn func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &PanicError{Value: value, Stack: debug.Stack()}
		}
	}()
	return fn()
}

// errorAttrs are the attributes under which telemetry's handlers show an error and its stack.
func errorAttrs(err error) []any {
	attrs := []any{"error", err}
	if p, ok := err.(*PanicError); ok {
		attrs = append(attrs, "traceback", string(p.Stack))
	}
	return attrs
}

// Pause waits for d, and reports whether it did: false if ctx ended meanwhile.
func Pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
