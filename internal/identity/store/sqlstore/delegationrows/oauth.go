package delegationrows

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/store"
	"github.com/clinker/clinker/internal/identity/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/sqlkit/migrate"
)

var (
	_ store.OAuthReader = DelegationRows{}
	_ store.OAuthWriter = DelegationRows{}
)

// OAuthTables are those of OAuth. Roles are a list of ids with a space between two: nothing else looks for them.
func OAuthTables() []migrate.Table {
	sealed, roles := migrate.Long("sealed_secret"), migrate.Long("role_ids")
	return []migrate.Table{
		{Name: "consumers", Columns: []migrate.Column{id("id"), migrate.Long("description").Nullable(), sealed, migrate.Long("extra")}, Key: []string{"id"}},
		{Name: "request_tokens", Columns: []migrate.Column{id("id"), id("consumer_id").Of("consumers"), id("project_id").Of("projects"), sealed,
			migrate.Moment("expires_at"), id("authorizing_user_id"), id("verifier"), roles}, Key: []string{"id"},
			Indexes: [][]string{{"consumer_id"}, {"project_id"}, {"expires_at"}}},
		{Name: "access_tokens", Columns: []migrate.Column{id("id"), id("consumer_id").Of("consumers"), id("project_id").Of("projects"), sealed,
			migrate.Moment("expires_at"), id("authorizing_user_id").Of("users"), roles}, Key: []string{"id"},
			Indexes: [][]string{{"consumer_id"}, {"project_id"}, {"authorizing_user_id"}, {"expires_at"}}},
	}
}

func (c DelegationRows) seal(secret string) string {
	return c.conn.Keys().Seal([]byte(secret), time.Now())
}

// open puts a secret in the clear in the place of the sealed one that was read.
func (c DelegationRows) open(secret *string, of string) error {
	text, _, err := c.conn.Keys().Open(*secret)
	if err != nil {
		return fmt.Errorf("the secret of %s does not open with the credential keys: %w", of, err)
	}
	*secret = string(text)
	return nil
}

// notThere is Keystone's answer about what OAuth does not find; it names no id.
func notThere(what string) func() error {
	return func() error { return fault.New(fault.NotFound, "", "%s not found", what) }
}

const consumerColumns = "id, description, sealed_secret, extra"

func consumerFields(c *identity.Consumer) []any {
	return []any{(*sqlkit.Text)(&c.ID), sqlkit.OptionalText{To: &c.Description}, (*sqlkit.Text)(&c.Secret), rows.Object[identity.Extra]{To: &c.Extra}}
}

// Consumer implements store.OAuthReader.
func (c DelegationRows) Consumer(ctx context.Context, id string) (*identity.Consumer, error) {
	q := rows.From(consumerColumns, "consumers")
	q.Where("id = ?", id)
	found, err := rows.Get(ctx, c.conn, q, consumerFields, notThere("Consumer"))
	if err != nil {
		return nil, err
	}
	return found, c.open(&found.Secret, "consumer "+id)
}

// Consumers implements store.OAuthReader.
func (c DelegationRows) Consumers(ctx context.Context) ([]*identity.Consumer, error) {
	found, err := rows.All(ctx, c.conn, rows.From(consumerColumns, "consumers"), consumerFields, rows.Unnamed)
	for i := 0; i < len(found) && err == nil; i++ {
		err = c.open(&found[i].Secret, "consumer "+found[i].ID)
	}
	return found, err
}

// CreateConsumer implements store.OAuthWriter.
func (c DelegationRows) CreateConsumer(ctx context.Context, k *identity.Consumer) error {
	extra, err := rows.JSONText(k.Extra)
	if err != nil {
		return err
	}
	_, err = c.conn.Exec(ctx, rows.InsertInto("consumers", consumerColumns), k.ID, sqlkit.NullIfNil(k.Description), c.seal(k.Secret), extra)
	return err
}

// UpdateConsumer implements store.OAuthWriter.
func (c DelegationRows) UpdateConsumer(ctx context.Context, k *identity.Consumer) error {
	extra, err := rows.JSONText(k.Extra)
	if err != nil {
		return err
	}
	return c.conn.Change(ctx, notThere("Consumer"), nil, `UPDATE consumers SET description = ?, extra = ? WHERE id = ?`, sqlkit.NullIfNil(k.Description), extra, k.ID)
}

// DeleteConsumer implements store.OAuthWriter.
func (c DelegationRows) DeleteConsumer(ctx context.Context, id string) error {
	return c.conn.Change(ctx, notThere("Consumer"), nil, `DELETE FROM consumers WHERE id = ?`, id)
}

const requestTokenColumns = "id, consumer_id, project_id, sealed_secret, expires_at, authorizing_user_id, verifier, role_ids"

// ids scans a list of ids.
type ids struct{ to *[]string }

// Scan implements sql.Scanner.
func (l ids) Scan(src any) error {
	var text sqlkit.Text
	err := text.Scan(src)
	*l.to = strings.Fields(string(text))
	return err
}

