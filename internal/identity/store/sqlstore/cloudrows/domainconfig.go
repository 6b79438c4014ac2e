package cloudrows

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/store"
	"github.com/clinker/clinker/internal/identity/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/sqlkit/migrate"
)

var (
	_ store.DomainConfigReader = CloudRows{}
	_ store.DomainConfigWriter = CloudRows{}
)

// DomainConfigTables are those of options of domains. One of them is a password, so values are sealed, all alike.
func DomainConfigTables() []migrate.Table {
	return []migrate.Table{{Name: "domain_options", Columns: []migrate.Column{migrate.Text("domain_id", idLength).Of("projects"), migrate.Text("option_group", nameLength),
		migrate.Text("name", nameLength), migrate.Long("sealed_value")}, Key: []string{"domain_id", "option_group", "name"}}}
}

// DomainConfig implements store.DomainConfigReader.
func (c CloudRows) DomainConfig(ctx context.Context, domainID string) (found identity.DomainConfig, err error) {
	err = c.conn.Read(ctx, func(s *sqlkit.Session) error {
		found = identity.DomainConfig{}
		return s.Query(ctx, `SELECT option_group, name, sealed_value FROM domain_options WHERE domain_id = ?`, func(row *sql.Rows) error {
			var group, name, sealed string
			if err := row.Scan((*sqlkit.Text)(&group), (*sqlkit.Text)(&name), (*sqlkit.Text)(&sealed)); err != nil {
				return err
			}
			text, _, err := c.conn.Keys().Open(sealed)
			if err != nil {
				return fmt.Errorf("the option %s.%s of domain %s does not open with the credential keys: %w", group, name, domainID, err)
			}
			var value any
			decoder := json.NewDecoder(bytes.NewReader(text))
			decoder.UseNumber()
			if err := decoder.Decode(&value); err != nil {
				return fmt.Errorf("the option %s.%s of domain %s is no JSON: %w", group, name, domainID, err)
			}
			found.Set(group, name, value)
			return nil
		}, domainID)
	})
	return found, err
}

// SetDomainOptions implements store.DomainConfigWriter.
func (c CloudRows) SetDomainOptions(ctx context.Context, domainID string, options identity.DomainConfig) error {
	for group, values := range options {
		for name, value := range values {
			text, err := json.Marshal(value)
			if err != nil {
				return err
			}
			if err := c.DeleteDomainOptions(ctx, domainID, group, name); err != nil {
				return err
			}
			_, err = c.conn.Exec(ctx, rows.InsertInto("domain_options", "domain_id, option_group, name, sealed_value"), domainID, group, name,
				c.conn.Keys().Seal(text, time.Now()))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// DeleteDomainOptions implements store.DomainConfigWriter.
func (c CloudRows) DeleteDomainOptions(ctx context.Context, domainID, group, name string) error {
	text, args := `DELETE FROM domain_options WHERE domain_id = ?`, []any{domainID}
	if group != "" {
		text, args = text+` AND option_group = ?`, append(args, group)
	}
	if name != "" {
		text, args = text+` AND name = ?`, append(args, name)
	}
	_, err := c.conn.Exec(ctx, text, args...)
	return err
}
