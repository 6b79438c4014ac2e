package backups

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// writeSummary writes what every view of a backup has (cinder/api/views/backups.py).
func writeSummary(w *jsonview.Writer, r *wsgi.Request, b *block.Backup) {
	w.String("id", b.ID)
	w.Pointer("name", b.Name)
	r.AppendLinks(w, collection, b.ID)
}

// fixedKeyID stands for the one key of upstream's oldest key manager, which is shown to nobody.
const fixedKeyID = "00000000-0000-0000-0000-000000000000"

// full gives the writer of backups with all their fields.
func (h handlers) full(ctx context.Context, r *wsgi.Request) func(*jsonview.Writer, *block.Backup) {
	owners := r.Version.AtLeast(withProject) && h.uses.SeesOwners(ctx)
	return func(w *jsonview.Writer, b *block.Backup) {
		writeSummary(w, r, b)
		writeDetail(w, r, b)
		if owners {
			w.StringOrNull("os-backup-project-attr:project_id", b.ProjectID)
		}
		if owners && r.Version.AtLeast(withUser) {
			w.StringOrNull("user_id", b.UserID)
		}
	}
}

func writeDetail(w *jsonview.Writer, r *wsgi.Request, b *block.Backup) {
	w.String("status", string(b.Status))
	w.Int("size", b.SizeGiB)
	w.Int("object_count", b.ObjectCount)
	w.StringOrNull("availability_zone", b.AvailabilityZone)
	w.Pointer("container", b.Container)
	w.Time("created_at", b.CreatedAt)
	w.Time("updated_at", b.UpdatedAt)
	w.Pointer("description", b.Description)
	w.StringOrNull("fail_reason", b.FailReason)
	w.String("volume_id", b.VolumeID)
	w.Bool("is_incremental", b.Incremental())
	w.Bool("has_dependent_backups", b.Dependents > 0)
	w.StringOrNull("snapshot_id", b.SnapshotID)
	w.Time("data_timestamp", b.DataTimestamp)
	if r.Version.AtLeast(withMetadata) {
		w.StringMap("metadata", b.Metadata)
	}
	if r.Version.AtLeast(withEncryption) && b.EncryptionKeyID != "" && b.EncryptionKeyID != fixedKeyID {
		w.String("encryption_key_id", b.EncryptionKeyID)
	}
}

// Request schemas (cinder/api/schemas/backups.py, admin_actions.py).
var (
	createSchemas = []wsgi.Schema{
		{Versions: microversion.Until(3, 42), JSON: createSchema("")},
		{Versions: microversion.Between(microversion.V(3, 43), microversion.V(3, 50)), JSON: createSchema(metadataMember)},
		{Versions: microversion.From(3, 51), JSON: createSchema(metadataMember + `, "availability_zone": {"$ref": "parameter_types#/nullable_string"}`)},
	}
	updateSchemas = []wsgi.Schema{
		{Versions: microversion.Until(3, 42), JSON: updateSchema("")},
		{Versions: microversion.From(3, 43), JSON: updateSchema(`, "metadata": {"$ref": "parameter_types#/extra_specs"}`)},
	}
	restoreSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"restore": {"type": ["object", "null"], "properties": {
		"name": {"$ref": "parameter_types#/name_allow_zero_min_length"},
		"volume_id": {"$ref": "parameter_types#/uuid_allow_null"}}, "additionalProperties": false}},
		"required": ["restore"], "additionalProperties": false}`}}
	importSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"backup-record": {"type": "object", "properties": {
		"backup_service": {"$ref": "parameter_types#/backup_service"},
		"backup_url": {"$ref": "parameter_types#/backup_url"}},
		"required": ["backup_service", "backup_url"], "additionalProperties": false}},
		"required": ["backup-record"], "additionalProperties": false}`}}
	resetSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"os-reset_status": {"type": "object", "properties": {
		"status": {"type": "string", "format": "backup_status"}}, "required": ["status"], "additionalProperties": false}},
		"required": ["os-reset_status"], "additionalProperties": false}`}}
	forceDeleteSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"os-force_delete": {}},
		"required": ["os-force_delete"], "additionalProperties": false}`}}
)

const metadataMember = `, "metadata": {"$ref": "parameter_types#/metadata_allows_null"}`

func createSchema(more string) string {
	return `{"type": "object", "properties": {"backup": {"type": "object", "properties": {
		"volume_id": {"$ref": "parameter_types#/uuid"},
		"container": {"$ref": "parameter_types#/container"},
		"description": {"$ref": "parameter_types#/description"},
		"incremental": {"$ref": "parameter_types#/boolean"},
		"force": {"$ref": "parameter_types#/boolean"},
		"name": {"$ref": "parameter_types#/name_allow_zero_min_length"},
		"snapshot_id": {"$ref": "parameter_types#/uuid_allow_null"}` + more + `}, "required": ["volume_id"], "additionalProperties": false}},
		"required": ["backup"], "additionalProperties": false}`
}

func updateSchema(more string) string {
	return `{"type": "object", "properties": {"backup": {"type": ["object", "null"], "properties": {
		"name": {"$ref": "parameter_types#/name_allow_zero_min_length"},
		"description": {"$ref": "parameter_types#/description"}` + more + `}, "additionalProperties": false}},
		"required": ["backup"], "additionalProperties": false}`
}
