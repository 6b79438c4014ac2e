package client

import (
	"cmp"
	"context"
	"log/slog"

	"github.com/clinker/clinker/internal/keystone"
	"github.com/clinker/clinker/internal/reqctx"
)

// With gives credentials for Options: the caller's token, and that of a service's own account for what has no caller any more. Where send is set the
// account's goes along with each, so that a caller's that has expired meanwhile is still good.
func With(l *keystone.Login, send bool, log *slog.Logger) func(ctx context.Context) (Credentials, error) {
	return func(ctx context.Context) (Credentials, error) {
		caller := reqctx.From(ctx).AuthToken
		if caller != "" && !send {
			return Credentials{Token: caller}, nil
		}
		own, err := l.Token(ctx)
		if err != nil && caller != "" {
			log.WarnContext(ctx, "the image service is asked without a token of our own", "error", err)
			return Credentials{Token: caller}, nil
		}
		c := Credentials{Token: cmp.Or(caller, own)}
		if send {
			c.ServiceToken = own
		}
		return c, err
	}
}
