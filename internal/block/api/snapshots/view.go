package snapshots

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// writeSummary writes what every view of a snapshot has (cinder/api/views/snapshots.py).
func writeSummary(w *jsonview.Writer, s *block.Snapshot) {
	w.String("id", s.ID)
	w.Time("created_at", s.CreatedAt)
	w.Time("updated_at", s.UpdatedAt)
	w.Pointer("name", s.Name)
	w.Pointer("description", s.Description)
	w.String("volume_id", s.VolumeID)
	w.String("status", string(s.Status))
	w.Int("size", s.VolumeSizeGiB)
	w.StringMap("metadata", s.Metadata)
}

func write(w *jsonview.Writer, r *wsgi.Request, s *block.Snapshot, extra wsgi.Views) {
	w.Open()
	writeSummary(w, s)
	if r.Version.AtLeast(microversion.V(3, 14)) {
		w.StringOrNull("group_snapshot_id", s.GroupSnapshotID)
	}
	if r.Version.AtLeast(microversion.V(3, 41)) {
		w.StringOrNull("user_id", s.UserID)
	}
	if r.Version.AtLeast(microversion.V(3, 65)) {
		w.Bool("consumes_quota", s.UseQuota)
	}
	extra.Append(w, s)
	w.Close()
}

// Plain is one snapshot as a whole answer without what microversions and other extensions have added: upstream's answer to
// managing one.
func Plain(s *block.Snapshot) *wsgi.Response {
	w := jsonview.New(768)
	w.Open()
	w.Key("snapshot")
	w.Open()
	writeSummary(w, s)
	w.Close()
	w.Close()
	return wsgi.JSON(w)
}

// attributes is the extension that adds progress and project to a snapshot's show and detail.
func attributes(core *app.Core) wsgi.Extension {
	const alias, rule = "os-extended-snapshot-attributes", "volume_extension:extended_snapshot_attributes"
	open := func(ctx context.Context, _ *wsgi.Request, _ any) (wsgi.FieldWriter, error) {
		if core.Authorize(ctx, rule) != nil {
			return nil, nil
		}
		return func(w *jsonview.Writer, item any) {
			s := item.(*block.Snapshot)
			w.StringOrNull(alias+":progress", s.Progress)
			w.StringOrNull(alias+":project_id", s.ProjectID)
		}, nil
	}
	return wsgi.Extension{Alias: alias, Name: "ExtendedSnapshotAttributes", Description: "Extended SnapshotAttributes support.",
		Updated: "2012-06-19T00:00:00+00:00", Views: []wsgi.ViewExtension{{Resource: collection, Open: open}}}
}

// Request schemas (cinder/api/schemas/snapshots.py, admin_actions.py).
var (
	createSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"snapshot": {"type": "object", "properties": {
		"name": {"$ref": "parameter_types#/name_allow_zero_min_length"},
		"display_name": {"$ref": "parameter_types#/name_allow_zero_min_length"},
		"description": {"$ref": "parameter_types#/description"},
		"volume_id": {"$ref": "parameter_types#/uuid_allow_null"},
		"force": {"$ref": "parameter_types#/boolean"},
		"metadata": {"$ref": "parameter_types#/metadata_allows_null"}},
		"required": ["volume_id"], "additionalProperties": false}},
		"required": ["snapshot"], "additionalProperties": false}`}}
	updateSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"snapshot": {"type": "object", "properties": {
		"name": {"$ref": "parameter_types#/name_allow_zero_min_length"},
		"description": {"$ref": "parameter_types#/description"},
		"display_name": {"$ref": "parameter_types#/name_allow_zero_min_length"},
		"display_description": {"$ref": "parameter_types#/description"}},
		"additionalProperties": false,
		"anyOf": [{"required": ["name"]}, {"required": ["description"]}, {"required": ["display_name"]}, {"required": ["display_description"]}]}},
		"required": ["snapshot"], "additionalProperties": false}`}}
	resetSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"os-reset_status": {"type": "object", "properties": {
		"status": {"type": "string", "format": "snapshot_status"}}, "required": ["status"], "additionalProperties": false}},
		"required": ["os-reset_status"], "additionalProperties": false}`}}
	unmanageSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"os-unmanage": {}},
		"required": ["os-unmanage"], "additionalProperties": false}`}}
	reportSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"os-update_snapshot_status": {"type": "object", "properties": {
		"status": {"type": "string"}, "progress": {"format": "progress"}}, "required": ["status"], "additionalProperties": false}},
		"required": ["os-update_snapshot_status"], "additionalProperties": false}`}}
	forceDeleteSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"os-force_delete": {}},
		"required": ["os-force_delete"], "additionalProperties": false}`}}
)
