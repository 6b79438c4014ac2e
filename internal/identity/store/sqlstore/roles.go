package sqlstore

import (
	"context"
	"database/sql"
	"strings"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/store"
	"github.com/clinker/clinker/internal/identity/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
)

const roleColumns = "id, name, domain_id, description, options, extra"

func roleFields(r *identity.Role) []any {
	return []any{(*sqlkit.Text)(&r.ID), (*sqlkit.Text)(&r.Name), (*sqlkit.Text)(&r.DomainID), sqlkit.OptionalText{To: &r.Description},
		rows.Object[identity.Options]{To: &r.Options}, rows.Object[identity.Extra]{To: &r.Extra}}
}

func roleName(r *identity.Role) string { return r.Name }

// Role implements store.RoleReader.
func (c conn) Role(ctx context.Context, id string) (*identity.Role, error) {
	q := rows.From(roleColumns, "roles")
	q.Where("id = ?", id)
	return rows.Get(ctx, c.Conn, q, roleFields, notFound(identity.TheRole, id))
}

// Roles implements store.RoleReader.
func (c conn) Roles(ctx context.Context, q store.RoleQuery) (found []*identity.Role, err error) {
	sel := rows.From(roleColumns, "roles")
	sel.Among(c.DB.Dialect(), "id", q.IDs)
	sel.Named(q.Name, q.Names)
	if q.DomainID != nil {
		sel.Where("domain_id = ?", *q.DomainID)
	}
	sel.Paged(q.Page)
	err = c.Read(ctx, func(s *sqlkit.Session) error {
		found, err = rows.List(ctx, s, sel, roleFields, roleName)
		return err
	})
	return found, err
}

// Implications implements store.RoleReader.
func (c conn) Implications(ctx context.Context) (found []identity.Implication, err error) {
	err = c.Read(ctx, func(s *sqlkit.Session) error {
		found = nil
		return s.Query(ctx, `SELECT prior_role_id, implied_role_id FROM implied_roles ORDER BY prior_role_id, implied_role_id`, func(row *sql.Rows) error {
			var i identity.Implication
			found = append(found, i)
			return row.Scan((*sqlkit.Text)(&found[len(found)-1].Prior), (*sqlkit.Text)(&found[len(found)-1].Implied))
		})
	})
	return found, err
}

func roleConflict(r *identity.Role) func() error {
	return func() error { return identity.Conflict("role", "Duplicate entry found with name %s.", r.Name) }
}

// CreateRole implements store.RoleWriter.
func (t tx) CreateRole(ctx context.Context, r *identity.Role) error {
	options, extra, err := optionsAndExtra(r.Options, r.Extra)
	if err != nil {
		return err
	}
	return t.Insert(ctx, roleConflict(r), rows.InsertInto("roles", roleColumns), r.ID, r.Name, r.DomainID, sqlkit.NullIfNil(r.Description), options, extra)
}

// UpdateRole implements store.RoleWriter.
func (t tx) UpdateRole(ctx context.Context, r *identity.Role) error {
	options, extra, err := optionsAndExtra(r.Options, r.Extra)
	if err != nil {
		return err
	}
	return t.Change(ctx, notFound(identity.TheRole, r.ID), roleConflict(r),
		`UPDATE roles SET name = ?, description = ?, options = ?, extra = ? WHERE id = ?`, r.Name, sqlkit.NullIfNil(r.Description), options, extra, r.ID)
}

// DeleteRole implements store.RoleWriter. What refers to the role goes with it, by the references' own rule.
func (t tx) DeleteRole(ctx context.Context, id string) error {
	return t.Change(ctx, notFound(identity.TheRole, id), nil, `DELETE FROM roles WHERE id = ?`, id)
}

// CreateImplication implements store.RoleWriter.
func (t tx) CreateImplication(ctx context.Context, i identity.Implication) error {
	there, err := t.Session.QueryRow(ctx, `SELECT 1 FROM implied_roles WHERE prior_role_id = ? AND implied_role_id = ?`, []any{new(sqlkit.Int)}, i.Prior, i.Implied)
	if err != nil || there {
		return err
	}
	_, err = t.Exec(ctx, `INSERT INTO implied_roles (prior_role_id, implied_role_id) VALUES (?, ?)`, i.Prior, i.Implied)
	return err
}