func requestTokenFields(t *identity.RequestToken) []any {
	return []any{(*sqlkit.Text)(&t.ID), (*sqlkit.Text)(&t.ConsumerID), (*sqlkit.Text)(&t.ProjectID), (*sqlkit.Text)(&t.Secret), (*sqlkit.Time)(&t.ExpiresAt),
		(*sqlkit.Text)(&t.AuthorizingUserID), (*sqlkit.Text)(&t.Verifier), ids{&t.RoleIDs}}
}

// RequestToken implements store.OAuthReader.
func (c DelegationRows) RequestToken(ctx context.Context, id string) (*identity.RequestToken, error) {
	q := rows.From(requestTokenColumns, "request_tokens")
	q.Where("id = ?", id)
	found, err := rows.Get(ctx, c.conn, q, requestTokenFields, notThere("Request token"))
	if err != nil {
		return nil, err
	}
	return found, c.open(&found.Secret, "a request token")
}

// CreateRequestToken implements store.OAuthWriter.
func (c DelegationRows) CreateRequestToken(ctx context.Context, t *identity.RequestToken, expired time.Time) error {
	if _, err := c.conn.Exec(ctx, `DELETE FROM request_tokens WHERE expires_at < ?`, c.conn.At(expired)); err != nil {
		return err
	}
	_, err := c.conn.Exec(ctx, rows.InsertInto("request_tokens", requestTokenColumns), t.ID, t.ConsumerID, t.ProjectID, c.seal(t.Secret), c.conn.At(t.ExpiresAt),
		t.AuthorizingUserID, t.Verifier, strings.Join(t.RoleIDs, " "))
	return err
}

// AuthorizeRequestToken implements store.OAuthWriter.
func (c DelegationRows) AuthorizeRequestToken(ctx context.Context, t *identity.RequestToken) error {
	return c.conn.Change(ctx, notThere("Request token"), nil, `UPDATE request_tokens SET authorizing_user_id = ?, verifier = ?, role_ids = ? WHERE id = ?`,
		t.AuthorizingUserID, t.Verifier, strings.Join(t.RoleIDs, " "), t.ID)
}

// DeleteRequestToken implements store.OAuthWriter.
func (c DelegationRows) DeleteRequestToken(ctx context.Context, id string) error {
	return c.conn.Change(ctx, notThere("Request token"), nil, `DELETE FROM request_tokens WHERE id = ?`, id)
}

const accessTokenColumns = "id, consumer_id, project_id, sealed_secret, expires_at, authorizing_user_id, role_ids"

func accessTokenFields(t *identity.AccessToken) []any {
	return []any{(*sqlkit.Text)(&t.ID), (*sqlkit.Text)(&t.ConsumerID), (*sqlkit.Text)(&t.ProjectID), (*sqlkit.Text)(&t.Secret), (*sqlkit.Time)(&t.ExpiresAt),
		(*sqlkit.Text)(&t.AuthorizingUserID), ids{&t.RoleIDs}}
}

// AccessToken implements store.OAuthReader.
func (c DelegationRows) AccessToken(ctx context.Context, id string) (*identity.AccessToken, error) {
	q := rows.From(accessTokenColumns, "access_tokens")
	q.Where("id = ?", id)
	found, err := rows.Get(ctx, c.conn, q, accessTokenFields, notThere("Access token"))
	if err != nil {
		return nil, err
	}
	return found, c.open(&found.Secret, "an access token")
}

// AccessTokens implements store.OAuthReader.
func (c DelegationRows) AccessTokens(ctx context.Context, userID string) ([]*identity.AccessToken, error) {
	q := rows.From(accessTokenColumns, "access_tokens")
	q.Where("authorizing_user_id = ?", userID)
	found, err := rows.All(ctx, c.conn, q, accessTokenFields, rows.Unnamed)
	for i := 0; i < len(found) && err == nil; i++ {
		err = c.open(&found[i].Secret, "an access token")
	}
	return found, err
}

// CreateAccessToken implements store.OAuthWriter.
func (c DelegationRows) CreateAccessToken(ctx context.Context, t *identity.AccessToken, expired time.Time) error {
	if _, err := c.conn.Exec(ctx, `DELETE FROM access_tokens WHERE expires_at < ?`, c.conn.At(expired)); err != nil {
		return err
	}
	_, err := c.conn.Exec(ctx, rows.InsertInto("access_tokens", accessTokenColumns), t.ID, t.ConsumerID, t.ProjectID, c.seal(t.Secret), c.conn.At(t.ExpiresAt),
		t.AuthorizingUserID, strings.Join(t.RoleIDs, " "))
	return err
}

// DeleteAccessToken implements store.OAuthWriter.
func (c DelegationRows) DeleteAccessToken(ctx context.Context, id string) error {
	return c.conn.Change(ctx, notThere("Access token"), nil, `DELETE FROM access_tokens WHERE id = ?`, id)
}
