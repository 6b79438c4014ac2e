// Package loglevels serves, for every service, what others ask about its log.
//
// What must not live here: what a level is (oslo/log), and which services are asked (app/services).
package loglevels

import (
	"context"

	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/oslo/log"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// Methods are what a service serves besides its own.
func Methods(levels log.Levels) map[string]messaging.Method {
	return map[string]messaging.Method{
		rpcapi.MethodSetLogLevels: messaging.Silent(func(ctx context.Context, m *rpcapi.SetLogLevels) error {
			return levels.Set(ctx, m.Prefix, m.Level)
		}),
		rpcapi.MethodGetLogLevels: messaging.Replying(func(_ context.Context, m *rpcapi.GetLogLevels) (*rpcapi.LogLevels, error) {
			return &rpcapi.LogLevels{Levels: levels.Get(m.Prefix)}, nil
		}),
	}
}
