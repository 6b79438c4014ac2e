package cloudrows

import (
	"context"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/store"
	"github.com/clinker/clinker/internal/identity/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
)

const policyColumns = `id, type, "blob", extra`

func policyFields(p *identity.Policy) []any {
	return []any{(*sqlkit.Text)(&p.ID), (*sqlkit.Text)(&p.Type), (*sqlkit.Text)(&p.Blob), rows.Object[identity.Extra]{To: &p.Extra}}
}

// Policy implements store.PolicyReader.
func (c CloudRows) Policy(ctx context.Context, id string) (*identity.Policy, error) {
	q := rows.From(policyColumns, "policies")
	q.Where("id = ?", id)
	return rows.Get(ctx, c.conn, q, policyFields, missing(identity.ThePolicy, id))
}

// Policies implements store.PolicyReader.
func (c CloudRows) Policies(ctx context.Context, q store.PolicyQuery) ([]*identity.Policy, error) {
	sel := rows.From(policyColumns, "policies")
	sel.Matching("type", q.Type, q.Types)
	sel.Paged(q.Page)
	return rows.All(ctx, c.conn, sel, policyFields, func(p *identity.Policy) string { return p.Type })
}

// CreatePolicy implements store.PolicyWriter.
func (c CloudRows) CreatePolicy(ctx context.Context, p *identity.Policy) error {
	extra, err := rows.JSONText(p.Extra)
	if err != nil {
		return err
	}
	return c.conn.Insert(ctx, duplicate("policy"), rows.InsertInto("policies", policyColumns), p.ID, p.Type, p.Blob, extra)
}

// UpdatePolicy implements store.PolicyWriter.
func (c CloudRows) UpdatePolicy(ctx context.Context, p *identity.Policy) error {
	extra, err := rows.JSONText(p.Extra)
	if err != nil {
		return err
	}
	return c.conn.Change(ctx, missing(identity.ThePolicy, p.ID), nil, `UPDATE policies SET type = ?, "blob" = ?, extra = ? WHERE id = ?`, p.Type, p.Blob, extra, p.ID)
}

// DeletePolicy implements store.PolicyWriter.
func (c CloudRows) DeletePolicy(ctx context.Context, id string) error {
	return c.conn.Change(ctx, missing(identity.ThePolicy, id), nil, `DELETE FROM policies WHERE id = ?`, id)
}
