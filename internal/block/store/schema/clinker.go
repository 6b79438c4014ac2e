package schema

import (
	"maps"
	"slices"
)

// ownRevision counts the revisions of what we add. clinker_migrations holds one row per revision that was applied.
const ownRevision = 4

// ownPrefix begins the names of what we add.
const ownPrefix = "clinker_"

const ownRevisionTable = "clinker_migrations"

// clinkerTables are our own tables.
func clinkerTables() []Table { return slices.Concat(addedBy(1), addedBy(2), addedBy(4)) }

// addedBy is the tables that a revision of ours brought.
func addedBy(revision int64) []Table {
	switch revision {
	case 1:
		return firstTables()
	case 2:
		return []Table{{
			// What creates have made that are carried out once; the id stands for who asked for what under which request id.
			Name:    "clinker_creations",
			Columns: []Column{varchar("id", 64).key(), varchar("resource_id", 36).required(), moment("created_at").required()},
			Indexes: []Index{{Name: "clinker_creations_created_idx", Columns: []string{"created_at"}}},
		}}
	case 4:
		return []Table{{
			// Which services are ours, and keep a journal; see store.OwnService. The id is kind and host.
			Name: "clinker_services",
			Columns: []Column{varchar("id", 300).key(), varchar("kind", 32).required(), varchar("host", 255).required(), varchar("owner", 300).required(),
				moment("seen_at").required()},
		}}
	}
	return nil
}

func firstTables() []Table {
	return []Table{
		{
			Name:    ownRevisionTable,
			Columns: []Column{integer("revision").key(), moment("applied_at").required()},
		},
		{
			// The journal of flows under way; see flow.Record.
			Name: "clinker_flows",
			Columns: []Column{
				varchar("id", 36).key(), varchar("name", 255).required(), varchar("owner", 255).required(),
				varchar("resource_type", 64).required(), varchar("resource_id", 255).required(),
				long("state"), boolean("unwinding").required(), long("cause"), integer("attempts").required(),
				moment("created_at").required(), moment("updated_at").required(),
			},
			Indexes: []Index{{Name: "clinker_flows_owner_idx", Columns: []string{"owner", "updated_at", "id"}}},
		},
		{
			// One row per project for quota-taking transactions to wait on, in databases that let them run side by side.
			Name:    "clinker_quota_locks",
			Columns: []Column{varchar("project_id", 255).key(), moment("taken_at").required()},
		},
	}
}

// clinkerIndexes are the indexes that we add to Cinder's tables, by table.
func clinkerIndexes() map[string][]Index {
	all := map[string][]Index{}
	for revision := range int64(ownRevision) {
		maps.Copy(all, indexesBy(revision+1))
	}
	return all
}

// indexesBy is the indexes that a revision of ours brought, by table; no two revisions bring one to the same table.
//
// Three kinds: quota indexes hold every column that counting a project's usage reads; page indexes hold the default
// order of a listing, so that a page costs the same wherever it is; children indexes keep the soft-deleted rows of a
// long-lived volume out of its way.
func indexesBy(revision int64) map[string][]Index {
	switch revision {
	case 1:
		return firstIndexes()
	case 3:
		return map[string][]Index{"backups": {
			{Name: "clinker_backups_quota_idx", Columns: []string{"project_id", "deleted", "size"}},
			{Name: "clinker_backups_page_idx", Columns: []string{"project_id", "deleted", "created_at", "id"}},
			{Name: "clinker_backups_all_idx", Columns: []string{"deleted", "created_at", "id"}},
			{Name: "clinker_backups_parent_idx", Columns: []string{"parent_id", "deleted"}},
		}, "backup_metadata": {{Name: "clinker_backup_metadata_idx", Columns: []string{"backup_id", "deleted"}}}}
	}
	return nil
}

func firstIndexes() map[string][]Index {
	return map[string][]Index{
		"volumes": {
			{Name: "clinker_volumes_quota_idx", Columns: []string{"project_id", "deleted", "use_quota", "volume_type_id", "size"}},
			{Name: "clinker_volumes_page_idx", Columns: []string{"project_id", "deleted", "created_at", "id"}},
			{Name: "clinker_volumes_all_idx", Columns: []string{"deleted", "created_at", "id"}},
		},
		"snapshots": {
			{Name: "clinker_snapshots_quota_idx", Columns: []string{"project_id", "deleted", "use_quota", "volume_type_id", "volume_size"}},
			{Name: "clinker_snapshots_page_idx", Columns: []string{"project_id", "deleted", "created_at", "id"}},
			{Name: "clinker_snapshots_all_idx", Columns: []string{"deleted", "created_at", "id"}},
		},
		"volume_attachment": {
			{Name: "clinker_attachment_volume_idx", Columns: []string{"volume_id", "deleted", "created_at"}},
			{Name: "clinker_attachment_all_idx", Columns: []string{"deleted", "created_at", "id"}},
		},
		"quotas":                {{Name: "clinker_quotas_idx", Columns: []string{"project_id", "deleted"}}},
		"volume_metadata":       {{Name: "clinker_volume_metadata_idx", Columns: []string{"volume_id", "deleted"}}},
		"volume_admin_metadata": {{Name: "clinker_volume_admin_metadata_idx", Columns: []string{"volume_id", "deleted"}}},
		"snapshot_metadata":     {{Name: "clinker_snapshot_metadata_idx", Columns: []string{"snapshot_id", "deleted"}}},
	}
}
