package sqlstore

import (
	"context"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/store"
	"github.com/clinker/clinker/internal/identity/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
)

const userColumns = "id, name, domain_id, default_project_id, enabled, options, extra, password_hash, password_created_at, password_expires_at, " +
	"failed_auth_count, failed_auth_at"

func userFields(u *identity.User) []any {
	return []any{(*sqlkit.Text)(&u.ID), (*sqlkit.Text)(&u.Name), (*sqlkit.Text)(&u.DomainID), (*sqlkit.Text)(&u.DefaultProjectID),
		(*sqlkit.Bool)(&u.Enabled), rows.Object[identity.Options]{To: &u.Options}, rows.Object[identity.Extra]{To: &u.Extra}, (*sqlkit.Text)(&u.PasswordHash),
		(*sqlkit.Time)(&u.PasswordCreatedAt), (*sqlkit.Time)(&u.PasswordExpiresAt), &u.FailedAuthCount, (*sqlkit.Time)(&u.FailedAuthAt)}
}

func userName(u *identity.User) string { return u.Name }

// User implements store.UserReader.
func (c conn) User(ctx context.Context, id string) (*identity.User, error) {
	q := rows.From(userColumns, "users")
	q.Where("id = ?", id)
	return rows.Get(ctx, c.Conn, q, userFields, notFound(identity.TheUser, id))
}

// UserByName implements store.UserReader.
func (c conn) UserByName(ctx context.Context, domainID, name string) (*identity.User, error) {
	q := rows.From(userColumns, "users")
	q.Where("domain_id = ? AND name = ?", domainID, name)
	return rows.Get(ctx, c.Conn, q, userFields, notFound(identity.TheUser, name))
}

// operators are the comparisons of times.
func operator(op string) (string, bool) {
	text, ok := map[string]string{"gt": ">", "gte": ">=", "eq": "=", "neq": "<>", "lt": "<", "lte": "<="}[op]
	return text, ok
}

// Users implements store.UserReader.
func (c conn) Users(ctx context.Context, q store.UserQuery) (found []*identity.User, err error) {
	sel := rows.From(userColumns, "users")
	sel.Among(c.DB.Dialect(), "id", q.IDs)
	sel.Named(q.Name, q.Names)
	sel.Equal("domain_id", q.DomainID)
	sel.Flag("enabled", q.Enabled)
	if q.GroupID != "" {
		sel.Where("id IN (SELECT user_id FROM memberships WHERE group_id = ?)", q.GroupID)
	}
	for _, f := range q.PasswordExpiresAt {
		op, ok := operator(f.Op)
		if !ok {
			return nil, identity.Invalid("The given operator %s is not valid. It must be one of the following: 'eq', 'neq', 'lt', 'lte', 'gt', or 'gte'.", f.Op)
		}
		sel.Where("password_expires_at "+op+" ?", c.At(f.At))
	}
	sel.Paged(q.Page)
	err = c.Read(ctx, func(s *sqlkit.Session) error {
		found, err = rows.List(ctx, s, sel, userFields, userName)
		return err
	})
	return found, err
}

func userConflict(u *identity.User) func() error {
	return func() error {
		return identity.Conflict("user", "Duplicate entry found with name %s at domain ID %s.", u.Name, u.DomainID)
	}
}

// CreateUser implements store.UserWriter.
func (t tx) CreateUser(ctx context.Context, u *identity.User) error {
	options, extra, err := optionsAndExtra(u.Options, u.Extra)
	if err != nil {
		return err
	}
	return t.Insert(ctx, userConflict(u), rows.InsertInto("users", userColumns), u.ID, u.Name, u.DomainID, u.DefaultProjectID, u.Enabled, options, extra,
		u.PasswordHash, t.At(u.PasswordCreatedAt), t.At(u.PasswordExpiresAt), u.FailedAuthCount, t.At(u.FailedAuthAt))
}

// UpdateUser implements store.UserWriter.
func (t tx) UpdateUser(ctx context.Context, u *identity.User) error {
	options, extra, err := optionsAndExtra(u.Options, u.Extra)
	if err != nil {
		return err
	}
	return t.Change(ctx, notFound(identity.TheUser, u.ID), userConflict(u),
		`UPDATE users SET name = ?, default_project_id = ?, enabled = ?, options = ?, extra = ?, password_hash = ?, password_created_at = ?, `+
			`password_expires_at = ?, failed_auth_count = ?, failed_auth_at = ? WHERE id = ?`,
		u.Name, u.DefaultProjectID, u.Enabled, options, extra, u.PasswordHash, t.At(u.PasswordCreatedAt), t.At(u.PasswordExpiresAt),
		u.FailedAuthCount, t.At(u.FailedAuthAt), u.ID)
}

