package sqlstore

import (
	"github.com/clinker/clinker/internal/identity/store/sqlstore/cloudrows"
	"github.com/clinker/clinker/internal/identity/store/sqlstore/delegationrows"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/sqlkit/migrate"
)

// Lengths of columns, in characters. Ids are Keystone's 64; names may be longer than they should be nowhere else.
const (
	idLength   = 64
	nameLength = 255
)

// history is the schema, revision by revision.
func history() []migrate.Revision {
	return []migrate.Revision{{Tables: tables()}, {Tables: cloudrows.Tables()}, {Tables: delegationrows.TrustTables()}, {Tables: delegationrows.OAuthTables()},
		{Tables: cloudrows.MappingTables()}, {Tables: cloudrows.DomainConfigTables()}}
}

func id(name string) migrate.Column { return migrate.Text(name, idLength) }

// tables is the first revision: the parents of references first. Places and actors of assignments are of several kinds, and
// domains are projects, so those are kept straight by the statements that delete, not by references.
func tables() []migrate.Table {
	name, extra := migrate.Text("name", nameLength), migrate.Long("extra")
	options, enabled := migrate.Long("options"), migrate.Flag("enabled")
	list := []migrate.Table{
		{Name: "projects", Columns: []migrate.Column{id("id"), name, id("domain_id"), id("parent_id"), migrate.Long("description"), enabled,
			migrate.Flag("is_domain"), options, extra}, Key: []string{"id"}, Unique: [][]string{{"domain_id", "name"}}, Indexes: [][]string{{"parent_id"}}},
		{Name: "project_tags", Columns: []migrate.Column{id("project_id").Of("projects"), name}, Key: []string{"project_id", "name"}},
		{Name: "users", Columns: []migrate.Column{id("id"), name, id("domain_id"), id("default_project_id"), enabled, options, extra,
			migrate.Text("password_hash", nameLength), migrate.Moment("password_created_at"), migrate.Moment("password_expires_at"),
			migrate.Number("failed_auth_count"), migrate.Moment("failed_auth_at")}, Key: []string{"id"}, Unique: [][]string{{"domain_id", "name"}}},
		{Name: "user_groups", Columns: []migrate.Column{id("id"), name, id("domain_id"), migrate.Long("description"), extra}, Key: []string{"id"},
			Unique: [][]string{{"domain_id", "name"}}},
		{Name: "memberships", Columns: []migrate.Column{id("user_id").Of("users"), id("group_id").Of("user_groups")},
			Key: []string{"user_id", "group_id"}, Indexes: [][]string{{"group_id"}}},
		{Name: "roles", Columns: []migrate.Column{id("id"), name, id("domain_id"), migrate.Long("description").Nullable(), options, extra},
			Key: []string{"id"}, Unique: [][]string{{"domain_id", "name"}}},
		{Name: "implied_roles", Columns: []migrate.Column{id("prior_role_id").Of("roles"), id("implied_role_id").Of("roles")},
			Key: []string{"prior_role_id", "implied_role_id"}},
		{Name: "assignments", Columns: []migrate.Column{migrate.Text("type", idLength), id("actor_id"), id("target_id"), id("role_id").Of("roles"),
			migrate.Flag("inherited")}, Key: []string{"type", "actor_id", "target_id", "role_id", "inherited"},
			Indexes: [][]string{{"actor_id"}, {"target_id"}, {"role_id"}}},
	}
	list = append(list, catalogTables()...)
	return append(list, credentialTables()...)
}

func catalogTables() []migrate.Table {
	name, extra, enabled := migrate.Text("name", nameLength), migrate.Long("extra"), migrate.Flag("enabled")
	return []migrate.Table{
		{Name: "regions", Columns: []migrate.Column{migrate.Text("id", nameLength), migrate.Long("description"), migrate.Text("parent_region_id", nameLength), extra},
			Key: []string{"id"}},
		{Name: "services", Columns: []migrate.Column{id("id"), migrate.Text("type", nameLength), name, enabled, extra}, Key: []string{"id"}},
		{Name: "endpoints", Columns: []migrate.Column{id("id"), id("service_id").Of("services"), migrate.Text("interface", idLength),
			migrate.Text("region_id", nameLength), migrate.Long("url"), enabled, extra}, Key: []string{"id"}, Indexes: [][]string{{"service_id"}}},
	}
}

func credentialTables() []migrate.Table {
	name := migrate.Text("name", nameLength)
	return []migrate.Table{
		{Name: "credentials", Columns: []migrate.Column{id("id"), id("user_id"), id("project_id"), migrate.Text("type", nameLength),
			migrate.Long("sealed_blob"), migrate.Long("extra")}, Key: []string{"id"}, Indexes: [][]string{{"user_id"}, {"project_id"}}},
		{Name: "application_credentials", Columns: []migrate.Column{id("id"), name, migrate.Long("description").Nullable(), id("user_id").Of("users"),
			id("project_id"), migrate.Text("secret_hash", nameLength), migrate.Moment("expires_at"), migrate.Flag("unrestricted"), migrate.Flag("ruled")},
			Key: []string{"id"}, Unique: [][]string{{"user_id", "name"}}, Indexes: [][]string{{"project_id"}}},
		{Name: "application_credential_roles", Columns: []migrate.Column{id("application_credential_id").Of("application_credentials"), id("role_id").Of("roles")},
			Key: []string{"application_credential_id", "role_id"}},
		{Name: "access_rules", Columns: []migrate.Column{id("id"), id("user_id").Of("users"), migrate.Text("service", nameLength),
			migrate.Text("method", idLength), migrate.Text("path", 128)}, Key: []string{"id"}, Indexes: [][]string{{"user_id"}}},
		{Name: "application_credential_access_rules", Columns: []migrate.Column{
			id("application_credential_id").Of("application_credentials"), id("access_rule_id").Of("access_rules")},
			Key: []string{"application_credential_id", "access_rule_id"}, Indexes: [][]string{{"access_rule_id"}}},
		{Name: "revocation_events", Columns: []migrate.Column{{Name: "id", Type: sqlkit.Serial, NotNull: true}, id("user_id"), id("project_id"), id("audit_id"), id("audit_chain_id"),
			migrate.Moment("issued_before"), migrate.Moment("revoked_at")}, Key: []string{"id"}, Indexes: [][]string{{"issued_before"}, {"revoked_at"}}},
	}
}
