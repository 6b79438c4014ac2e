package secrets_test

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity/app/secrets"
)

func hasher(t testing.TB, rounds int) *secrets.Hasher {
	t.Helper()
	h, err := secrets.New(rounds)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHash(t *testing.T) {
	h := hasher(t, 4)
	long := strings.Repeat("x", 100)
	for _, secret := range []string{"", "p4ssw0rd", "ünïcode", "with\x00zero", long, strings.Repeat("y", 72), strings.Repeat("z", 73)} {
		chosen, err := h.Hash(t.Context(), secret)
		if err != nil {
			t.Fatal(err)
		}
		random, err := h.HashRandom(secret)
		if err != nil {
			t.Fatal(err)
		}
		for _, hash := range []string{chosen, random} {
			if secret != "" && strings.Contains(hash, secret) {
				t.Errorf("%q shows the secret", hash)
			}
			for other, want := range map[string]bool{secret: true, secret + "x": false, "other": false} {
				if ok, err := h.Matches(t.Context(), hash, other); ok != want || err != nil {
					t.Errorf("%q against the hash of %q: %v %v", other, secret, ok, err)
				}
			}
		}
	}
	// Only what comes after the 72nd byte differs.
	hash, err := h.Hash(t.Context(), long)
	if ok, _ := h.Matches(t.Context(), hash, long[:99]+"y"); ok || err != nil {
		t.Error("the end of a long secret does not count")
	}
	for _, hash := range []string{"", "sha256+", "nonsense", "$2a$04$short"} {
		if ok, err := h.Matches(t.Context(), hash, ""); ok || err != nil {
			t.Errorf("%q matches", hash)
		}
	}
}

// worked is the processor time that this thread has used: what else the machine does makes no difference to it.
func worked(t *testing.T) time.Duration {
	t.Helper()
	const thisThread = 1 // RUSAGE_THREAD of Linux
	var used syscall.Rusage
	if err := syscall.Getrusage(thisThread, &used); err != nil {
		t.Skip("the system does not tell a thread's processor time:", err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// TestMissesTakeTheSameTime compares the work of misses against hashes of much less work, of none and of the full work.
func TestMissesTakeTheSameTime(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	h := hasher(t, 9)
	cheap, err := h.HashRandom("secret")
	if err != nil {
		t.Fatal(err)
	}
	full, err := h.Hash(t.Context(), "secret")
	if err != nil {
		t.Fatal(err)
	}
	miss := func(hash, secret string) time.Duration {
		best := time.Hour
		for range 3 {
			begun := worked(t)
			if ok, _ := h.Matches(t.Context(), hash, secret); ok {
				t.Errorf("%q matches", secret)
			}
			best = min(best, worked(t)-begun)
		}
		return best
	}
	want := miss(full, "wrong")
	for name, hash := range map[string]string{"none": "", "cheap": cheap} {
		for _, secret := range []string{"wrong", strings.Repeat("w", 100)} {
			if got := miss(hash, secret); got < want/2 {
				t.Errorf("a miss against %s takes %v, one against a full hash %v", name, got, want)
			}
		}
	}
}

func TestTurns(t *testing.T) {
	h := hasher(t, 12)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex
	refused := 0
	for range 64 {
		wg.Go(func() {
			if _, err := h.Matches(ctx, "", "x"); fault.Is(err, fault.Unavailable) {
				mu.Lock()
				refused++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if refused == 0 {
		t.Error("64 comparisons of 200 ms in 50 ms")
	}
}

func TestNewRefuses(t *testing.T) {
	for _, rounds := range []int{-1, 3, 17, 99} {
		if _, err := secrets.New(rounds); err == nil {
			t.Errorf("%d rounds", rounds)
		}
	}
}

func TestRandom(t *testing.T) {
	a, b := secrets.Random(32), secrets.Random(32)
	if a == b || len(a) != 43 {
		t.Errorf("%q %q", a, b)
	}
}
