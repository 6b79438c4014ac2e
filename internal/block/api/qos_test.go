package api_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block/api/apitest"
)

func newQoS(c apitest.Caller, name string, more ...any) string {
	c.TB.Helper()
	return c.Post("/qos-specs", object("qos_specs", object(append(more, "name", name)...))).OK(200).Text("qos_specs", "id")
}

func TestQoSSpecs(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "ops"), c.As(t, apitest.Member, "p")
	a := admin.Post("/qos-specs", object("qos_specs", object("name", " gold ", "consumer", "front-end", "iops", "10", "nothing", nil)))
	id := a.OK(200).Text("qos_specs", "id")
	whole := fill(`{"qos_specs": {"id": "<Q>", "name": "gold", "consumer": "front-end", "specs": {"iops": "10", "nothing": null}},
		"links": [{"rel": "self", "href": "http://cloud/ops/qos-specs/<Q>"}, {"rel": "bookmark", "href": "http://cloud/ops/qos-specs/<Q>"}]}`, "<Q>", id)
	a.Is(200, whole)
	admin.Get("/qos-specs/"+id).Is(200, whole)
	if q, err := c.Store.QoSSpecs(t.Context(), id); err != nil || q.Name != "gold" || q.Consumer != "front-end" || *q.Specs["iops"] != "10" || q.Specs["nothing"] != nil {
		t.Errorf("the row is %+v, %v", q, err)
	}
	if got := admin.Get("/qos-specs/"+newQoS(admin, "plain")).Text("qos_specs", "consumer"); got != "back-end" {
		t.Errorf("without a consumer it is %s", got)
	}
	if got := admin.Get("/qos-specs/"+newQoS(admin, "null", "consumer", nil)).Text("qos_specs", "consumer"); got != "back-end" {
		t.Errorf("with a null consumer it is %s", got)
	}

	create := func(pairs ...any) apitest.Answer {
		return admin.Post("/qos-specs", object("qos_specs", object(pairs...)))
	}
	create("name", "gold").Fault(409, "QoS Specs gold already exists.")
	create("name", "x", "consumer", "nobody").Fault(400, "Invalid qos specs: Valid consumer of QoS specs are: ")
	create("name", "x", "consumer", "").Fault(400, "Invalid qos specs: Valid consumer of QoS specs are: ")
	create("name", "x", "iops", 10).Fault(400, `Invalid input received: Value for key "iops" is not a string or unicode`)
	create("name", "x", "", "v").Fault(400, `Invalid input received: Key "" has 0 characters, less than 1.`)
	create("name", "x", "k", strings.Repeat("v", 256)).Fault(400, `Invalid input received: Value for key "k" has 256 characters, more than 255.`)
	create("name", "x", strings.Repeat("k", 256), "v").Fault(400, "has 256 characters, more than 255.")
	create("name", strings.Repeat("n", 256)).Fault(400, "")
	create("name", " ").Fault(400, "name")
	create().Fault(400, "'name' is a required property")
	admin.Post("/qos-specs", object()).Fault(400, "'qos_specs' is a required property")

	change := object("qos_specs", object("iops", "20", "new", nil, "consumer", "both"))
	admin.Put("/qos-specs/"+id, change).Is(200, encoded(t, change))
	if q, err := c.Store.QoSSpecs(t.Context(), id); err != nil || q.Consumer != "both" || *q.Specs["iops"] != "20" || len(q.Specs) != 3 || q.Specs["new"] != nil {
		t.Errorf("the row is %+v, %v", q, err)
	}
	admin.Put("/qos-specs/"+id, object("qos_specs", object("consumer", "x"))).Fault(400, "Invalid qos specs: Valid consumer")
	admin.Put("/qos-specs/"+id, object("qos_specs", object("a b!", "x"))).Fault(400, "a b!")
	admin.Put("/qos-specs/"+nowhere, change).Fault(404, "No such QoS spec "+nowhere+".")
	admin.Get("/qos-specs/"+nowhere).Fault(404, "No such QoS spec "+nowhere+".")

	admin.Put("/qos-specs/"+id+"/delete_keys", object("keys", []string{"iops", "none", "new"})).Fault(404, "QoS spec "+id+" has no spec with key none.")
	if q, err := c.Store.QoSSpecs(t.Context(), id); err != nil || len(q.Specs) != 2 {
		t.Errorf("the keys that are left: %+v, %v", q, err)
	}
	admin.Put("/qos-specs/"+id+"/delete_keys", object("keys", []string{"new", "nothing"})).Empty(202)
	admin.Put("/qos-specs/"+id+"/delete_keys", object("keys", []string{"a", "a"})).Fault(400, "keys")
	admin.Put("/qos-specs/"+nowhere+"/delete_keys", object("keys", []string{"a"})).Fault(404, "No such QoS spec")
	admin.Delete("/qos-specs/" + id).Empty(202)
	admin.Delete("/qos-specs/"+id).Fault(404, "No such QoS spec "+id+".")

	const refusal = "Policy doesn't allow volume_extension:qos_specs_manage:"
	m.Get("/qos-specs").Fault(403, refusal+"get_all to be performed.")
	m.Post("/qos-specs", object("qos_specs", object("name", "x"))).Fault(403, refusal+"create")
	m.Get("/qos-specs/"+nowhere).Fault(403, refusal+"get to")
	m.Put("/qos-specs/"+nowhere, object("qos_specs", object())).Fault(403, refusal+"update")
	m.Delete("/qos-specs/"+nowhere).Fault(403, refusal+"delete")
}

