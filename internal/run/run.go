// Package run is the life cycle of a process: components start in order and stop in reverse order, signals drain, reload
// and end, background loops keep their period, and a panic becomes a logged error instead of the end of everything.
//
// What must not live here: any component.
package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

// ErrStopping is the cause (context.Cause) of every context that ends because the service stops. Work that sees it leaves
// its journal as it is and returns; work that was cancelled for another reason undoes itself.
var ErrStopping = errors.New("the service is stopping")

// IsStopping reports whether ctx has ended because the service stops.
func IsStopping(ctx context.Context) bool { return errors.Is(context.Cause(ctx), ErrStopping) }

// Component is a part of the process with a beginning and an end.
type Component struct {
	// Name appears in logs and errors.
	Name string
	// Start makes the component work and returns when it does, so that what starts after it can rely on it. ctx lives as
	// long as the component: it ends, with the cause ErrStopping, when Stop returned or was not there. fail may be
	// called at any time, from any goroutine, to say that the component has broken and the process should stop; only
	// the first call counts. Start is given up, with its ctx cancelled, when the process is to stop before it returned.
	Start func(ctx context.Context, fail func(error)) error
	// Stop takes no new work, lets what is under way finish and returns; it should give up when ctx ends. May be nil.
	// It is called if Start succeeded, even after its ctx was cancelled, and only then.
	Stop func(ctx context.Context) error
}

// DefaultDrain is how long stopping may take if Service does not say.
const DefaultDrain = 30 * time.Second

// Service is a process made of components.
type Service struct {
	Components []Component
	// Drain bounds stopping, all components together; 0 means DefaultDrain. A component that overruns it is left behind.
	Drain time.Duration
	// Reload is called for each SIGHUP, one at a time, and its error is logged; nil ignores the signal.
	Reload func(ctx context.Context) error
	// Ready is called once every component has started; may be nil.
	Ready func()
	// Logger is where the life cycle is told; nil means slog.Default.
	Logger *slog.Logger
	// Signals replaces the operating system's in tests; nil means SIGINT, SIGTERM and SIGHUP.
	Signals <-chan os.Signal
}

