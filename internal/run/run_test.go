package run

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// diary notes what happened, in order.
type diary struct {
	mutex sync.Mutex
	lines []string
}

func (d *diary) note(line string) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.lines = append(d.lines, line)
}

func (d *diary) read() []string {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return append([]string(nil), d.lines...)
}

// component notes its start, its stop and the end of its context's life.
func (d *diary) component(name string) Component {
	return Component{
		Name: name,
		Start: func(ctx context.Context, _ func(error)) error {
			d.note("start " + name)
			context.AfterFunc(ctx, func() {
				if IsStopping(ctx) {
					d.note("end " + name)
				}
			})
			return nil
		},
		Stop: func(context.Context) error { d.note("stop " + name); return nil },
	}
}

// begin runs a service in the background; the channel gives what Run returned.
func begin(ctx context.Context, s Service) <-chan error {
	done := make(chan error, 1)
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	go func() { done <- s.Run(ctx) }()
	synctest.Wait()
	return done
}

func TestComponentsStopInReverse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		signals := make(chan os.Signal)
		reloads := 0
		done := begin(t.Context(), Service{
			Components: []Component{d.component("a"), d.component("b")}, Signals: signals,
			Ready:  func() { d.note("ready") },
			Reload: func(context.Context) error { reloads++; d.note("reload"); return errors.New("no") },
		})
		signals <- syscall.SIGHUP
		synctest.Wait()
		signals <- syscall.SIGTERM
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		want := []string{"start a", "start b", "ready", "reload", "stop b", "end b", "stop a", "end a"}
		got := d.read()
		// The end of b's context is noted by a goroutine of its own, at any time after "stop b".
		if diff := cmp.Diff(want[:5], got[:5]); diff != "" || len(got) != len(want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestAFailedStartStopsWhatStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		broken := Component{Name: "broken", Start: func(context.Context, func(error)) error { return errors.New("no disk") },
			Stop: func(context.Context) error { d.note("stop broken"); return nil }}
		err := <-begin(t.Context(), Service{Components: []Component{d.component("a"), broken, d.component("never")},
			Signals: make(chan os.Signal)})
		if err == nil || err.Error() != "broken did not start: no disk" {
			t.Errorf("got %v", err)
		}
		synctest.Wait()
		if diff := cmp.Diff([]string{"start a", "stop a", "end a"}, d.read()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAPanickingStartIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := <-begin(t.Context(), Service{Components: []Component{{Name: "p", Start: func(context.Context, func(error)) error { panic("oh") }}},
			Signals: make(chan os.Signal)})
		if err == nil || err.Error() != "p did not start: panic: oh" {
			t.Errorf("got %v", err)
		}
	})
}

func TestAComponentThatBreaksLaterEndsTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		var failLater func(error)
		done := begin(t.Context(), Service{Signals: make(chan os.Signal), Components: []Component{d.component("a"), {
			Name: "listener", Start: func(_ context.Context, fail func(error)) error { failLater = fail; return nil }}}})
		failLater(errors.New("socket gone"))
		failLater(errors.New("again"))
		if err := <-done; err == nil || err.Error() != "listener failed: socket gone" {
			t.Errorf("got %v", err)
		}
	})
}

func TestDrainingIsBounded(t *testing.T) {
	stubborn := func(release <-chan struct{}) Component {
		return Component{Name: "stubborn", Start: func(context.Context, func(error)) error { return nil },
			Stop: func(context.Context) error { <-release; return nil }}
	}
	t.Run("by time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var d diary
			release := make(chan struct{})
			ctx, cancel := context.WithCancel(t.Context())
			began := time.Now()
			done := begin(ctx, Service{Components: []Component{d.component("a"), stubborn(release)}, Drain: 5 * time.Second,
				Signals: make(chan os.Signal)})
			cancel()
			err := <-done
			if err == nil || err.Error() != "stubborn did not stop well: left behind: stopping took longer than 5s" {
				t.Errorf("got %v", err)
			}
			if took := time.Since(began); took > 6*time.Second {
				t.Errorf("took %v", took)
			}
			if got := d.read(); len(got) < 2 || got[1] != "stop a" {
				t.Errorf("the others were not stopped: %q", got)
			}
			close(release)
		})
	})
	t.Run("by a second signal", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			signals := make(chan os.Signal)
			began := time.Now()
			done := begin(t.Context(), Service{Components: []Component{stubborn(release)}, Signals: signals})
			signals <- syscall.SIGINT
			synctest.Wait()
			signals <- syscall.SIGINT
			if err := <-done; !errors.Is(err, errForced) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("took %v", took)
			}
			close(release)
		})
	})
}

func TestStoppingWhileStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		signals := make(chan os.Signal)
		slow := Component{Name: "slow", Start: func(ctx context.Context, _ func(error)) error {
			<-ctx.Done()
			d.note("gave up")
			return context.Cause(ctx)
		}}
		done := begin(t.Context(), Service{Components: []Component{d.component("a"), slow}, Signals: signals,
			Ready: func() { d.note("ready") }})
		signals <- syscall.SIGTERM
		if err := <-done; err != nil {
			t.Errorf("got %v", err)
		}
		synctest.Wait()
		if diff := cmp.Diff([]string{"start a", "gave up", "stop a", "end a"}, d.read()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRealSignals(t *testing.T) {
	ready := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- Service{Ready: func() { close(ready) }, Logger: slog.New(slog.DiscardHandler)}.Run(t.Context())
	}()
	<-ready
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// rounds is a loop's work that notes when each round began and then takes some time.
type rounds struct {
	mutex sync.Mutex
	began []time.Time
	takes time.Duration
}

func (r *rounds) run(context.Context) error {
	r.mutex.Lock()
	r.began = append(r.began, time.Now())
	takes := r.takes
	r.mutex.Unlock()
	time.Sleep(takes)
	return nil
}

// after sets how long rounds take, lets some time pass and gives all the rounds there were.
func (r *rounds) after(takes, wait time.Duration) []time.Time {
	r.mutex.Lock()
	r.takes = takes
	r.mutex.Unlock()
	time.Sleep(wait)
	synctest.Wait()
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return slices.Clone(r.began)
}

func TestEveryKeepsItsPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		var r rounds
		ended := Go(ctx, "loop", func(ctx context.Context) error {
			Every(ctx, 10*time.Second, "round", r.run)
			return context.Cause(ctx)
		})
		if began := r.after(0, 0); len(began) != 1 {
			t.Fatalf("%d rounds at the beginning, want 1", len(began))
		}
		began := r.after(4*time.Second, 200*time.Second) // shorter than the period: makes no difference
		if len(began) < 18 {
			t.Errorf("only %d rounds", len(began))
		}
		for i := 1; i < len(began); i++ {
			if gap := began[i].Sub(began[i-1]); gap < 10*time.Second || gap > 11*time.Second {
				t.Errorf("round %d came %v after the one before", i, gap)
			}
		}
		began = r.after(25*time.Second, 100*time.Second) // longer: the next follows at once, nothing is made up for
		last := len(began) - 1
		if gap := began[last].Sub(began[last-1]); gap != 25*time.Second {
			t.Errorf("after a long round the next came after %v", gap)
		}
		cancel(ErrStopping)
		<-ended
		if more := r.after(0, time.Minute); len(more) != len(began) {
			t.Error("a round began after the end")
		}
	})
}

func TestEveryEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		Every(ctx, time.Second, "x", func(context.Context) error { t.Error("a round after the end"); return nil })
	})
}

// Changes slog's default logger, so it must not run beside others.
func TestPanicsAndErrorsAreLoggedAndSurvived(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("cause")
		rounds := 0
		Every(ctx, time.Second, "sweep", func(context.Context) error {
			switch rounds++; rounds {
			case 1:
				panic(cause)
			case 2:
				return errors.New("second")
			}
			cancel(ErrStopping)
			return errors.New("expected when stopping")
		})
		if rounds != 3 {
			t.Errorf("%d rounds, want 3", rounds)
		}
		if err := Safely(t.Context(), "x", func(context.Context) error { panic(cause) }); !errors.Is(err, cause) {
			t.Errorf("the cause is lost: %v", err)
		}
	})
	for _, part := range []string{`work=sweep error="panic: cause" traceback="goroutine`, "work=sweep error=second", "loop.go"} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("missing %q in:\n%s", part, log.String())
		}
	}
	if strings.Contains(log.String(), "expected when stopping") {
		t.Error("an error after the stop is logged")
	}
}

func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if !Pause(t.Context(), time.Minute) || time.Since(began) != time.Minute {
			t.Errorf("a pause of a minute took %s", time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if began = time.Now(); Pause(ctx, time.Minute) || time.Since(began) != time.Second {
			t.Errorf("a pause whose context ends after a second took %s", time.Since(began))
		}
	})
}