func TestQoSList(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin := c.As(t, apitest.Admin, "ops")
	admin.Get("/qos-specs").Is(200, `{"qos_specs": []}`)
	a, b := newQoS(admin, "a", "k", "v"), newQoS(admin, "b")
	admin.Get("/qos-specs?sort=value:asc").Is(200, fill(`{"qos_specs": [{"id": "<A>", "name": "a", "consumer": "back-end", "specs": {"k": "v"}},
		{"id": "<B>", "name": "b", "consumer": "back-end", "specs": {}}]}`, "<A>", a, "<B>", b))
	first := admin.Get("/qos-specs?limit=1&sort=value:asc").OK(200)
	first.Is(200, fill(`{"qos_specs": [{"id": "<A>", "name": "a", "consumer": "back-end", "specs": {"k": "v"}}],
		"qos_specs_links": [{"rel": "next", "href": "http://cloud/ops/qos-specs?limit=1&sort=value%3Aasc&marker=<A>"}]}`, "<A>", a))
	admin.Get("/qos-specs?limit=0").Is(200, `{"qos_specs": []}`)
	admin.Get("/qos-specs?value=b&sort=id:asc").Is(200, fill(`{"qos_specs": [{"id": "<B>", "name": "b", "consumer": "back-end", "specs": {}}]}`, "<B>", b))
	admin.Get("/qos-specs?name=b").Is(200, `{"qos_specs": []}`) // the table has no such column
	admin.Get("/qos-specs?marker="+nowhere).Fault(404, "No such QoS spec")
	admin.Get("/qos-specs?limit=x").Fault(400, "limit param must be an integer")
	admin.Get("/qos-specs?sort=name:asc").Fault(400, "Invalid sort key")
}

func TestQoSOfTypes(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "ops"), c.As(t, apitest.Member, "p")
	id, other := newQoS(admin, "a"), newQoS(admin, "b")
	one, two := newType(admin, "one"), newType(admin, "two")
	at := func(verb, typeID string) apitest.Answer {
		return admin.Get("/qos-specs/" + id + "/" + verb + "?vol_type_id=" + typeID)
	}
	at("associate", one).Empty(202)
	at("associate", one).Empty(202)
	at("associate", two).Empty(202)
	admin.Get("/qos-specs/"+other+"/associate?vol_type_id="+one).Fault(400,
		"Invalid volume type: Type "+one+" is already associated with another qos specs: "+id)
	if got := admin.Get("/types/"+one).Text("volume_type", "qos_specs_id"); got != id {
		t.Errorf("the type shows %s", got)
	}
	if _, shown := m.Get("/types/" + one).At("volume_type").(map[string]any)["qos_specs_id"]; shown {
		t.Error("a member sees which QoS specs a type has")
	}
	admin.Get("/qos-specs/"+id+"/associations").Is(200, fill(`{"qos_associations": [
		{"association_type": "volume_type", "name": "one", "id": "<1>"}, {"association_type": "volume_type", "name": "two", "id": "<2>"}]}`, "<1>", one, "<2>", two))
	admin.Delete("/qos-specs/"+id).Fault(400, "Qos specs still in use.")
	admin.Delete("/qos-specs/"+id+"?force=maybe").Fault(400, "Value 'maybe' for 'force' is not a boolean.")
	at("disassociate", one).Empty(202)
	if row := admin.TypeRow(one); row.QoSSpecsID != "" {
		t.Errorf("the type still has %s", row.QoSSpecsID)
	}
	admin.Get("/qos-specs/" + other + "/disassociate?vol_type_id=" + two).Empty(202)
	if row := admin.TypeRow(two); row.QoSSpecsID != id {
		t.Errorf("specs that the type does not have took it away: %q", row.QoSSpecsID)
	}
	admin.Get("/qos-specs/" + id + "/disassociate_all").Empty(202)
	admin.Get("/qos-specs/"+id+"/associations").Is(200, `{"qos_associations": []}`)
	at("associate", two).Empty(202)
	admin.Delete("/qos-specs/" + id + "?force=True").Empty(202)
	if row := admin.TypeRow(two); row.QoSSpecsID != "" {
		t.Errorf("the type refers to deleted specs: %s", row.QoSSpecsID)
	}

	admin.Get("/qos-specs/"+other+"/associate").Fault(400, "Volume Type id must not be None.")
	admin.Get("/qos-specs/"+other+"/disassociate?vol_type_id=").Fault(400, "Volume Type id must not be None.")
	admin.Get("/qos-specs/"+other+"/associate?vol_type_id="+nowhere).Fault(404, "Volume type "+nowhere+" could not be found.")
	for _, verb := range []string{"associate?vol_type_id=" + one, "disassociate?vol_type_id=" + one, "disassociate_all", "associations"} {
		admin.Get("/qos-specs/"+nowhere+"/"+verb).Fault(404, "No such QoS spec "+nowhere+".")
		m.Get("/qos-specs/"+other+"/"+verb).Fault(403, "Policy doesn't allow volume_extension:qos_specs_manage:")
	}
}

// TestQoSIsHeeded has the hypervisor told of the QoS specs that are for it.
func TestQoSIsHeeded(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "ops"), c.As(t, apitest.Member, "p").At("3.71")
	id, typeID := newQoS(admin, "a", "consumer", "both", "total_iops_sec_per_gb", "10", "note", "x"), newType(admin, "fast")
	admin.Get("/qos-specs/" + id + "/associate?vol_type_id=" + typeID).Empty(202)
	volume := m.Volume("size", 3, "volume_type", "fast")
	attachment := m.Post("/attachments", object("attachment", object("volume_uuid", volume, "instance_uuid", server,
		"connector", object("host", "h", "initiator", "iqn.h")))).OK(200)
	got := attachment.At("attachment", "connection_info", "qos_specs")
	if d := cmp.Diff(map[string]any{"total_iops_sec": 30.0, "note": "x"}, got); d != "" {
		t.Errorf("the hypervisor is told (-want +got):\n%s", d)
	}
}
