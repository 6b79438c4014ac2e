// Package bootstrap fills a new identity service with what every cloud begins with: the default domain, roles, projects and
// users. At each start it makes sure that the catalog says where things are now.
//
// What must not live here: where passwords are kept (cmd decides), and policy.
//
// Upstream: keystone/cmd/bootstrap.py, and what deployment tools do after it.
package bootstrap

import (
	"context"
	"fmt"
	"slices"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/store"
)

// Account is a user to begin with, with a role in a project of the default domain.
type Account struct {
	Name, Project string
	Roles         []string
	System        bool // has the roles on the system too
}

// Accounts are who every cloud of ours begins with: an administrator, somebody ordinary, and the services.
func Accounts() []Account {
	services := []string{identity.RoleService, identity.RoleAdmin}
	return []Account{
		{Name: "admin", Project: "admin", Roles: []string{identity.RoleAdmin}, System: true},
		{Name: "demo", Project: "demo", Roles: []string{identity.RoleMember}},
		{Name: "cinder", Project: "service", Roles: services},
		{Name: "glance", Project: "service", Roles: services},
		{Name: "nova", Project: "service", Roles: services},
	}
}

// Service is an entry of the catalog, reached at the same URL over all three interfaces.
type Service struct{ Type, Name, Description, URL string }

// Options say what to make.
type Options struct {
	Region   string
	Services []Service
	// Passwords gives each account's, by name. They have to be random: see secrets.Hasher.HashRandom.
	Passwords map[string]string
}

// Run fills the store if it is new, and brings the catalog up to date, in one transaction. People, roles and projects of a
// store that is not new stay as they are: whoever was removed does not come back.
func Run(ctx context.Context, c *app.Core, o Options) error {
	first, ready := false, false
	// Nearly every start finds nothing to do: look before the write lock is taken.
	err := c.Store.Read(ctx, func(r store.Reader) error {
		d, err := app.OrNil(r.Domain(ctx, identity.DefaultDomainID))
		if first = d == nil; err != nil || first {
			return err
		}
		ready, err = upToDate(ctx, r, o)
		return err
	})
	if err != nil || ready {
		return err
	}
	hashes := map[string]string{}
	for _, a := range Accounts() {
		if o.Passwords[a.Name] == "" {
			return fmt.Errorf("there is no password for the user %s", a.Name)
		}
		if hashes[a.Name], err = c.Secrets.HashRandom(o.Passwords[a.Name]); err != nil {
			return err
		}
	}
	return c.Store.Update(ctx, func(tx store.Tx) error {
		b := bootstrap{Core: c, tx: tx, hashes: hashes}
		if first {
			if err := b.people(ctx); err != nil {
				return err
			}
		}
		return b.catalog(ctx, o)
	})
}

type bootstrap struct {
	*app.Core
	tx     store.Tx
	hashes map[string]string
}

// people makes domain, roles, projects and users.
func (b bootstrap) people(ctx context.Context) error {
	err := b.tx.CreateProject(ctx, &identity.Project{ID: identity.DefaultDomainID, Name: "Default", Description: "The default domain", Enabled: true, IsDomain: true})
	if err != nil {
		return err
	}
	roles := map[string]string{} // ids by name
	for _, name := range []string{identity.RoleAdmin, identity.RoleManager, identity.RoleMember, identity.RoleReader, identity.RoleService} {
		roles[name] = app.NewID()
		r := &identity.Role{ID: roles[name], Name: name, Options: identity.Options{identity.OptionImmutable: true}}
		if err := b.tx.CreateRole(ctx, r); err != nil {
			return err
		}
	}
	for _, i := range []identity.Implication{{Prior: identity.RoleAdmin, Implied: identity.RoleManager}, {Prior: identity.RoleManager, Implied: identity.RoleMember},
		{Prior: identity.RoleMember, Implied: identity.RoleReader}} {
		if err := b.tx.CreateImplication(ctx, identity.Implication{Prior: roles[i.Prior], Implied: roles[i.Implied]}); err != nil {
			return err
		}
	}
	for _, a := range Accounts() {
		if err := b.account(ctx, a, roles); err != nil {
			return err
		}
	}
	return nil
}

