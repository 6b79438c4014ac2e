package api_test

import (
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/store"
)

// admin is an administrator of a project of its own.
func (f *fixture) admin() apitest.Caller { return f.As(f.TB, apitest.Admin, "ops").At("3.71") }

func defaultTypeRequests() map[string]matrixRequest {
	project := func(f *fixture) string {
		id := uuid.NewString()
		f.admin().Put("/default-types/"+id, object("default_type", object("volume_type", f.newType(true)))).OK(200)
		return id
	}
	return map[string]matrixRequest{
		"GET /default-types":         at("/default-types"),
		"GET /default-types/{id}":    on("/default-types/", project, ""),
		"DELETE /default-types/{id}": on("/default-types/", project, ""),
		"PUT /default-types/{id}": func(f *fixture) (string, any) {
			return "/default-types/" + uuid.NewString(), object("default_type", object("volume_type", f.newType(true)))
		},
	}
}

func groupTypeRequests() map[string]matrixRequest {
	const c, specs = "/group_types/", "/group_specs"
	groupType := func(f *fixture) string {
		return f.admin().Post("/group_types", object("group_type", object("name", uuid.NewString(), "group_specs", object("k", "v")))).OK(202).Text("group_type", "id")
	}
	return map[string]matrixRequest{
		"GET /group_types": at("/group_types"),
		"POST /group_types": func(*fixture) (string, any) {
			return "/group_types", object("group_type", object("name", uuid.NewString()))
		},
		"GET /group_types/{id}":                      on(c, groupType, ""),
		"PUT /group_types/{id}":                      on(c, groupType, "", "group_type", object("description", "x")),
		"DELETE /group_types/{id}":                   on(c, groupType, ""),
		"GET /group_types/{id}/group_specs":          on(c, groupType, specs),
		"POST /group_types/{id}/group_specs":         on(c, groupType, specs, "group_specs", object("x", "y")),
		"GET /group_types/{id}/group_specs/{key}":    on(c, groupType, specs+"/k"),
		"PUT /group_types/{id}/group_specs/{key}":    on(c, groupType, specs+"/k", "k", "w"),
		"DELETE /group_types/{id}/group_specs/{key}": on(c, groupType, specs+"/k"),
	}
}

func messageRequests() map[string]matrixRequest {
	message := func(f *fixture) string {
		m := &block.Message{ID: uuid.NewString(), ProjectID: "p", RequestID: "req-x", ResourceType: block.MessageVolume, ResourceID: nowhere,
			EventID: "VOLUME_VOLUME_001_001", Action: block.MessageScheduleVolume, Detail: block.MessageUnknownError, Level: "ERROR", ExpiresAt: time.Now().Add(time.Hour)}
		f.Change(func(tx store.Tx) error { return tx.CreateMessage(f.TB.Context(), m) })
		return m.ID
	}
	return map[string]matrixRequest{
		"GET /messages":         at("/messages"),
		"GET /messages/{id}":    on("/messages/", message, ""),
		"DELETE /messages/{id}": on("/messages/", message, ""),
	}
}

func encryptionRequests() map[string]matrixRequest {
	const c, rest = "/types/", "/encryption"
	body := object("provider", "luks", "control_location", "front-end", "cipher", "x")
	open := func(f *fixture) string { return f.newType(true) }
	encrypted := func(f *fixture) (id, encryption string) {
		id = f.newType(true)
		return id, f.admin().Post(c+id+rest, object("encryption", body)).OK(200).Text("encryption", "encryption_id")
	}
	one := func(pairs ...any) matrixRequest {
		return func(f *fixture) (string, any) {
			id, encryption := encrypted(f)
			return c + id + rest + "/" + encryption, bodyOf(pairs)
		}
	}
	volume := func(f *fixture) string { return f.newVolume() }
	return map[string]matrixRequest{
		"GET /types/{id}/encryption":  on(c, open, rest),
		"POST /types/{id}/encryption": on(c, open, rest, "encryption", body),
		"GET /types/{id}/encryption/{key}": func(f *fixture) (string, any) {
			id, _ := encrypted(f)
			return c + id + rest + "/cipher", nil
		},
		"PUT /types/{id}/encryption/{key}":    one("encryption", object("cipher", "y")),
		"DELETE /types/{id}/encryption/{key}": one(),
		"GET /volumes/{id}/encryption":        on("/volumes/", volume, rest),
		"GET /volumes/{id}/encryption/{key}":  on("/volumes/", volume, rest+"/encryption_key_id"),
	}
}
