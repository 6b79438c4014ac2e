// Package novatest holds the tests that every nova.Service passes, and a fake compute service behind HTTP, in the words of the
// Compute API, for the tests of clients and of what uses them.
package novatest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/nova"
	"github.com/clinker/clinker/internal/nova/fake"
)

// Ids of the suite.
const (
	Server     = "11111111-0000-0000-0000-000000000000"
	Other      = "22222222-0000-0000-0000-000000000000" // a server that is not there
	Volume     = "33333333-0000-0000-0000-000000000000"
	Attachment = "44444444-0000-0000-0000-000000000000"
)

// Run tests a service. open makes one that stands before the given fake, and the context of a caller of it.
func Run(t *testing.T, open func(t *testing.T, behind *fake.Nova) (nova.Service, context.Context)) {
	start := func(t *testing.T) (*fake.Nova, nova.Service, context.Context) {
		n := new(fake.Nova)
		n.Attach(Server, Volume, Attachment)
		s, ctx := open(t, n)
		return n, s, ctx
	}
	t.Run("AttachmentOf", func(t *testing.T) {
		_, s, ctx := start(t)
		if id, err := s.AttachmentOf(ctx, Server, Volume); err != nil || id != Attachment {
			t.Errorf("%q, %v", id, err)
		}
		for _, ask := range [][2]string{{Other, Volume}, {Server, Other}} {
			if id, err := s.AttachmentOf(ctx, ask[0], ask[1]); !fault.Is(err, fault.NotFound) || id != "" {
				t.Errorf("of %v: %q, %v; want NotFound", ask, id, err)
			}
		}
	})
	t.Run("Tell", func(t *testing.T) {
		n, s, ctx := start(t)
		events := []nova.Event{{Name: nova.EventVolumeExtended, ServerID: Server, Tag: Volume}, {Name: nova.EventVolumeReimaged, ServerID: Server, Tag: Volume}}
		for _, e := range events {
			if err := s.Tell(ctx, e, nova.Event{Name: e.Name, ServerID: Other, Tag: Volume}); err != nil {
				t.Errorf("%+v: %v", e, err)
			}
		}
		if got := n.Events(); !slices.Equal(got, events) {
			t.Errorf("it was told %+v, want %+v", got, events)
		}
		if err := s.Tell(ctx, nova.Event{Name: nova.EventVolumeExtended, ServerID: Other, Tag: Volume}); !fault.Is(err, fault.NotFound) {
			t.Errorf("of a server that is not there: %v, want NotFound", err)
		}
		if err := s.Tell(ctx); err != nil || len(n.Events()) != len(events) {
			t.Errorf("nothing: %v", err)
		}
	})
	t.Run("UpdateServerVolume", func(t *testing.T) {
		n, s, ctx := start(t)
		if err := s.UpdateServerVolume(ctx, Server, Volume, Other); err != nil {
			t.Error(err)
		}
		if got := n.Swaps(); !slices.Equal(got, []fake.Swap{{ServerID: Server, VolumeID: Volume, NewID: Other}}) {
			t.Errorf("%+v", got)
		}
		if err := s.UpdateServerVolume(ctx, Server, Volume, Other); !fault.Is(err, fault.Conflict) {
			t.Errorf("again: %v, want Conflict", err)
		}
		if err := s.UpdateServerVolume(ctx, Other, Volume, Other); !fault.Is(err, fault.NotFound) {
			t.Errorf("of a server that is not there: %v, want NotFound", err)
		}
	})
	t.Run("Away", func(t *testing.T) {
		n, s, ctx := start(t)
		n.Fail(nova.ConnectionFailed(errors.New("secret"), "it answered 503."))
		_, err := s.AttachmentOf(ctx, Server, Volume)
		all := []error{err, s.Tell(ctx, nova.Event{Name: nova.EventVolumeExtended, ServerID: Server, Tag: Volume}), s.UpdateServerVolume(ctx, Server, Volume, Other)}
		for _, err := range all {
			if !fault.Is(err, fault.Unavailable) || errors.Is(err, nova.ErrAbsent) || fault.UserText(err) != "Connection to nova failed: it answered 503." {
				t.Errorf("%v, want Unavailable", err)
			}
		}
	})
}