// Run starts the components, waits, and stops those that started, last first. It waits for SIGINT, SIGTERM, the end of
// ctx or the failure of a component. A second SIGINT or SIGTERM ends the draining at once.
//
// The error is nil after an orderly stop; else it joins what made the process stop and what went wrong while stopping.
func (s Service) Run(ctx context.Context) error {
	if s.Logger == nil {
		s.Logger = slog.Default()
	}
	signals := s.Signals
	if signals == nil {
		c := make(chan os.Signal, 4)
		signal.Notify(c, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
		defer signal.Stop(c)
		signals = c
	}
	life := &life{Service: s, signals: signals, broken: make(chan error, 1)}
	err := life.start(ctx)
	if err == nil {
		if s.Ready != nil && !life.stopped {
			s.Ready()
		}
		err = life.wait(ctx)
	}
	return errors.Join(err, life.stop(ctx))
}

// life is one run of a Service.
type life struct {
	Service

	signals <-chan os.Signal
	broken  chan error // the first failure of a component
	started []startedComponent
	stopped bool // by a signal or the end of the context, before everything was started
}

type startedComponent struct {
	Component

	end context.CancelCauseFunc
}

// start starts the components in order. It returns early, without an error, when the process is told to stop.
func (l *life) start(ctx context.Context) error {
	for _, c := range l.Components {
		// A component's context must survive the end of the process's, so that it can finish its work while draining.
		own, end := context.WithCancelCause(context.WithoutCancel(ctx))
		done := make(chan error, 1)
		go func() { done <- safely(func() error { return c.Start(own, l.fail(c)) }) }()
		err, stopping := l.await(ctx, done)
		if stopping {
			l.stopped = true
			end(ErrStopping)
			if l.abandon(c, done) {
				l.started = append(l.started, startedComponent{c, end})
			}
			return nil
		}
		if err != nil {
			end(ErrStopping)
			return fmt.Errorf("%s did not start: %w", c.Name, err)
		}
		l.started = append(l.started, startedComponent{c, end})
		l.Logger.DebugContext(ctx, "Started.", "component", c.Name)
	}
	return nil
}

// await waits for a component's Start, or for what makes the process stop before it.
func (l *life) await(ctx context.Context, done <-chan error) (err error, stopping bool) {
	for {
		select {
		case err := <-done:
			return err, false
		case <-ctx.Done():
			return nil, true
		case s := <-l.signals:
			if s != syscall.SIGHUP { // there is nothing to reload yet
				l.Logger.InfoContext(ctx, "Stopping before everything has started.", "signal", s.String())
				return nil, true
			}
		}
	}
}

// abandon gives a Start that was cancelled the time to return, so that it is not half-way while others stop. It reports
// whether the component started after all.
func (l *life) abandon(c Component, done <-chan error) (started bool) {
	select {
	case err := <-done:
		return err == nil
	case <-time.After(l.drain()):
		l.Logger.Error("A component did not notice that it should not start.", "component", c.Name)
		return false
	}
}

func (l *life) drain() time.Duration {
	if l.Drain > 0 {
		return l.Drain
	}
	return DefaultDrain
}

func (l *life) fail(c Component) func(error) {
	return func(err error) {
		select {
		case l.broken <- fmt.Errorf("%s failed: %w", c.Name, err):
		default: // only the first counts
		}
	}
}

// wait returns when the process should stop; the error says that a component failed.
func (l *life) wait(ctx context.Context) error {
	if l.stopped {
		return nil
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-l.broken:
			return err
		case s := <-l.signals:
			if s != syscall.SIGHUP {
				l.Logger.InfoContext(ctx, "Stopping.", "signal", s.String())
				return nil
			}
			l.reload(ctx)
		}
	}
}

func (l *life) reload(ctx context.Context) {
	if l.Reload == nil {
		return
	}
	if err := safely(func() error { return l.Reload(ctx) }); err != nil {
		l.Logger.ErrorContext(ctx, "The configuration was not reloaded; what was in use stays in use.", errorAttrs(err)...)
		return
	}
	l.Logger.InfoContext(ctx, "The configuration was reloaded.")
}

// errForced says that draining was cut short by a second signal.
var errForced = errors.New("told to stop a second time")

// stop stops what started, last first, within the drain time.
func (l *life) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), l.drain(),
		fmt.Errorf("stopping took longer than %v", l.drain()))
	defer cancel()
	ctx, force := context.WithCancelCause(ctx)
	defer force(nil)
	watched := make(chan struct{})
	defer func() { <-watched }()
	over := make(chan struct{})
	defer close(over)
	go func() {
		defer close(watched)
		l.watch(over, force)
	}()

	var problems []error
	for _, c := range slices.Backward(l.started) {
		if c.Stop != nil {
			if err := stopOne(ctx, c.Component); err != nil {
				problems = append(problems, fmt.Errorf("%s did not stop well: %w", c.Name, err))
			}
		}
		c.end(ErrStopping)
		l.Logger.DebugContext(ctx, "Stopped.", "component", c.Name)
	}
	return errors.Join(problems...)
}

// watch turns a further signal into the end of the draining.
func (l *life) watch(over <-chan struct{}, force context.CancelCauseFunc) {
	for {
		select {
		case <-over:
			return
		case s := <-l.signals:
			if s != syscall.SIGHUP {
				force(errForced)
				return
			}
		}
	}
}

// stopGrace is what a component that ignores the end of its context is still given.
const stopGrace = 100 * time.Millisecond

func stopOne(ctx context.Context, c Component) error {
	done := make(chan error, 1)
	go func() { done <- safely(func() error { return c.Stop(ctx) }) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(stopGrace):
		return fmt.Errorf("left behind: %w", context.Cause(ctx))
	}
}
