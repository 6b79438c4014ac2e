// Package credentials is the use cases of credentials of every kind: those of any type, EC2 keys, application credentials and
// their access rules.
//
// What must not live here: logging in with them (packages auth and ec2).
package credentials

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/store"
)

// Credentials is the use cases. It is safe for concurrent use.
type Credentials struct{ *app.Core }

// New makes the use cases over the parts of c.
func New(c *app.Core) *Credentials { return &Credentials{c} }

// direct refuses a token that was got by something the user gave away: credentials outlive it.
func direct(ctx context.Context) error {
	if app.Caller(ctx).Delegated() {
		return identity.ForbiddenAction("Delegated tokens cannot access credentials directly")
	}
	return nil
}

// authorized reads a credential the caller may do to what rule stands for.
func (u *Credentials) authorized(ctx context.Context, rule, id string) (*identity.Credential, error) {
	c, err := app.OrNil(u.Store.Credential(ctx, id))
	if err != nil {
		return nil, err
	}
	t := app.Target{}
	if c != nil {
		t.Credential(c.UserID)
	}
	if err := u.Authorize(ctx, rule, t); err != nil {
		return nil, err
	}
	if c == nil {
		return nil, identity.NotFound(identity.TheCredential, id)
	}
	return c, direct(ctx)
}

// Get reads a credential, its blob too.
func (u *Credentials) Get(ctx context.Context, id string) (*identity.Credential, error) {
	return u.authorized(ctx, "identity:get_credential", id)
}

// List lists the credentials of a user and a type, "" for any, that the caller may read.
func (u *Credentials) List(ctx context.Context, userID, kind string) ([]*identity.Credential, error) {
	t := app.Target{}
	if caller := app.Caller(ctx); caller != nil && !caller.System {
		t.Credential(caller.User.ID)
	}
	if err := u.Authorize(ctx, "identity:list_credentials", t); err != nil {
		return nil, err
	}
	if direct(ctx) != nil {
		return nil, nil // none of them is the caller's to read
	}
	list, err := u.Store.Credentials(ctx, store.CredentialQuery{UserID: userID, Type: kind})
	if err != nil {
		return nil, err
	}
	var readable []*identity.Credential
	for _, c := range list {
		if u.Authorize(ctx, "identity:get_credential", app.Target{}.Credential(c.UserID)) == nil {
			readable = append(readable, c)
		}
	}
	return readable, nil
}

// accessID is the id of the credential with an EC2 access key: whoever signs a request names only that.
func accessID(access string) string {
	sum := sha256.Sum256([]byte(access))
	return hex.EncodeToString(sum[:])
}

// Key is an EC2 key pair, as the blob of its credential holds it.
type Key struct {
	Access string `json:"access"`
	Secret string `json:"secret"`
}

// ParseKey reads the blob of an EC2 credential.
func ParseKey(blob string) (Key, error) {
	var members map[string]any
	if err := json.Unmarshal([]byte(blob), &members); err != nil {
		return Key{}, identity.Invalid("Invalid blob in credential")
	}
	access, _ := members["access"].(string)
	secret, _ := members["secret"].(string)
	if access == "" {
		return Key{}, identity.Missing("access", "credential")
	}
	return Key{Access: access, Secret: secret}, nil
}

// Create makes a credential of what c says, which needs no id.
func (u *Credentials) Create(ctx context.Context, c *identity.Credential) error {
	if err := u.Authorize(ctx, "identity:create_credential", app.Target{}.Credential(c.UserID)); err != nil {
		return err
	}
	if err := direct(ctx); err != nil {
		return err
	}
	c.ID = app.NewID()
	if strings.EqualFold(c.Type, identity.CredentialEC2) {
		key, err := ParseKey(c.Blob)
		if err != nil {
			return err
		}
		if c.ProjectID == "" {
			return identity.Missing("project_id", "credential")
		}
		c.ID = accessID(key.Access)
	}
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.CreateCredential(ctx, c) })
}

