package oauth1

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"slices"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/app/access"
	"github.com/clinker/clinker/internal/identity/store"
)

// param is a parameter that a request needs.
func (s Signed) param(name string) (string, error) {
	value := s.Parameters[name]
	if value == "" {
		return "", identity.Missing(name, "request")
	}
	return value, nil
}

// verify makes sure that a request was signed by a consumer, with the secret of a token of theirs unless that is "", and is
// seen for the first time. What is wrong is fault.Unauthorized and for the log alone.
func (u *OAuth) verify(s Signed, c *identity.Consumer, tokenSecret string) error {
	now := u.Now()
	if err := s.check(c.Secret, tokenSecret, now); err != nil {
		return identity.Unauthorized("the request of consumer %s: %v", c.ID, err)
	}
	request := strings.Join([]string{c.ID, s.Parameters[paramToken], s.Parameters[paramTimestamp], s.Parameters[paramNonce]}, "\x00")
	if !u.seen.first(request, now) {
		return identity.Unauthorized("the request of consumer %s is sent again", c.ID)
	}
	return nil
}

// Request makes a request token for a consumer who wants to act in a project. Nobody needs to be logged in: the signature
// says who asks.
func (u *OAuth) Request(ctx context.Context, s Signed, projectID string) (*identity.RequestToken, error) {
	consumerID, err := s.param(paramConsumer)
	if err != nil {
		return nil, err
	}
	if projectID == "" {
		return nil, identity.Missing("Requested-Project-Id", "request")
	}
	c, err := u.Store.Consumer(ctx, consumerID)
	if err != nil {
		return nil, err
	}
	if err := u.verify(s, c, ""); err != nil {
		return nil, err
	}
	now := u.Now()
	t := &identity.RequestToken{ID: app.NewID(), Secret: app.NewID(), ConsumerID: c.ID, ProjectID: projectID, ExpiresAt: now.Add(requestTokenLife)}
	return t, u.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.Project(ctx, projectID); err != nil {
			return err
		}
		return tx.CreateRequestToken(ctx, t, now)
	})
}

// RoleRef names a role by id or by name.
type RoleRef struct{ ID, Name string }

// Grant lets the consumer of a request token act for the caller in the project that it names, with these roles of
// theirs. The verifier is for the consumer.
func (u *OAuth) Grant(ctx context.Context, requestID string, wanted []RoleRef) (verifier string, err error) {
	if err := u.Authorize(ctx, "identity:authorize_request_token", app.Target{}); err != nil {
		return "", err
	}
	if err := direct(ctx); err != nil {
		return "", err
	}
	user := app.Caller(ctx).User.ID
	verifier = newVerifier()
	return verifier, u.Store.Update(ctx, func(tx store.Tx) error {
		t, err := tx.RequestToken(ctx, requestID)
		if err != nil {
			return err
		}
		if !u.Now().Before(t.ExpiresAt) {
			return identity.Unauthorized("Request token is expired")
		}
		t.AuthorizingUserID, t.Verifier = user, verifier
		if t.RoleIDs, err = held(ctx, tx, user, t.ProjectID, wanted); err != nil {
			return err
		}
		return tx.AuthorizeRequestToken(ctx, t)
	})
}

// held finds the roles that are named among those that a user has in a project.
func held(ctx context.Context, tx store.Tx, userID, projectID string, wanted []RoleRef) (ids []string, err error) {
	project, err := tx.Project(ctx, projectID)
	if err != nil {
		return nil, err
	}
	actor, err := access.ActorOf(ctx, tx, userID)
	if err != nil {
		return nil, err
	}
	roles, err := access.OnProject(ctx, tx, actor, project)
	if err != nil {
		return nil, err
	}
	for _, ref := range wanted {
		i := slices.IndexFunc(roles, func(r *identity.Role) bool {
			return ref.ID != "" && r.ID == ref.ID || ref.ID == "" && r.Name == ref.Name
		})
		if i < 0 {
			return nil, identity.Unauthorized("authorizing user does not have role required")
		}
		if !slices.Contains(ids, roles[i].ID) {
			ids = append(ids, roles[i].ID)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// verifierLength and verifierLetters are Keystone's.
const (
	verifierLength  = 8
	verifierLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
)

func newVerifier() string {
	var out strings.Builder
	for b := make([]byte, 1); out.Len() < verifierLength; {
		_, _ = rand.Read(b) // never fails
		if int(b[0]) < 4*len(verifierLetters) {
			out.WriteByte(verifierLetters[int(b[0])%len(verifierLetters)])
		}
	}
	return out.String()
}

// Exchange makes an access token of a request token that a user has authorized, which is then gone.
func (u *OAuth) Exchange(ctx context.Context, s Signed) (*identity.AccessToken, error) {
	var params [3]string
	for i, name := range []string{paramConsumer, paramToken, paramVerifier} {
		var err error
		if params[i], err = s.param(name); err != nil {
			return nil, err
		}
	}
	consumerID, requestID, verifier := params[0], params[1], params[2]
	request, err := u.Store.RequestToken(ctx, requestID)
	if err != nil {
		return nil, err
	}
	c, err := app.OrNil(u.Store.Consumer(ctx, consumerID))
	if err != nil {
		return nil, err
	}
	switch {
	case c == nil || request.ConsumerID != c.ID:
		return nil, identity.Unauthorized("Provided consumer key does not match stored consumer key.")
	case !u.Now().Before(request.ExpiresAt):
		return nil, identity.Unauthorized("Request token is expired")
	case request.AuthorizingUserID == "":
		return nil, identity.Unauthorized("Request Token does not have an authorizing user id.")
	case subtle.ConstantTimeCompare([]byte(request.Verifier), []byte(verifier)) != 1:
		return nil, identity.Unauthorized("Provided verifier does not match stored verifier")
	}
	if err := u.verify(s, c, request.Secret); err != nil {
		return nil, err
	}
	now := u.Now()
	t := &identity.AccessToken{ID: app.NewID(), Secret: app.NewID(), ConsumerID: c.ID, ProjectID: request.ProjectID, AuthorizingUserID: request.AuthorizingUserID,
		RoleIDs: request.RoleIDs, ExpiresAt: now.Add(accessTokenLife)}
	return t, u.Store.Update(ctx, func(tx store.Tx) error {
		if err := tx.DeleteRequestToken(ctx, requestID); err != nil {
			return err // somebody was quicker
		}
		return tx.CreateAccessToken(ctx, t, now)
	})
}

// Prove finds out for whom a signed request is made: the access token it was signed with. What is wrong is
// fault.Unauthorized.
func (u *OAuth) Prove(ctx context.Context, s Signed) (*identity.AccessToken, error) {
	id, err := s.param(paramToken)
	if err != nil {
		return nil, err
	}
	t, err := u.Store.AccessToken(ctx, id)
	if err != nil {
		return nil, unknown(err)
	}
	c, err := u.Store.Consumer(ctx, t.ConsumerID)
	if err != nil {
		return nil, unknown(err)
	}
	switch {
	case s.Parameters[paramConsumer] != c.ID:
		return nil, identity.Unauthorized("the access token is of another consumer")
	case expired(t, u.Now()):
		return nil, identity.Unauthorized("Access token is expired")
	}
	return t, u.verify(s, c, t.Secret)
}

// unknown says no more of what is not there than of a wrong signature.
func unknown(err error) error {
	if fault.Is(err, fault.NotFound) {
		return identity.Unauthorized("%s", fault.UserText(err))
	}
	return err
}

func expired(t *identity.AccessToken, now time.Time) bool {
	return !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt)
}
