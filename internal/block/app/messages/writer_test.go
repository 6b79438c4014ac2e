package messages_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app/messages"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
)

func TestWriter(t *testing.T) {
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(t.TempDir(), "cinder.db"), Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	failure := block.Failure{ProjectID: "p", RequestID: "r", ResourceType: block.MessageSnapshot, ResourceID: "s", Action: "009", Detail: "013", Text: "a disk is on fire"}
	lasting, passing := messages.NewWriter(s, time.Hour), messages.NewWriter(s, -time.Second)
	for range 3 {
		if err := passing.Create(t.Context(), failure); err != nil {
			t.Fatal(err)
		}
	}
	if err := lasting.Create(t.Context(), failure); err != nil {
		t.Fatal(err)
	}
	if err := lasting.DeleteExpired(t.Context()); err != nil {
		t.Fatal(err)
	}
	left, err := s.Messages(t.Context(), store.MessageQuery{})
	if err != nil {
		t.Fatal(err)
	}
	want := []*block.Message{{ProjectID: "p", RequestID: "r", ResourceType: "VOLUME_SNAPSHOT", ResourceID: "s", EventID: "VOLUME_VOLUME_SNAPSHOT_009_013",
		Action: "009", Detail: "013", Level: "ERROR"}}
	if d := cmp.Diff(want, left, cmpopts.IgnoreFields(block.Message{}, "ID", "Timestamps", "ExpiresAt")); d != "" {
		t.Errorf("what is left (-want +got):\n%s", d)
	}
	if age := left[0].ExpiresAt.Sub(left[0].CreatedAt); age != time.Hour {
		t.Errorf("it lasts %v", age)
	}
}
