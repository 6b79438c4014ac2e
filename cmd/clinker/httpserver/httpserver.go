// Package httpserver serves the APIs over HTTP and, as the section [ssl] says, over TLS: with limits on what a client may take its
// time for, and so that requests under way are finished when the process stops.
//
// What must not live here: what is served.
package httpserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/run"
)

// Limits: a client that is slower than these is not served.
const (
	headerTimeout  = 10 * time.Second
	requestTimeout = 60 * time.Second
	idleTimeout    = 120 * time.Second
	maxHeaderBytes = 64 << 10
)

// Component serves a handler on an address until it is stopped; requests under way are then finished. secure may be nil: the
// server then speaks plain HTTP.
func Component(name, address string, handler http.Handler, secure *Certificate) run.Component {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeaderBytes}
	return run.Component{Name: name,
		Start: func(ctx context.Context, fail func(error)) error {
			l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
			if err != nil {
				return fault.Wrap(err, fault.Unavailable, "", "%s cannot listen on %s", name, address)
			}
			if secure != nil {
				l = tls.NewListener(l, secure.config())
			}
			go func() {
				if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
					fail(fmt.Errorf("%s stopped serving: %w", name, err))
				}
			}()
			return nil
		},
		Stop: server.Shutdown,
	}
}

// Attended lets a request run to its end, within the time a request may take, when its client has closed its side of the
// connection: that is how a client of the simplest kind (printf | nc) says that it has sent everything, and it still
// wants its answer. Go's server cannot tell it from a client that is gone.
func Attended(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), requestTimeout)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
