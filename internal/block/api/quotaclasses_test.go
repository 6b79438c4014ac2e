package api_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/api/listing"
)

func TestQuotaClasses(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "ops"), c.As(t, apitest.Member, "p")
	newType(admin, "gold")
	const rest = `"gigabytes": 1000, "snapshots": 10, "backups": 10, "backup_gigabytes": 1000, "groups": 10, "per_volume_gigabytes": -1,
		"volumes_gold": -1, "gigabytes_gold": %G, "snapshots_gold": -1, "volumes___DEFAULT__": -1, "gigabytes___DEFAULT__": -1, "snapshots___DEFAULT__": -1`
	admin.Get("/os-quota-class-sets/mine").Is(200, `{"quota_class_set": {"id": "mine", "volumes": 10, `+strings.ReplaceAll(rest, "%G", "-1")+`}}`)
	put := func(class string, pairs ...any) apitest.Answer {
		return admin.Put("/os-quota-class-sets/"+class, object("quota_class_set", object(pairs...)))
	}
	put("mine", "volumes", "7", "gigabytes_gold", 5).Is(200, `{"quota_class_set": {"volumes": 7, `+strings.ReplaceAll(rest, "%G", "5")+`}}`)
	admin.Get("/os-quota-class-sets/mine").Is(200, `{"quota_class_set": {"id": "mine", "volumes": 7, `+strings.ReplaceAll(rest, "%G", "5")+`}}`)
	if own, err := c.Store.QuotaClassLimits(t.Context(), "mine"); err != nil || len(own) != 2 || own["volumes"] != 7 || own["gigabytes_gold"] != 5 {
		t.Errorf("the rows are %v, %v", own, err)
	}
	// The default class is in force for every project that has no limits of its own.
	put("default", "volumes", 1).OK(200)
	if got := m.Get("/os-quota-sets/p").At("quota_set", "volumes"); got != 1.0 {
		t.Errorf("the project may hold %v volumes", got)
	}
	m.Volume()
	m.Post("/volumes", object("volume", object("size", 1))).Fault(413, "VolumeLimitExceeded: Maximum number of volumes allowed (1) exceeded for quota 'volumes'.")

	put("mine", "nothing", 1, "worse", 2, "volumes", 3).Fault(400, "Invalid input received: Bad key(s) in quota class set: nothing, worse")
	put("mine", "volumes", -2).Fault(400, "volumes")
	put("mine", "volumes", "x").Fault(400, "volumes")
	put("mine", "volumes", nil).Fault(400, "volumes")
	put("mine", "volumes", 1<<31).Fault(400, "volumes")
	put(strings.Repeat("c", 256), "volumes", 1).Fault(400, "quota_class_name has 256 characters, more than 255.")
	admin.Put("/os-quota-class-sets/mine", object()).Fault(400, "'quota_class_set' is a required property")
	m.Get("/os-quota-class-sets/mine").Fault(403, "Policy doesn't allow volume_extension:quota_classes:get to be performed.")
	m.Put("/os-quota-class-sets/mine", object("quota_class_set", object())).Fault(403, "Policy doesn't allow volume_extension:quota_classes:update")
}

func TestResourceFilters(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.33")
	if all := m.Get("/resource_filters").OK(200).At("resource_filters").([]any); len(all) != 9 {
		t.Errorf("there are %d resources", len(all))
	}
	m.Get("/resource_filters?resource=pool").Is(200, `{"resource_filters": [{"resource": "pool", "filters": ["name", "volume_type"]}]}`)
	m.Get("/resource_filters?resource=nothing").Is(200, `{"resource_filters": []}`)
	m.At("3.32").Get("/resource_filters").Fault(404, "")

	only := apitest.New(t, nil, func(o *apitest.Options) {
		o.API.Filters = listing.Filters{{Resource: "volume", Filters: []string{"name~"}}}
	}).As(t, apitest.Member, "p").At("3.34")
	only.Get("/resource_filters").Is(200, `{"resource_filters": [{"resource": "volume", "filters": ["name~"]}]}`)
	only.Get("/volumes?name~=x").OK(200)
	only.Get("/volumes?name=x").OK(200)
	only.Get("/volumes?status=x").Fault(400, "Invalid filters status are found in query options.")
	only.Get("/snapshots?name=x").Fault(400, "Invalid filters name are found in query options.")

	// What is said of a resource is what its list takes: none of these is refused.
	paths := map[string]string{"volume": "/volumes", "snapshot": "/snapshots", "attachment": "/attachments", "message": "/messages", "volume_type": "/types"}
	values := map[string]string{"metadata": "{'k': 'v'}", "extra_specs": "{'k': 'v'}", "created_at": "gt:2026-01-01T00:00:00", "updated_at": "gt:2026-01-01T00:00:00",
		"consumes_quota": "true", "bootable": "true", "is_public": "true", "size": "1"}
	for _, f := range m.Get("/resource_filters").At("resource_filters").([]any) {
		resource := f.(map[string]any)
		path, known := paths[resource["resource"].(string)]
		if !known {
			continue
		}
		for _, name := range resource["filters"].([]any) {
			value, special := values[name.(string)]
			if !special {
				value = "x"
			}
			query := url.Values{name.(string): {value}}
			m.At("3.71").Get(path + "?" + query.Encode()).OK(200)
		}
	}
}
