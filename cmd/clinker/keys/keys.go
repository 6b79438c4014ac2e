// Package keys makes the key manager of the parts that the configuration names.
//
// What must not live here: what is done with keys.
package keys

import (
	"log/slog"

	imageclient "github.com/clinker/clinker/internal/glance/client"
	"github.com/clinker/clinker/internal/keymanager"
	"github.com/clinker/clinker/internal/keymanager/barbican"
	"github.com/clinker/clinker/internal/keystone"
	"github.com/clinker/clinker/internal/oslo/config"
)

// Options are those of castellan and of its key managers.
type Options struct {
	keys     *keymanager.Settings
	barbican *barbican.Settings
}

// NewOptions declares them.
func NewOptions() *Options { return &Options{keymanager.NewSettings(), barbican.NewSettings()} }

// All lists the options for config.Load.
func (o *Options) All() []config.Option { return append(o.keys.All(), o.barbican.All()...) }

// Open makes the key manager. What this service does with keys as itself it does with account, which is that of
// [keystone_authtoken], as upstream; without an AuthURL it is that of [service_user], which services without an API may have alone.
// believed says that callers have no tokens of an identity service. What cannot be used is a fault.Invalid that names the option.
func (o *Options) Open(c *config.Config, account keystone.Account, believed bool, log *slog.Logger) (keymanager.Manager, error) {
	return o.keys.Open(c, func() (keymanager.Manager, error) {
		if account.AuthURL == "" {
			account, _ = imageclient.AccountFrom(c)
		}
		return o.barbican.Open(c, account, believed, log)
	})
}
