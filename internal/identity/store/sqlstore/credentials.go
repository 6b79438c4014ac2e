package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/store"
	"github.com/clinker/clinker/internal/identity/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
)

const credentialColumns = "id, user_id, project_id, type, sealed_blob, extra"

func credentialFields(c *identity.Credential) []any {
	return []any{(*sqlkit.Text)(&c.ID), (*sqlkit.Text)(&c.UserID), (*sqlkit.Text)(&c.ProjectID), (*sqlkit.Text)(&c.Type), (*sqlkit.Text)(&c.Blob),
		rows.Object[identity.Extra]{To: &c.Extra}}
}

// open puts the blob in the clear in the place of the sealed one that was read.
func (c conn) open(credential *identity.Credential) error {
	text, _, err := c.Keys().Open(credential.Blob)
	if err != nil {
		return fmt.Errorf("the blob of credential %s does not open with the credential keys: %w", credential.ID, err)
	}
	credential.Blob = string(text)
	return nil
}

// Credential implements store.CredentialReader.
func (c conn) Credential(ctx context.Context, id string) (*identity.Credential, error) {
	q := rows.From(credentialColumns, "credentials")
	q.Where("id = ?", id)
	found, err := rows.Get(ctx, c.Conn, q, credentialFields, notFound(identity.TheCredential, id))
	if err != nil {
		return nil, err
	}
	return found, c.open(found)
}

// Credentials implements store.CredentialReader.
func (c conn) Credentials(ctx context.Context, q store.CredentialQuery) (found []*identity.Credential, err error) {
	sel := rows.From(credentialColumns, "credentials")
	sel.Equal("user_id", q.UserID)
	sel.Equal("type", q.Type)
	err = c.Read(ctx, func(s *sqlkit.Session) error {
		found, err = rows.List(ctx, s, sel, credentialFields, rows.Unnamed)
		return err
	})
	for i := 0; i < len(found) && err == nil; i++ {
		err = c.open(found[i])
	}
	return found, err
}

// CreateCredential implements store.CredentialWriter.
func (t tx) CreateCredential(ctx context.Context, c *identity.Credential) error {
	extra, err := rows.JSONText(c.Extra)
	if err != nil {
		return err
	}
	conflict := func() error {
		return identity.Conflict(identity.TheCredential, "Duplicate entry found with ID %s.", c.ID)
	}
	return t.Insert(ctx, conflict, rows.InsertInto("credentials", credentialColumns), c.ID, c.UserID, c.ProjectID, c.Type,
		t.Keys().Seal([]byte(c.Blob), time.Now()), extra)
}

// UpdateCredential implements store.CredentialWriter.
func (t tx) UpdateCredential(ctx context.Context, c *identity.Credential) error {
	extra, err := rows.JSONText(c.Extra)
	if err != nil {
		return err
	}
	return t.Change(ctx, notFound(identity.TheCredential, c.ID), nil,
		`UPDATE credentials SET user_id = ?, project_id = ?, type = ?, sealed_blob = ?, extra = ? WHERE id = ?`,
		c.UserID, c.ProjectID, c.Type, t.Keys().Seal([]byte(c.Blob), time.Now()), extra, c.ID)
}

// DeleteCredential implements store.CredentialWriter.
func (t tx) DeleteCredential(ctx context.Context, id string) error {
	return t.Change(ctx, notFound(identity.TheCredential, id), nil, `DELETE FROM credentials WHERE id = ?`, id)
}

const applicationCredentialColumns = "id, name, description, user_id, project_id, secret_hash, expires_at, unrestricted, ruled"

// applicationCredential is a row: whether it has rules is a column, because there may be none that allow anything.
type applicationCredential struct {
	identity.ApplicationCredential
	ruled bool
}

func applicationCredentialFields(a *applicationCredential) []any {
	return []any{(*sqlkit.Text)(&a.ID), (*sqlkit.Text)(&a.Name), sqlkit.OptionalText{To: &a.Description}, (*sqlkit.Text)(&a.UserID), (*sqlkit.Text)(&a.ProjectID),
		(*sqlkit.Text)(&a.SecretHash), (*sqlkit.Time)(&a.ExpiresAt), (*sqlkit.Bool)(&a.Unrestricted), (*sqlkit.Bool)(&a.ruled)}
}

