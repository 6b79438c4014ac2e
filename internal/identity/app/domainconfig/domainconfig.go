// Package domainconfig is the use cases of options that an operator keeps for single domains.
//
// What must not live here: going by them. As in a Keystone without domain_specific_drivers_enabled, nothing does.
//
// Upstream: keystone/resource/core.py, DomainConfigManager.
package domainconfig

import (
	"context"
	"maps"
	"slices"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/store"
)

// DomainConfig is the use cases. It is safe for concurrent use.
type DomainConfig struct{ *app.Core }

// New makes the use cases over the parts of c.
func New(c *app.Core) *DomainConfig { return &DomainConfig{c} }

func invalid(format string, args ...any) error {
	f := fault.New(fault.Forbidden, "", format, args...)
	f.Text = "Invalid domain specific configuration: " + f.Text + "."
	return f
}

// notFound: the domain has no such option, or no option of such a group, or none.
func notFound(domainID, group, name string) error {
	what := "any options"
	switch {
	case name != "":
		what = "option " + name + " in group " + group
	case group != "":
		what = "group " + group
	}
	return fault.New(fault.NotFound, "", "Could not find %s in domain configuration for domain %s.", what, domainID)
}

// check refuses groups and options that there are not; "" stands for any.
func check(group, name string) error {
	if group == "" {
		return nil
	}
	options, known := Defaults()[group]
	if !known {
		return invalid("Group %s is not supported for domain specific configurations", group)
	}
	if _, known := options[name]; name != "" && !known && (group != secretGroup || name != secretOption) {
		return invalid("Option %s in group %s is not supported for domain specific configurations", name, group)
	}
	return nil
}

func checkAll(c identity.DomainConfig) error {
	if len(c) == 0 {
		return invalid("No options specified")
	}
	for _, group := range slices.Sorted(maps.Keys(c)) {
		if len(c[group]) == 0 {
			return invalid("The value of group %s specified in the config should be a dictionary of options", group)
		}
		for _, name := range slices.Sorted(maps.Keys(c[group])) {
			if err := check(group, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkJust refuses options other than those of the group, or the one option, that a change is about.
func checkJust(c identity.DomainConfig, group, name string) error {
	if group == "" {
		return nil
	}
	if len(c) != 1 {
		return invalid("Trying to update group %s, so that, and only that, group must be specified in the config", group)
	}
	for other := range c {
		if other != group {
			return invalid("request to update group %s, but config provided contains group %s instead", group, other)
		}
	}
	if name != "" && len(c[group]) != 1 {
		return invalid("Trying to update option %s in group %s, so that, and only that, option must be specified  in the config", name, group)
	}
	for other := range c[group] {
		if name != "" && other != name {
			return invalid("Trying to update option %s in group %s, but config provided contains option %s instead", name, group, other)
		}
	}
	return nil
}

// shown is what may be shown of options.
func shown(c identity.DomainConfig) identity.DomainConfig {
	if _, there := c[secretGroup][secretOption]; !there {
		return c
	}
	c = maps.Clone(c)
	c[secretGroup] = maps.Clone(c[secretGroup])
	delete(c[secretGroup], secretOption)
	if len(c[secretGroup]) == 0 {
		delete(c, secretGroup)
	}
	return c
}

// Put replaces all options of a domain and reports whether it had none.
func (u *DomainConfig) Put(ctx context.Context, domainID string, c identity.DomainConfig) (all identity.DomainConfig, isNew bool, err error) {
	if err := u.Authorize(ctx, "identity:create_domain_config", app.Target{}); err != nil {
		return nil, false, err
	}
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.Domain(ctx, domainID); err != nil {
			return err
		}
		if err := checkAll(c); err != nil {
			return err
		}
		before, err := tx.DomainConfig(ctx, domainID)
		if err != nil {
			return err
		}
		isNew = len(before) == 0
		if err := tx.DeleteDomainOptions(ctx, domainID, "", ""); err != nil {
			return err
		}
		return tx.SetDomainOptions(ctx, domainID, c)
	})
	return shown(c), isNew, err
}

// Get reads the options of a domain, of a group of them, or one; "" stands for any.
func (u *DomainConfig) Get(ctx context.Context, domainID, group, name string) (identity.DomainConfig, error) {
	if err := u.Authorize(ctx, "identity:get_domain_config", app.Target{}); err != nil {
		return nil, err
	}
	if _, err := u.Store.Domain(ctx, domainID); err != nil {
		return nil, err
	}
	if err := check(group, name); err != nil {
		return nil, err
	}
	all, err := u.Store.DomainConfig(ctx, domainID)
	if err != nil {
		return nil, err
	}
	all = shown(all)
	if !all.Has(group, name) {
		return nil, notFound(domainID, group, name)
	}
	return all, nil
}

// Update writes the options of c over those that are there. With a group, or a group and a name, c has to have just that, and it
// has to be there already.
func (u *DomainConfig) Update(ctx context.Context, domainID, group, name string, c identity.DomainConfig) (all identity.DomainConfig, err error) {
	if err := u.Authorize(ctx, "identity:update_domain_config", app.Target{}); err != nil {
		return nil, err
	}
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.Domain(ctx, domainID); err != nil {
			return err
		}
		if err := checkAll(c); err != nil {
			return err
		}
		if err := check(group, name); err != nil {
			return err
		}
		if err := checkJust(c, group, name); err != nil {
			return err
		}
		before, err := tx.DomainConfig(ctx, domainID)
		if err != nil {
			return err
		}
		if group != "" && !before.Has(group, name) {
			return notFound(domainID, group, name)
		}
		if err := tx.SetDomainOptions(ctx, domainID, c); err != nil {
			return err
		}
		all, err = tx.DomainConfig(ctx, domainID)
		return err
	})
	return shown(all), err
}

