package services

import (
	"context"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/oslo/log"
)

// LogLevels is the level at which a service logs, by the names of its loggers.
type LogLevels struct {
	Host, Binary string
	Levels       map[string]string
}

// LogRequest chooses services and loggers; empty fields do not restrict. Server is a host, "host@backend" or a cluster.
type LogRequest struct{ Binary, Server, Prefix string }

// askedAtOnce is how many services are asked for their levels at a time.
const askedAtOnce = 16

// SetLogLevels sets the level of this process, if the request chooses the API, and tells the other services that are up and that
// the request chooses. Invalid InvalidInput for a level that there is not.
func (u *Services) SetLogLevels(ctx context.Context, r LogRequest, level string) error {
	here, others, err := u.logging(ctx, r)
	if err != nil {
		return err
	}
	if _, err := log.ParseLevel(level); err != nil {
		return err
	}
	if here {
		if err := u.levels().Set(ctx, r.Prefix, level); err != nil {
			return err
		}
	}
	for _, s := range others {
		if err := u.service().SetLogLevels(ctx, s, &rpcapi.SetLogLevels{Prefix: r.Prefix, Level: level}); err != nil {
			return err
		}
	}
	return nil
}

// GetLogLevels is the levels of the services that the request chooses. A service that is up and does not answer is left out.
func (u *Services) GetLogLevels(ctx context.Context, r LogRequest) ([]LogLevels, error) {
	here, others, err := u.logging(ctx, r)
	if err != nil {
		return nil, err
	}
	list := make([]LogLevels, 0, len(others)+1)
	if here {
		list = append(list, LogLevels{Host: u.Host, Binary: block.BinaryAPI, Levels: u.levels().Get(r.Prefix)})
	}
	answers := make([]map[string]string, len(others))
	var asked errgroup.Group
	asked.SetLimit(askedAtOnce)
	for i, s := range others {
		asked.Go(func() error {
			answer, err := u.service().GetLogLevels(ctx, s, r.Prefix)
			if err != nil {
				u.Log.WarnContext(ctx, "a service does not tell its log levels", "host", s.Host, "binary", s.Binary, "error", err)
				return nil
			}
			if answers[i] = answer.Levels; answers[i] == nil {
				answers[i] = map[string]string{}
			}
			return nil
		})
	}
	_ = asked.Wait() // nothing in it fails
	for i, s := range others {
		if answers[i] != nil {
			list = append(list, LogLevels{Host: s.Host, Binary: s.Binary, Levels: answers[i]})
		}
	}
	return list, ctx.Err()
}

func (u *Services) levels() log.Levels {
	l := u.Log
	if l == nil {
		l = slog.Default()
	}
	return log.Levels{Level: u.LogLevel, Log: l}
}

func (u *Services) service() rpcapi.Service { return rpcapi.Service{Client: u.Scheduler.Client} }

// logging is what a request chooses: whether the API itself, and which of the other services that are up.
func (u *Services) logging(ctx context.Context, r LogRequest) (here bool, others []*block.Service, err error) {
	if err := u.Authorize(ctx, "volume_extension:services:update"); err != nil {
		return false, nil, err
	}
	all := r.Binary == "" || r.Binary == "*"
	here = (all || r.Binary == block.BinaryAPI) && (r.Server == "" || r.Server == u.Host)
	if r.Binary == block.BinaryAPI {
		return here, nil, nil
	}
	var q store.ServiceQuery
	if !all {
		q.Binary = r.Binary
	}
	found, err := u.Store.Services(ctx, q)
	if err != nil {
		return false, nil, err
	}
	for _, s := range found {
		named := r.Server == "" || s.Host == r.Server || block.Host(s.Host).Node() == r.Server || s.ClusterName == r.Server
		if named && s.Up(u.Now(), u.Options.ServiceDownTime) {
			others = append(others, s)
		}
	}
	return here, others, nil
}