func (b bootstrap) account(ctx context.Context, a Account, roles map[string]string) error {
	p, err := app.OrNil(b.tx.ProjectByName(ctx, identity.DefaultDomainID, a.Project))
	if err != nil {
		return err
	}
	if p == nil {
		p = &identity.Project{ID: app.NewID(), Name: a.Project, DomainID: identity.DefaultDomainID, ParentID: identity.DefaultDomainID, Enabled: true}
		if err := b.tx.CreateProject(ctx, p); err != nil {
			return err
		}
	}
	u := &identity.User{ID: app.NewID(), Name: a.Name, DomainID: identity.DefaultDomainID, Enabled: true, PasswordHash: b.hashes[a.Name], PasswordCreatedAt: b.Now()}
	if err := b.tx.CreateUser(ctx, u); err != nil {
		return err
	}
	for _, name := range a.Roles {
		if err := b.tx.CreateAssignment(ctx, identity.Assignment{UserID: u.ID, ProjectID: p.ID, RoleID: roles[name]}); err != nil {
			return err
		}
		if !a.System {
			continue
		}
		if err := b.tx.CreateAssignment(ctx, identity.Assignment{UserID: u.ID, System: true, RoleID: roles[name]}); err != nil {
			return err
		}
	}
	return nil
}

func interfaces() []string { return []string{"public", "internal", "admin"} }

// upToDate reports whether catalog would change nothing.
func upToDate(ctx context.Context, r store.Reader, o Options) (bool, error) {
	for _, wanted := range o.Services {
		services, err := r.Services(ctx, store.ServiceQuery{Type: wanted.Type})
		if err != nil || len(services) == 0 {
			return false, err
		}
		endpoints, err := r.Endpoints(ctx, store.EndpointQuery{ServiceID: services[0].ID, RegionID: o.Region})
		if err != nil {
			return false, err
		}
		for _, name := range interfaces() {
			if !slices.ContainsFunc(endpoints, func(e *identity.Endpoint) bool { return e.Interface == name && e.URL == wanted.URL }) {
				return false, nil
			}
		}
	}
	return true, nil
}

// catalog makes region, services and endpoints that are missing, and puts the URLs right: the address may be another one than
// at the last start.
func (b bootstrap) catalog(ctx context.Context, o Options) error {
	region, err := app.OrNil(b.tx.Region(ctx, o.Region))
	if err == nil && region == nil {
		err = b.tx.CreateRegion(ctx, &identity.Region{ID: o.Region})
	}
	if err != nil {
		return err
	}
	for _, wanted := range o.Services {
		services, err := b.tx.Services(ctx, store.ServiceQuery{Type: wanted.Type})
		if err != nil {
			return err
		}
		if len(services) == 0 {
			s := &identity.Service{ID: app.NewID(), Type: wanted.Type, Name: wanted.Name, Enabled: true, Extra: identity.Extra{"description": wanted.Description}}
			if err := b.tx.CreateService(ctx, s); err != nil {
				return err
			}
			services = append(services, s)
		}
		if err := b.endpoints(ctx, services[0].ID, o.Region, wanted.URL); err != nil {
			return err
		}
	}
	return nil
}

func (b bootstrap) endpoints(ctx context.Context, serviceID, region, url string) error {
	found, err := b.tx.Endpoints(ctx, store.EndpointQuery{ServiceID: serviceID, RegionID: region})
	if err != nil {
		return err
	}
	for _, name := range interfaces() {
		i := slices.IndexFunc(found, func(e *identity.Endpoint) bool { return e.Interface == name })
		switch {
		case i < 0:
			err = b.tx.CreateEndpoint(ctx, &identity.Endpoint{ID: app.NewID(), ServiceID: serviceID, Interface: name, RegionID: region, URL: url, Enabled: true})
		case found[i].URL != url:
			found[i].URL = url
			err = b.tx.UpdateEndpoint(ctx, found[i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}