// Delete removes the options of a domain, of a group of them, or one.
func (u *DomainConfig) Delete(ctx context.Context, domainID, group, name string) error {
	if err := u.Authorize(ctx, "identity:delete_domain_config", app.Target{}); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.Domain(ctx, domainID); err != nil {
			return err
		}
		if err := check(group, name); err != nil {
			return err
		}
		all, err := tx.DomainConfig(ctx, domainID)
		if err != nil {
			return err
		}
		if group != "" && !all.Has(group, name) {
			return notFound(domainID, group, name)
		}
		return tx.DeleteDomainOptions(ctx, domainID, group, name)
	})
}

// Default reads what counts for domains that have no options of their own.
func (u *DomainConfig) Default(ctx context.Context, group, name string) (identity.DomainConfig, error) {
	if err := u.Authorize(ctx, "identity:get_domain_config_default", app.Target{}); err != nil {
		return nil, err
	}
	if err := check(group, name); err != nil {
		return nil, err
	}
	all := Defaults()
	if !all.Has(group, name) { // the secret one
		return nil, invalid("Option %s in group %s has no default", name, group)
	}
	return all, nil
}

// The options of the group that everybody may read, of the default domain.
const (
	PasswordRules            = "security_compliance"
	passwordRegex            = "password_regex"
	passwordRegexDescription = "password_regex_description"
)

// Passwords reads what passwords have to be like: here anything will do.
func (u *DomainConfig) Passwords(ctx context.Context, domainID, name string) (identity.DomainConfig, error) {
	if err := u.Authorize(ctx, "identity:get_security_compliance_domain_config", app.Target{}); err != nil {
		return nil, err
	}
	if domainID != identity.DefaultDomainID {
		return nil, invalid("Reading security compliance information for any domain other than the default domain is not allowed or supported.")
	}
	if name != "" && name != passwordRegex && name != passwordRegexDescription {
		return nil, invalid("Reading security compliance values other than password_regex and password_regex_description is not allowed.")
	}
	return identity.DomainConfig{PasswordRules: {passwordRegex: nil, passwordRegexDescription: nil}}, nil
}
