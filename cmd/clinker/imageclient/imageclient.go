// Package imageclient makes the client with which block storage reaches its image service, and decides as whom it asks.
package imageclient

import (
	"cmp"
	"context"
	"log/slog"
	"sync"

	"github.com/clinker/clinker/internal/block/manager/image"
	"github.com/clinker/clinker/internal/execx"
	"github.com/clinker/clinker/internal/glance/client"
	"github.com/clinker/clinker/internal/keystone"
	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/reqctx"
)

// Config is what there is beside the configuration.
type Config struct {
	Keystone bool   // tokens are those of an identity service; else everybody is who they say they are
	Own      string // the URL of our own image service; empty: there is none
	// Identity says where our own identity service listens and what the password of its user "cinder" is; ok is false if there is
	// none in this process. It is asked when a token is needed first: at the first start that service is made after this.
	Identity func() (address, password string, ok bool)
	Log      *slog.Logger
}

// Images is the image service as block storage has it.
type Images struct {
	*client.Client
	own bool // it is ours
}

// Open makes the client: of the image service that is configured, or else of ours. Without either it says so to whoever asks.
func Open(c *config.Config, cfg Config) (*Images, error) {
	o := client.OptionsFrom(c)
	own := len(o.Servers) == 0 && cfg.Own != ""
	if own {
		o.Servers = []string{cfg.Own}
	}
	o.Log = cfg.Log
	var err error
	if o.Credentials, err = credentials(c, cfg); err != nil {
		return nil, err
	}
	opened, err := client.New(o)
	return &Images{opened, own}, err
}

// Settings is what the volume service of a back end does with images. The files of our own image service are ours to read.
func (i *Images) Settings(c *config.Config, backend string) image.Settings {
	s := image.SettingsFrom(c, backend)
	s.Images, s.Run = i, execx.System{}
	s.LocalFiles = s.LocalFiles || i.own
	return s
}

// credentials gives the tokens with which the image service is asked: the caller's, and this service's own for what a restart
// goes on with.
func credentials(c *config.Config, cfg Config) (func(context.Context) (client.Credentials, error), error) {
	if !cfg.Keystone {
		return believed, nil
	}
	if account, send := client.AccountFrom(c); account.AuthURL != "" {
		l, err := keystone.NewLogin(account)
		if err != nil {
			return nil, err
		}
		return client.With(l, send, cfg.Log), nil
	}
	ours := sync.OnceValues(func() (*keystone.Login, error) {
		address, password, ok := cfg.Identity()
		if !ok {
			return nil, nil
		}
		return keystone.NewLogin(keystone.Account{AuthURL: "http://" + address, Username: "cinder", Password: password, ProjectName: "service"})
	})
	return func(ctx context.Context) (client.Credentials, error) {
		l, err := ours()
		if err != nil || l == nil {
			return client.Credentials{Token: reqctx.From(ctx).AuthToken}, err
		}
		return client.With(l, true, cfg.Log)(ctx)
	}, nil
}

// believed is credentials where everybody is who they say they are.
func believed(ctx context.Context) (client.Credentials, error) {
	return client.Credentials{Token: cmp.Or(reqctx.From(ctx).AuthToken, "admin:admin")}, nil
}
