package api_test

import (
	"testing"

	"github.com/clinker/clinker/internal/block/api/apitest"
)

func TestDefaultTypes(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "ops").At("3.62"), c.As(t, apitest.Member, "p").At("3.62")
	gold, silver := newType(admin, "gold"), newType(admin, "silver")
	admin.Get("/default-types").Is(200, `{"default_types": []}`)
	admin.Get("/default-types/p").Fault(404, "Default type for project p not found.")
	set := func(project, volumeType string) apitest.Answer {
		return admin.Put("/default-types/"+project, object("default_type", object("volume_type", volumeType)))
	}
	set("p", "gold").Is(200, fill(`{"default_type": {"project_id": "p", "volume_type_id": "<T>"}}`, "<T>", gold))
	set("q", silver).Is(200, fill(`{"default_type": {"project_id": "q", "volume_type_id": "<T>"}}`, "<T>", silver))
	admin.Get("/default-types/p").Is(200, fill(`{"default_type": {"project_id": "p", "volume_type_id": "<T>"}}`, "<T>", gold))
	admin.Get("/default-types").Is(200, fill(`{"default_types": [{"project_id": "p", "volume_type_id": "<G>"}, {"project_id": "q", "volume_type_id": "<S>"}]}`,
		"<G>", gold, "<S>", silver))

	if got := m.Get("/types/default").Text("volume_type", "name"); got != "gold" {
		t.Errorf("the default type of p is %s", got)
	}
	if v := m.Row(m.Volume()); v.VolumeTypeID != gold {
		t.Errorf("a volume without a type got %s", v.VolumeTypeName)
	}
	if v := c.As(t, apitest.Member, "r").Volume(); m.Row(v).VolumeTypeName != "__DEFAULT__" {
		t.Errorf("another project's volume got %s", m.Row(v).VolumeTypeName)
	}
	admin.Delete("/types/"+silver).Fault(400, "The volume type "+silver+" is a default volume type and cannot be deleted.")
	set("p", "silver").OK(200)
	if got := m.Get("/types/default").Text("volume_type", "name"); got != "silver" {
		t.Errorf("the default type of p is now %s", got)
	}
	admin.Delete("/default-types/p").Empty(204)
	admin.Delete("/default-types/p").Empty(204)
	if got := m.Get("/types/default").Text("volume_type", "name"); got != "__DEFAULT__" {
		t.Errorf("the default type of p without its own is %s", got)
	}

	set("p", "nothing").Fault(400, "Volume type with name nothing could not be found.")
	set("p", nowhere).Fault(400, "could not be found.")
	set("p", "").Fault(400, "'' should be non-empty")
	admin.Put("/default-types/p", object()).Fault(400, "'default_type' is a required property")
	admin.Put("/default-types/p", object("default_type", object("volume_type", "gold", "x", 1))).Fault(400, "Additional properties")
	const refusal = "You are not authorized to perform this operation."
	m.Get("/default-types").Fault(403, refusal)
	m.Get("/default-types/p").Fault(403, refusal)
	m.Put("/default-types/p", object("default_type", object("volume_type", "gold"))).Fault(403, refusal)
	m.Delete("/default-types/p").Fault(403, refusal)
	admin.At("3.61").Get("/default-types").Fault(404, "")
}
