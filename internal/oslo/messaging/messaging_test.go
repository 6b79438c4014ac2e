package messaging

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/clinker/clinker/internal/fault"
)

var ignoreCause = cmpopts.IgnoreUnexported(fault.Error{})

func TestFaultSurvivesTheWire(t *testing.T) {
	for k := fault.Internal; k <= fault.Busy; k++ {
		in := fault.Wrap(errors.New("a secret"), k, "SomeName", "A text with \"quotes\" and ünïcode.")
		b := EncodeFault(in)
		if strings.Contains(string(b), "secret") {
			t.Errorf("kind %v: the cause travels: %s", k, b)
		}
		want := &fault.Error{Kind: k, Name: in.Name, Text: in.Text}
		if diff := cmp.Diff(want, DecodeFault(b), ignoreCause); diff != "" {
			t.Errorf("kind %v (-want +got):\n%s", k, diff)
		}
	}
	got := DecodeFault(EncodeFault(errors.New("a secret")))
	want := &fault.Error{Kind: fault.Internal, Text: fault.Unexpected}
	if diff := cmp.Diff(want, got, ignoreCause); diff != "" {
		t.Errorf("an error that is no fault (-want +got):\n%s", diff)
	}
	if Strip(nil) != nil {
		t.Error("Strip(nil) is not nil")
	}
}

func TestDecodeFaultOfOthers(t *testing.T) {
	for in, want := range map[string]fault.Kind{
		``:                          fault.Internal,
		`[]`:                        fault.Internal,
		`{"kind":"of a later day"}`: fault.Internal,
		`{"kind":"kind 14"}`:        fault.Internal,
		`{"kind":"busy","x":1}`:     fault.Busy,
	} {
		if f := DecodeFault([]byte(in)); f.Kind != want || f.Text == "" {
			t.Errorf("%s: got kind %v, text %q", in, f.Kind, f.Text)
		}
	}
}

func FuzzDecodeFault(f *testing.F) {
	f.Add([]byte(`{"kind":"not found","name":"VolumeNotFound","text":"Volume 7 could not be found."}`))
	f.Add([]byte(`{"kind":"kind 255","text":"` + strings.Repeat("ü", maxFaultText) + `"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e := DecodeFault(b)
		if e.Kind > fault.Busy || e.Text == "" || len(e.Text) > maxFaultText || !utf8.ValidString(e.Text) || !utf8.ValidString(e.Name) {
			t.Errorf("%q became kind %v, a name of %d bytes, a text of %d", b, e.Kind, len(e.Name), len(e.Text))
		}
		again := DecodeFault(EncodeFault(e))
		if again.Kind != e.Kind || again.Name != e.Name || again.Text != e.Text {
			t.Errorf("%+v became %+v on a second trip", e, again)
		}
	})
}

func TestServes(t *testing.T) {
	tests := []struct {
		have, want string
		served     bool
	}{
		{"3.12", "3.0", true}, {"3.12", "3.12", true}, {"3.12", "3.13", false}, {"3.12", "2.0", false},
		{"3.12", "4.0", false}, {"3.12", "", true}, {"3.12", "3", false}, {"3.12", "3.x", false}, {"3.2", "3.10", false},
		{"3.12", "3.-1", false}, {"3.12", "3.0.1", false}, {"nonsense", "1.0", false},
	}
	for _, tt := range tests {
		if got := Serves(tt.have, tt.want); got != tt.served {
			t.Errorf("Serves(%q, %q) = %v", tt.have, tt.want, got)
		}
	}
}

func TestTracker(t *testing.T) {
	var none *Tracker
	none.Begin()
	none.End()
	if err := none.Wait(t.Context()); err != nil || TrackerFrom(t.Context()) != nil {
		t.Errorf("a nil tracker: %v", err)
	}
	ctx, tr := WithTracker(t.Context())
	if TrackerFrom(ctx) != tr || TrackerFrom(Pack(ctx).Unpack(t.Context())) != tr {
		t.Error("the tracker is not carried")
	}
	tr.Begin()
	ended, cancel := context.WithCancelCause(ctx)
	cancel(ErrStopping)
	if err := tr.Wait(ended); !errors.Is(err, ErrStopping) {
		t.Errorf("Wait of an ended context: %v", err)
	}
	results := make(chan error, 2)
	for range 2 {
		go func() { results <- tr.Wait(ctx) }()
	}
	tr.Begin()
	tr.End()
	tr.End()
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}
