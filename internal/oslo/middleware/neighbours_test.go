package middleware

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clinker/clinker/internal/fault"
)

// neighbour is one whose answers a test decides.
type neighbour struct {
	mu      sync.Mutex
	asked   int
	err     error
	hangs   bool
	answers time.Time
}

func (n *neighbour) prove(ctx context.Context) (time.Time, error) {
	n.mu.Lock()
	n.asked++
	hangs, answers, err := n.hangs, n.answers, n.err
	n.mu.Unlock()
	if hangs {
		<-ctx.Done()
		err = ctx.Err()
	}
	return answers, err
}

// now decides what it answers from now on.
func (n *neighbour) now(answers time.Time, hangs bool, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answers, n.hangs, n.err = answers, hangs, err
}

func (n *neighbour) times() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked
}

func (n *neighbour) ping(ctx context.Context) error {
	_, err := n.prove(ctx)
	return err
}

// detailedHealth is a detailed answer.
type detailedHealth struct {
	status  int
	reasons []struct{ Class, Details, Reason string }
}

func askHealth(t *testing.T, h http.Handler) detailedHealth {
	t.Helper()
	w := serve(h, request(t, "GET", "/healthcheck", "", "Accept: application/json"))
	var body struct {
		Reasons []struct{ Class, Details, Reason string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return detailedHealth{w.Code, body.Reasons}
}

// TestNeighbours: the health check tells of each neighbour when it answered last, and asks it at its own pace.
func TestNeighbours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		database, broker := &neighbour{}, &neighbour{}
		n := NewNeighbours(Database(database.ping), Messages(broker.prove))
		h, err := Filters{Neighbours: n}.Healthcheck(map[string]string{"backends": "disable_by_file", "detailed": "true"})
		if err != nil {
			t.Fatal(err)
		}
		check := func(when string, status int, wants ...string) {
			t.Helper()
			synctest.Wait()
			got := askHealth(t, h)
			if got.status != status || len(got.reasons) != 3 || got.reasons[0].Class != "HealthcheckResult" {
				t.Fatalf("%s: %+v, want status %d and three reasons", when, got, status)
			}
			for i, want := range wants {
				class, want, _ := strings.Cut(want, ": ")
				if r := got.reasons[i+1]; r.Class != class || !strings.HasPrefix(r.Reason+"; "+r.Details, want) {
					t.Errorf("%s: %+v, want %s: %s", when, r, class, want)
				}
			}
		}
		check("before the start", 503, "database: database AWAY; No round trip has been proven. No attempt has ended yet.")
		ended := make(chan struct{})
		go func() { n.Run(ctx); close(ended) }()
		check("after the start", 200, "database: OK; Last proven round trip: 2000-01-01 00:00:00.000000.",
			"messages: OK; Last proven round trip: 2000-01-01 00:00:00.000000.")
		for range 100 {
			askHealth(t, h)
		}
		if database.times() != 1 || broker.times() != 1 {
			t.Errorf("a hundred health checks asked %d and %d times", database.times(), broker.times())
		}
		answered := time.Now().Add(3 * time.Second)
		database.now(time.Time{}, false, errors.New("secret of the database"))
		broker.now(answered, false, fault.New(fault.Unavailable, "", "The broker is away."))
		time.Sleep(ProofPeriod + 2*time.Second)
		check("both away", 503, "database: database AWAY; Last proven round trip: 2000-01-01 00:00:00.000000. "+fault.Unexpected,
			"messages: messages AWAY; Last proven round trip: 2000-01-01 00:00:03.000000. The broker is away.")
		database.now(time.Time{}, false, nil)
		broker.now(answered, true, nil)
		time.Sleep(ProofPeriod + 8*time.Second)
		check("one hangs", 503, "database: OK", "messages: messages AWAY; Last proven round trip: 2000-01-01 00:00:03.000000. The last attempt had no answer within 5s.")
		broker.now(time.Time{}, false, nil)
		time.Sleep(ProofPeriod + 2*time.Second)
		check("both again", 200, "database: OK", "messages: OK")
		stop()
		<-ended
		time.Sleep(proofLife + time.Second)
		check("nobody proves", 503, "database: database AWAY; Last proven round trip: 2000-01-01")
	})
}

// TestNeighboursCount: neighbours count where the operator asks for them, and nowhere else.
func TestNeighboursCount(t *testing.T) {
	away := NewNeighbours(Database((&neighbour{}).ping), Messages((&neighbour{}).prove))
	for _, c := range []struct {
		backends, detailed string
		neighbours         *Neighbours
		status             int
		body               string
	}{
		{"", "false", away, 200, ""},
		{"disable_by_file", "false", away, 200, "OK"},
		{"disable_by_file", "true", away, 503, "OK\ndatabase AWAY\nmessages AWAY"},
		{"database", "false", away, 503, "database AWAY"},
		{"messages,disable_by_file", "false", away, 503, "OK\nmessages AWAY"},
		{"messages,database", "true", away, 503, "database AWAY\nmessages AWAY"},
		{"messages", "true", nil, 200, ""},
	} {
		h, err := Filters{Neighbours: c.neighbours}.Healthcheck(map[string]string{"backends": c.backends, "detailed": c.detailed})
		if err != nil {
			t.Fatal(err)
		}
		if w := serve(h, request(t, "GET", "/", "")); w.Code != c.status || w.Body.String() != c.body {
			t.Errorf("%+v: %d %q", c, w.Code, w.Body)
		}
	}
}