// DeleteUser implements store.UserWriter.
func (t tx) DeleteUser(ctx context.Context, id string) error {
	err := t.All(ctx, id,
		`DELETE FROM assignments WHERE actor_id = ? AND type IN ('UserProject', 'UserDomain', 'UserSystem')`,
		`DELETE FROM credentials WHERE user_id = ?`)
	if err != nil {
		return err
	}
	return t.Change(ctx, notFound(identity.TheUser, id), nil, `DELETE FROM users WHERE id = ?`, id)
}

const groupColumns = "id, name, domain_id, description, extra"

func groupFields(g *identity.Group) []any {
	return []any{(*sqlkit.Text)(&g.ID), (*sqlkit.Text)(&g.Name), (*sqlkit.Text)(&g.DomainID), (*sqlkit.Text)(&g.Description), rows.Object[identity.Extra]{To: &g.Extra}}
}

func groupName(g *identity.Group) string { return g.Name }

// Group implements store.GroupReader.
func (c conn) Group(ctx context.Context, id string) (*identity.Group, error) {
	q := rows.From(groupColumns, "user_groups")
	q.Where("id = ?", id)
	return rows.Get(ctx, c.Conn, q, groupFields, notFound(identity.TheGroup, id))
}

// Groups implements store.GroupReader.
func (c conn) Groups(ctx context.Context, q store.GroupQuery) (found []*identity.Group, err error) {
	sel := rows.From(groupColumns, "user_groups")
	sel.Among(c.DB.Dialect(), "id", q.IDs)
	sel.Named(q.Name, q.Names)
	sel.Equal("domain_id", q.DomainID)
	if q.UserID != "" {
		sel.Where("id IN (SELECT group_id FROM memberships WHERE user_id = ?)", q.UserID)
	}
	sel.Paged(q.Page)
	err = c.Read(ctx, func(s *sqlkit.Session) error {
		found, err = rows.List(ctx, s, sel, groupFields, groupName)
		return err
	})
	return found, err
}

// IsMember implements store.GroupReader.
func (c conn) IsMember(ctx context.Context, groupID, userID string) (found bool, err error) {
	err = c.Read(ctx, func(s *sqlkit.Session) error {
		found, err = s.QueryRow(ctx, `SELECT 1 FROM memberships WHERE user_id = ? AND group_id = ?`, []any{new(sqlkit.Int)}, userID, groupID)
		return err
	})
	return found, err
}

func groupConflict(g *identity.Group) func() error {
	return func() error {
		return identity.Conflict("group", "Duplicate entry found with name %s at domain ID %s.", g.Name, g.DomainID)
	}
}

// CreateGroup implements store.GroupWriter.
func (t tx) CreateGroup(ctx context.Context, g *identity.Group) error {
	extra, err := rows.JSONText(g.Extra)
	if err != nil {
		return err
	}
	return t.Insert(ctx, groupConflict(g), rows.InsertInto("user_groups", groupColumns), g.ID, g.Name, g.DomainID, g.Description, extra)
}

// UpdateGroup implements store.GroupWriter.
func (t tx) UpdateGroup(ctx context.Context, g *identity.Group) error {
	extra, err := rows.JSONText(g.Extra)
	if err != nil {
		return err
	}
	return t.Change(ctx, notFound(identity.TheGroup, g.ID), groupConflict(g),
		`UPDATE user_groups SET name = ?, description = ?, extra = ? WHERE id = ?`, g.Name, g.Description, extra, g.ID)
}

// DeleteGroup implements store.GroupWriter.
func (t tx) DeleteGroup(ctx context.Context, id string) error {
	if err := t.All(ctx, id, `DELETE FROM assignments WHERE actor_id = ? AND type IN ('GroupProject', 'GroupDomain', 'GroupSystem')`); err != nil {
		return err
	}
	return t.Change(ctx, notFound(identity.TheGroup, id), nil, `DELETE FROM user_groups WHERE id = ?`, id)
}

// AddMember implements store.GroupWriter.
func (t tx) AddMember(ctx context.Context, groupID, userID string) error {
	if there, err := t.IsMember(ctx, groupID, userID); err != nil || there {
		return err
	}
	_, err := t.Exec(ctx, `INSERT INTO memberships (user_id, group_id) VALUES (?, ?)`, userID, groupID)
	return err
}

// RemoveMember implements store.GroupWriter.
func (t tx) RemoveMember(ctx context.Context, groupID, userID string) (bool, error) {
	n, err := t.Exec(ctx, `DELETE FROM memberships WHERE user_id = ? AND group_id = ?`, userID, groupID)
	return n > 0, err
}
