// Package migration is the HTTP of the actions that change a volume's type or place: os-retype, os-migrate_volume and
// os-migrate_volume_completion. What they mean is in app/migration.
package migration

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	uses "github.com/clinker/clinker/internal/block/app/migration"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// Argument schemas (cinder/api/schemas/volume_actions.py and admin_actions.py).
const (
	retypeArgument = `{"type": "object", "properties": {
		"new_type": {"type": "string"},
		"migration_policy": {"type": ["string", "null"], "enum": ["on-demand", "never"]}},
		"required": ["new_type"], "additionalProperties": false}`
	flags = `"force_host_copy": {"$ref": "parameter_types#/boolean"}, "lock_volume": {"$ref": "parameter_types#/boolean"}`

	migrateArgument = `{"type": "object", "properties": {"host": {"type": "string", "maxLength": 255}, ` + flags + `},
		"required": ["host"], "additionalProperties": false}`
	migrateOrClusterArgument = `{"type": "object", "properties": {"host": {"type": ["string", "null"], "maxLength": 255}, ` + flags + `,
		"cluster": {"$ref": "parameter_types#/name_allow_zero_min_length"}}, "additionalProperties": false}`
	completionArgument = `{"type": "object", "properties": {
		"new_volume": {"$ref": "parameter_types#/uuid"},
		"error": {"type": ["string", "null", "boolean"]}},
		"required": ["new_volume"], "additionalProperties": false}`
)

// since316 is when a volume can be sent to a cluster.
var since316 = microversion.V(3, 16)

// Actions are those that are a part of the extension os-volume-actions.
func Actions(u *uses.Migration) []wsgi.Action {
	h := handlers{u}
	return []wsgi.Action{
		{Resource: "volumes", Name: "os-retype", Schemas: []wsgi.Schema{argument("os-retype", retypeArgument, microversion.Range{})},
			Policy: []string{"volume:retype", "volume:multiattach"}, Handler: h.retype},
	}
}

// AdminActions are those of administrators, a part of the extension os-admin-actions.
func AdminActions(u *uses.Migration) []wsgi.Action {
	const admin = "volume_extension:volume_admin_actions:"
	h := handlers{u}
	return []wsgi.Action{
		{Resource: "volumes", Name: "os-migrate_volume", Policy: []string{admin + "migrate_volume"}, Handler: h.migrate,
			Schemas: []wsgi.Schema{argument("os-migrate_volume", migrateArgument, microversion.Until(3, 15)),
				argument("os-migrate_volume", migrateOrClusterArgument, microversion.From(3, 16))}},
		{Resource: "volumes", Name: "os-migrate_volume_completion", Status: 200, Policy: []string{admin + "migrate_volume_completion"}, Handler: h.complete,
			Schemas: []wsgi.Schema{argument("os-migrate_volume_completion", completionArgument, microversion.Range{})}},
	}
}

func argument(action, schema string, versions microversion.Range) wsgi.Schema {
	return wsgi.Schema{Versions: versions, JSON: `{"type": "object", "properties": {"` + action + `": ` + schema + `},
		"required": ["` + action + `"], "additionalProperties": false}`}
}

type handlers struct{ uses *uses.Migration }

func (h handlers) retype(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	a := r.Body.Object("os-retype")
	return wsgi.Empty(), h.uses.Retype(ctx, r.PathValue("id"), a.String("new_type"), a.String("migration_policy") == "on-demand")
}

func (h handlers) migrate(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	a := r.Body.Object("os-migrate_volume")
	asked := uses.Request{Host: block.Host(a.String("host")), ForceHostCopy: a.Bool("force_host_copy"), Lock: a.Bool("lock_volume")}
	if r.Version.AtLeast(since316) {
		asked.Cluster = a.String("cluster")
	}
	return wsgi.Empty(), h.uses.Migrate(ctx, r.PathValue("id"), asked)
}

// complete takes any text for an error, as upstream does.
func (h handlers) complete(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	a := r.Body.Object("os-migrate_volume_completion")
	failed := a.Bool("error")
	if text, isText := a["error"].(string); isText {
		failed = text != ""
	}
	id, err := h.uses.Complete(ctx, r.PathValue("id"), a.String("new_volume"), failed)
	if err != nil {
		return nil, err
	}
	w := jsonview.New(64)
	w.Open()
	w.String("save_volume_id", id)
	w.Close()
	return wsgi.JSON(w), nil
}
