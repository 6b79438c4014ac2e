package block

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func TestNames(t *testing.T) {
	const id = "0b1a5a4c-8f3e-4d6e-9a8b-0c1d2e3f4a5b"
	for template, name := range map[NameTemplate]string{"volume-%s": "volume-" + id, "%s": id, "": id, "cinder_%s.raw": "cinder_" + id + ".raw"} {
		if got := template.Name(id); got != name {
			t.Errorf("%q: %q, want %q", template, got, name)
		}
	}
	for _, other := range []string{"", "volume-", "volume-x", id, "volume-" + strings.ToUpper(id), "volume-{" + id + "}", "volume-" + id + ".tmp", "unmanaged-volume-" + id} {
		if got, ok := DefaultNames().Volumes.ID(other); ok || got != "" {
			t.Errorf("%q is taken for that of %q", other, got)
		}
	}
	if n := (Names{Snapshots: "s%s"}).OrDefault(); n != (Names{"volume-%s", "s%s"}) {
		t.Errorf("%+v", n)
	}
}

// TestNamesAreTold: whatever the template, the id is found again in a name, and in that of no other.
func TestNamesAreTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.StringMatching(`[a-z0-9_.-]{0,8}`)
		template := NameTemplate(part.Draw(t, "before") + "%s" + part.Draw(t, "after"))
		id := uuid.UUID([]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))).String()
		name := template.Name(id)
		if got, ok := template.ID(name); !ok || got != id {
			t.Fatalf("%q: %q, %v", name, got, ok)
		}
		if got, ok := template.ID(name + "x"); ok {
			t.Fatalf("%q is taken for that of %q", name+"x", got)
		}
	})
}
