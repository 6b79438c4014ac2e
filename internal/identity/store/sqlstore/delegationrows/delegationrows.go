// Package delegationrows is the part of sqlstore for what users give away to others: trusts, and the tokens of OAuth.
//
// What must not live here: decisions. It is a part of sqlstore and imported by nothing else.
package delegationrows

import (
	"context"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/store"
	"github.com/clinker/clinker/internal/identity/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/sqlkit/migrate"
)

// DelegationRows reads, and within a transaction writes.
type DelegationRows struct{ conn rows.Conn }

// On makes DelegationRows of a connection.
func On(c rows.Conn) DelegationRows { return DelegationRows{c} }

var (
	_ store.TrustReader = DelegationRows{}
	_ store.TrustWriter = DelegationRows{}
)

const idLength = 64

func id(name string) migrate.Column { return migrate.Text(name, idLength) }

// TrustTables are those of trusts.
func TrustTables() []migrate.Table {
	return []migrate.Table{
		{Name: "trusts", Columns: []migrate.Column{id("id"), id("trustor_user_id").Of("users"), id("trustee_user_id").Of("users"), id("project_id"),
			migrate.Flag("impersonation"), migrate.Moment("expires_at"), migrate.Number("remaining_uses").Nullable(), id("redelegated_trust_id"),
			migrate.Number("redelegation_count")}, Key: []string{"id"},
			Indexes: [][]string{{"trustor_user_id"}, {"trustee_user_id"}, {"project_id"}, {"redelegated_trust_id"}}},
		{Name: "trust_roles", Columns: []migrate.Column{id("trust_id").Of("trusts"), id("role_id").Of("roles")}, Key: []string{"trust_id", "role_id"}},
	}
}

func missing(what, id string) func() error {
	return func() error { return identity.NotFound(what, id) }
}

const trustColumns = "id, trustor_user_id, trustee_user_id, project_id, impersonation, expires_at, remaining_uses, redelegated_trust_id, redelegation_count"

func trustFields(t *identity.Trust) []any {
	return []any{(*sqlkit.Text)(&t.ID), (*sqlkit.Text)(&t.TrustorUserID), (*sqlkit.Text)(&t.TrusteeUserID), (*sqlkit.Text)(&t.ProjectID), (*sqlkit.Bool)(&t.Impersonation),
		(*sqlkit.Time)(&t.ExpiresAt), sqlkit.OptionalInt{To: &t.RemainingUses}, (*sqlkit.Text)(&t.RedelegatedTrustID), (*sqlkit.Int)(&t.RedelegationCount)}
}

// Trust implements store.TrustReader.
func (c DelegationRows) Trust(ctx context.Context, id string) (*identity.Trust, error) {
	q := rows.From(trustColumns, "trusts")
	q.Where("id = ?", id)
	found, err := c.trusts(ctx, q)
	if err == nil && len(found) == 0 {
		err = identity.NotFound(identity.TheTrust, id)
	}
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// Trusts implements store.TrustReader.
func (c DelegationRows) Trusts(ctx context.Context, q store.TrustQuery) ([]*identity.Trust, error) {
	sel := rows.From(trustColumns, "trusts")
	sel.Equal("trustor_user_id", q.TrustorUserID)
	sel.Equal("trustee_user_id", q.TrusteeUserID)
	sel.Equal("redelegated_trust_id", q.RedelegatedTrustID)
	return c.trusts(ctx, sel)
}

func (c DelegationRows) trusts(ctx context.Context, sel *rows.Selection) (found []*identity.Trust, err error) {
	err = c.conn.Read(ctx, func(s *sqlkit.Session) error {
		if found, err = rows.List(ctx, s, sel, trustFields, rows.Unnamed); err != nil {
			return err
		}
		byID, ids := map[string]*identity.Trust{}, make([]string, len(found))
		for i, t := range found {
			byID[t.ID], ids[i] = t, t.ID
		}
		return rows.Children(ctx, s, ids, func(in string) string {
			return `SELECT trust_id, role_id FROM trust_roles WHERE trust_id IN ` + in + ` ORDER BY trust_id, role_id`
		}, func(trust, role string) { byID[trust].RoleIDs = append(byID[trust].RoleIDs, role) })
	})
	return found, err
}

// CreateTrust implements store.TrustWriter.
func (c DelegationRows) CreateTrust(ctx context.Context, t *identity.Trust) error {
	_, err := c.conn.Exec(ctx, rows.InsertInto("trusts", trustColumns), t.ID, t.TrustorUserID, t.TrusteeUserID, t.ProjectID, t.Impersonation, c.conn.At(t.ExpiresAt),
		sqlkit.NullIfNil(t.RemainingUses), t.RedelegatedTrustID, t.RedelegationCount)
	if err != nil {
		return err
	}
	for _, role := range t.RoleIDs {
		if _, err := c.conn.Exec(ctx, rows.InsertInto("trust_roles", "trust_id, role_id"), t.ID, role); err != nil {
			return err
		}
	}
	return nil
}

// UseTrust implements store.TrustWriter.
func (c DelegationRows) UseTrust(ctx context.Context, id string) (bool, error) {
	// NULL stays NULL: one without a limit.
	n, err := c.conn.Exec(ctx, `UPDATE trusts SET remaining_uses = remaining_uses - 1 WHERE id = ? AND (remaining_uses IS NULL OR remaining_uses > 0)`, id)
	return n > 0, err
}

// DeleteTrust implements store.TrustWriter.
func (c DelegationRows) DeleteTrust(ctx context.Context, id string) error {
	return c.conn.Change(ctx, missing(identity.TheTrust, id), nil, `DELETE FROM trusts WHERE id = ?`, id)
}