// ApplicationCredential implements store.ApplicationCredentialReader.
func (c conn) ApplicationCredential(ctx context.Context, id string) (*identity.ApplicationCredential, error) {
	sel := rows.From(applicationCredentialColumns, "application_credentials")
	sel.Where("id = ?", id)
	found, err := c.applicationCredentials(ctx, sel)
	if err == nil && len(found) == 0 {
		err = identity.NotFound(identity.TheApplicationCredential, id)
	}
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// ApplicationCredentials implements store.ApplicationCredentialReader.
func (c conn) ApplicationCredentials(ctx context.Context, q store.ApplicationCredentialQuery) ([]*identity.ApplicationCredential, error) {
	sel := rows.From(applicationCredentialColumns, "application_credentials")
	sel.Equal("user_id", q.UserID)
	sel.Equal("name", q.Name)
	sel.Equal("project_id", q.ProjectID)
	return c.applicationCredentials(ctx, sel)
}

func (c conn) applicationCredentials(ctx context.Context, sel *rows.Selection) (found []*identity.ApplicationCredential, err error) {
	err = c.Read(ctx, func(s *sqlkit.Session) error {
		found = nil
		read, err := rows.List(ctx, s, sel, applicationCredentialFields, rows.Unnamed)
		if err != nil || len(read) == 0 {
			return err
		}
		byID, ids := map[string]*identity.ApplicationCredential{}, make([]string, len(read))
		for i, a := range read {
			found = append(found, &a.ApplicationCredential)
			byID[a.ID], ids[i] = &a.ApplicationCredential, a.ID
			if a.ruled {
				a.AccessRules = []identity.AccessRule{}
			}
		}
		return completeApplicationCredentials(ctx, s, byID, ids)
	})
	return found, err
}

// completeApplicationCredentials reads roles and rules.
func completeApplicationCredentials(ctx context.Context, s *sqlkit.Session, byID map[string]*identity.ApplicationCredential, ids []string) error {
	err := rows.Children(ctx, s, ids, func(in string) string {
		return `SELECT application_credential_id, role_id FROM application_credential_roles WHERE application_credential_id IN ` + in +
			` ORDER BY application_credential_id, role_id`
	}, func(id, role string) { byID[id].RoleIDs = append(byID[id].RoleIDs, role) })
	if err != nil {
		return err
	}
	return sqlkit.InChunks(s.Dialect(), ids, func(in string, args []any) error {
		return s.Query(ctx, `SELECT a.application_credential_id, r.id, r.user_id, r.service, r.method, r.path FROM application_credential_access_rules a `+
			`JOIN access_rules r ON r.id = a.access_rule_id WHERE a.application_credential_id IN `+in+` ORDER BY a.application_credential_id, r.id`, func(row *sql.Rows) error {
			var id string
			var r identity.AccessRule
			if err := row.Scan(append([]any{(*sqlkit.Text)(&id)}, accessRuleFields(&r)...)...); err != nil {
				return err
			}
			byID[id].AccessRules = append(byID[id].AccessRules, r)
			return nil
		}, args...)
	})
}

func accessRuleFields(r *identity.AccessRule) []any {
	return []any{(*sqlkit.Text)(&r.ID), (*sqlkit.Text)(&r.UserID), (*sqlkit.Text)(&r.Service), (*sqlkit.Text)(&r.Method), (*sqlkit.Text)(&r.Path)}
}

const accessRuleColumns = "id, user_id, service, method, path"

// AccessRule implements store.ApplicationCredentialReader.
func (c conn) AccessRule(ctx context.Context, userID, id string) (*identity.AccessRule, error) {
	q := rows.From(accessRuleColumns, "access_rules")
	q.Where("id = ? AND user_id = ?", id, userID)
	return rows.Get(ctx, c.Conn, q, accessRuleFields, notFound(identity.TheAccessRule, id))
}

// AccessRules implements store.ApplicationCredentialReader.
func (c conn) AccessRules(ctx context.Context, userID string) (rules []identity.AccessRule, err error) {
	sel := rows.From(accessRuleColumns, "access_rules")
	sel.Where("user_id = ?", userID)
	err = c.Read(ctx, func(s *sqlkit.Session) error {
		rules = nil
		read, err := rows.List(ctx, s, sel, accessRuleFields, rows.Unnamed)
		for _, r := range read {
			rules = append(rules, *r)
		}
		return err
	})
	return rules, err
}

// CreateApplicationCredential implements store.ApplicationCredentialWriter.
func (t tx) CreateApplicationCredential(ctx context.Context, a *identity.ApplicationCredential) error {
	conflict := func() error {
		return identity.Conflict("application_credential", "Duplicate entry found with name %s.", a.Name)
	}
	err := t.Insert(ctx, conflict, rows.InsertInto("application_credentials", applicationCredentialColumns), a.ID, a.Name, sqlkit.NullIfNil(a.Description), a.UserID,
		a.ProjectID, a.SecretHash, t.At(a.ExpiresAt), a.Unrestricted, a.AccessRules != nil)
	if err != nil {
		return err
	}
	for _, role := range a.RoleIDs {
		if _, err := t.Exec(ctx, rows.InsertInto("application_credential_roles", "application_credential_id, role_id"), a.ID, role); err != nil {
			return err
		}
	}
	for _, r := range a.AccessRules {
		there, err := t.Session.QueryRow(ctx, `SELECT 1 FROM access_rules WHERE id = ?`, []any{new(sqlkit.Int)}, r.ID)
		if err == nil && !there {
			_, err = t.Exec(ctx, rows.InsertInto("access_rules", accessRuleColumns), r.ID, r.UserID, r.Service, r.Method, r.Path)
		}
		if err != nil {
			return err
		}
		if _, err := t.Exec(ctx, rows.InsertInto("application_credential_access_rules", "application_credential_id, access_rule_id"), a.ID, r.ID); err != nil {
			return err
		}
	}
	return nil
}

// DeleteApplicationCredential implements store.ApplicationCredentialWriter.
func (t tx) DeleteApplicationCredential(ctx context.Context, id string) error {
	return t.Change(ctx, notFound(identity.TheApplicationCredential, id), nil, `DELETE FROM application_credentials WHERE id = ?`, id)
}

// DeleteAccessRule implements store.ApplicationCredentialWriter.
func (t tx) DeleteAccessRule(ctx context.Context, userID, id string) error {
	used, err := t.Session.QueryRow(ctx, `SELECT 1 FROM application_credential_access_rules WHERE access_rule_id = ?`, []any{new(sqlkit.Int)}, id)
	if err != nil {
		return err
	}
	if used {
		return fault.New(fault.Forbidden, "", "You are not authorized to perform the requested action: May not delete access rule in use.")
	}
	return t.Change(ctx, notFound(identity.TheAccessRule, id), nil, `DELETE FROM access_rules WHERE id = ? AND user_id = ?`, id, userID)
}