// DeleteImplication implements store.RoleWriter.
func (t tx) DeleteImplication(ctx context.Context, i identity.Implication) (bool, error) {
	n, err := t.Exec(ctx, `DELETE FROM implied_roles WHERE prior_role_id = ? AND implied_role_id = ?`, i.Prior, i.Implied)
	return n > 0, err
}

// systemTarget is the target of assignments on the system, as Keystone writes it.
const systemTarget = "system"

// assignmentKey is how an assignment is kept: its kind, who, and where.
func assignmentKey(a identity.Assignment) (kind, actor, target string) {
	kind, actor = "User", a.UserID
	if a.GroupID != "" {
		kind, actor = "Group", a.GroupID
	}
	switch {
	case a.System:
		return kind + "System", actor, systemTarget
	case a.DomainID != "":
		return kind + "Domain", actor, a.DomainID
	}
	return kind + "Project", actor, a.ProjectID
}

// assignment is assignmentKey backwards.
func assignment(kind, actor, target string) (a identity.Assignment) {
	if rest, ok := strings.CutPrefix(kind, "Group"); ok {
		kind, a.GroupID = rest, actor
	} else {
		kind, a.UserID = strings.TrimPrefix(kind, "User"), actor
	}
	switch kind {
	case "System":
		a.System = true
	case "Domain":
		a.DomainID = target
	default:
		a.ProjectID = target
	}
	return a
}

// Assignments implements store.AssignmentReader.
func (c conn) Assignments(ctx context.Context, q store.AssignmentQuery) (found []identity.Assignment, err error) {
	d := c.DB.Dialect()
	sel := rows.From("type, actor_id, target_id, role_id, inherited", "assignments")
	sel.Either(d, rows.Alternative{Condition: "type LIKE 'User%'", Column: "actor_id", Values: q.UserIDs}, rows.Alternative{Condition: "type LIKE 'Group%'", Column: "actor_id", Values: q.GroupIDs})
	var system []string
	if q.System {
		system = []string{systemTarget}
	}
	sel.Either(d, rows.Alternative{Condition: "type LIKE '%Project'", Column: "target_id", Values: q.ProjectIDs}, rows.Alternative{Condition: "type LIKE '%Domain'", Column: "target_id", Values: q.DomainIDs},
		rows.Alternative{Condition: "type LIKE '%System'", Column: "target_id", Values: system})
	sel.Among(d, "role_id", q.RoleIDs)
	sel.Flag("inherited", q.Inherited)
	err = c.Read(ctx, func(s *sqlkit.Session) error {
		found = nil
		return sel.Each(ctx, s, "actor_id, type, target_id, role_id, inherited", func(row *sql.Rows) error {
			var kind, actor, target, role string
			var inherited bool
			if err := row.Scan((*sqlkit.Text)(&kind), (*sqlkit.Text)(&actor), (*sqlkit.Text)(&target), (*sqlkit.Text)(&role), (*sqlkit.Bool)(&inherited)); err != nil {
				return err
			}
			a := assignment(kind, actor, target)
			a.RoleID, a.Inherited = role, inherited
			found = append(found, a)
			return nil
		})
	})
	return found, err
}

const assignmentIs = `type = ? AND actor_id = ? AND target_id = ? AND role_id = ? AND inherited = ?`

// CreateAssignment implements store.AssignmentWriter.
func (t tx) CreateAssignment(ctx context.Context, a identity.Assignment) error {
	kind, actor, target := assignmentKey(a)
	there, err := t.Session.QueryRow(ctx, `SELECT 1 FROM assignments WHERE `+assignmentIs, []any{new(sqlkit.Int)}, kind, actor, target, a.RoleID, a.Inherited)
	if err != nil || there {
		return err
	}
	_, err = t.Exec(ctx, rows.InsertInto("assignments", "type, actor_id, target_id, role_id, inherited"), kind, actor, target, a.RoleID, a.Inherited)
	return err
}

// DeleteAssignment implements store.AssignmentWriter.
func (t tx) DeleteAssignment(ctx context.Context, a identity.Assignment) (bool, error) {
	kind, actor, target := assignmentKey(a)
	n, err := t.Exec(ctx, `DELETE FROM assignments WHERE `+assignmentIs, kind, actor, target, a.RoleID, a.Inherited)
	return n > 0, err
}