// Update replaces the blob of a credential: whose it is, and what for, does not change. An EC2 key keeps its access key, which
// its id comes from.
func (u *Credentials) Update(ctx context.Context, id, blob string) (found *identity.Credential, err error) {
	if _, err := u.authorized(ctx, "identity:update_credential", id); err != nil {
		return nil, err
	}
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		if found, err = tx.Credential(ctx, id); err != nil {
			return err
		}
		found.Blob = blob
		if strings.EqualFold(found.Type, identity.CredentialEC2) {
			key, err := ParseKey(found.Blob)
			if err == nil && accessID(key.Access) != id {
				err = identity.Invalid("access_id can not be updated for credential")
			}
			if err != nil {
				return err
			}
		}
		return tx.UpdateCredential(ctx, found)
	})
	return found, err
}

// Delete removes a credential.
func (u *Credentials) Delete(ctx context.Context, id string) error {
	if _, err := u.authorized(ctx, "identity:delete_credential", id); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.DeleteCredential(ctx, id) })
}

// checkUser makes sure that a user is there.
func (u *Credentials) checkUser(ctx context.Context, id string) error {
	_, err := u.Store.User(ctx, id)
	return err
}

// Keys lists the EC2 keys of a user.
func (u *Credentials) Keys(ctx context.Context, userID string) ([]*identity.Credential, error) {
	if err := u.Authorize(ctx, "identity:ec2_list_credentials", app.Owner(userID)); err != nil {
		return nil, err
	}
	if err := direct(ctx); err != nil {
		return nil, err
	}
	if err := u.checkUser(ctx, userID); err != nil {
		return nil, err
	}
	return u.Store.Credentials(ctx, store.CredentialQuery{UserID: userID, Type: identity.CredentialEC2})
}

// CreateKey makes an EC2 key of a user for a project.
func (u *Credentials) CreateKey(ctx context.Context, userID, projectID string) (*identity.Credential, error) {
	if err := u.Authorize(ctx, "identity:ec2_create_credential", app.Target{}.Credential(userID)); err != nil {
		return nil, err
	}
	if err := direct(ctx); err != nil {
		return nil, err
	}
	if err := u.checkUser(ctx, userID); err != nil {
		return nil, err
	}
	key := Key{Access: app.NewID(), Secret: app.NewID()}
	blob, err := json.Marshal(key)
	if err != nil {
		return nil, err
	}
	c := &identity.Credential{ID: accessID(key.Access), UserID: userID, ProjectID: projectID, Type: identity.CredentialEC2, Blob: string(blob)}
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.Project(ctx, projectID); err != nil {
			return err
		}
		return tx.CreateCredential(ctx, c)
	})
	return c, err
}

// key reads an EC2 key of a user, by its access key, that the caller may do to what rule stands for.
func (u *Credentials) key(ctx context.Context, rule, userID, access string) (*identity.Credential, error) {
	c, err := u.authorized(ctx, rule, accessID(access))
	if caller := app.Caller(ctx); fault.Is(err, fault.Forbidden) && caller.User.ID == userID {
		if _, missing := u.Store.Credential(ctx, accessID(access)); fault.Is(missing, fault.NotFound) {
			err = missing // people may know which keys they do not have
		}
	}
	if err != nil {
		return nil, err
	}
	if c.Type != identity.CredentialEC2 || c.UserID != userID {
		return nil, fault.New(fault.NotFound, "", "Could not find credential: %s.", access)
	}
	return c, nil
}

// Key reads an EC2 key of a user.
func (u *Credentials) Key(ctx context.Context, userID, access string) (*identity.Credential, error) {
	return u.key(ctx, "identity:ec2_get_credential", userID, access)
}

// DeleteKey removes an EC2 key of a user.
func (u *Credentials) DeleteKey(ctx context.Context, userID, access string) error {
	c, err := u.key(ctx, "identity:ec2_delete_credential", userID, access)
	if err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.DeleteCredential(ctx, c.ID) })
}
