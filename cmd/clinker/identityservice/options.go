// Package identityservice makes the identity service of "clinker up" of its parts: the store, the keys, the use cases and the
// API; and keeps the passwords that the cloud was made with where its owner finds them.
//
// What must not live here: anything the service decides.
package identityservice

import (
	"path/filepath"
	"time"

	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/app/secrets"
	"github.com/clinker/clinker/internal/keystone"
	"github.com/clinker/clinker/internal/oslo/config"
)

// Options are the options of the identity service: keystone.conf's where it has them, in its groups; and of one elsewhere.
type Options struct {
	listen, endpoint, connection, policyFile config.Handle[string]
	port                                     config.Handle[int]
	expiration, window, lockout              config.Handle[time.Duration]
	rescope                                  config.Handle[bool]
	keys, credentialKeys                     config.Handle[string]
	activeKeys, attempts, rounds             config.Handle[int]
	keystone                                 *keystone.ValidatorOptions
}

// NewOptions declares them.
func NewOptions() *Options {
	d := app.DefaultOptions()
	return &Options{
		keystone: keystone.NewValidatorOptions(),
		listen:   config.HostAddress("clinker", "identity_listen", "127.0.0.1", "The address the identity API listens on."),
		port:     config.Port("clinker", "identity_port", 0, "The port of the identity API; 0 runs no identity service in this process."),
		connection: config.String("clinker", "identity_connection", "", "The database of the identity service, in the words of [database] connection; without it, keystone.sqlite in state_path.",
			config.Secret(), config.NoDefault()),
		endpoint: config.String("clinker", "identity_public_endpoint", "", "What links of the identity API begin with; without it, what the request was sent to.", config.NoDefault()),
		policyFile: config.String("clinker", "identity_policy_file", "", "The file with the operator's policy rules of the identity service; without it, keystone-policy.yaml in state_path. It need not be there.",
			config.NoDefault()),
		expiration: config.Seconds("token", "expiration", d.TokenExpiration, "How long a token is good for.", config.Min(1)),
		window:     config.Seconds("token", "allow_expired_window", d.AllowExpiredWindow, "How long after its end a token is still good for a service that shows its own with it.", config.Min(0)),
		rescope:    config.Bool("token", "allow_rescope_scoped_token", d.AllowRescopeScopedToken, "Whether a token of a project or domain can be exchanged for one of another."),
		keys:       config.String("fernet_tokens", "key_repository", "", "The directory of the keys of tokens; without it, fernet-keys in state_path.", config.NoDefault()),
		activeKeys: config.Int("fernet_tokens", "max_active_keys", 3, "How many keys stay after a rotation: the staged one, the primary one, and those before it.", config.Min(2)),
		credentialKeys: config.String("credential", "key_repository", "", "The directory of the keys that credentials are sealed with; without it, credential-keys in state_path.",
			config.NoDefault()),
		attempts: config.Int("security_compliance", "lockout_failure_attempts", d.LockoutFailureAttempts,
			"After how many wrong passwords in a row a user is locked out; 0: never.", config.Min(0)),
		lockout: config.Seconds("security_compliance", "lockout_duration", d.LockoutDuration, "How long a user is locked out; 0: until an administrator enables them again.", config.Min(0)),
		rounds:  config.Int("identity", "password_hash_rounds", secrets.DefaultRounds, "The work of a password's bcrypt hash, as the power of two.", config.Min(4), config.Max(secrets.MaxRounds)),
	}
}

// All lists the options for config.Load.
func (o *Options) All() []config.Option {
	return append([]config.Option{o.listen, o.port, o.endpoint, o.connection, o.policyFile, o.expiration, o.window, o.rescope, o.keys, o.activeKeys, o.credentialKeys, o.attempts,
		o.lockout, o.rounds}, o.keystone.All()...)
}

// Elsewhere is the account of this process at the identity service elsewhere, [keystone_authtoken]; without an AuthURL if there
// is none.
func (o *Options) Elsewhere(c *config.Config) keystone.Account { return o.keystone.Account(c) }

// Wanted reports whether the process runs an identity service: not if there is another.
func (o *Options) Wanted(c *config.Config) bool { return o.port.Get(c) != 0 && !o.keystone.Wanted(c) }

// app reads what the use cases heed.
func (o *Options) app(c *config.Config) app.Options {
	a := app.DefaultOptions()
	a.TokenExpiration, a.AllowExpiredWindow, a.AllowRescopeScopedToken = o.expiration.Get(c), o.window.Get(c), o.rescope.Get(c)
	a.LockoutFailureAttempts, a.LockoutDuration = o.attempts.Get(c), o.lockout.Get(c)
	return a
}

// or is the value of an option that names a file, or a name in the state directory.
func or(h config.Handle[string], c *config.Config, stateDir, name string) string {
	if path := h.Get(c); path != "" {
		return path
	}
	return filepath.Join(stateDir, name)
}
