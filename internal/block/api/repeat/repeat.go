// Package repeat tells a create that is asked for again from another one: it says what makes two requests the same. What
// follows from that is app.Once's affair.
package repeat

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/oslo/wsgi"
	"github.com/clinker/clinker/internal/reqctx"
)

// Mark gives the context in which a request's create is carried out only once. Two requests are the same if user, project,
// method, path, microversion, body (to the byte) and the caller's own request id (X-OpenStack-Request-ID) are. A request
// without such an id is like no other one; nor is one that came with a service token: a service acts for its user under one
// id, and may well want two volumes that are alike.
func Mark(ctx context.Context, r *wsgi.Request) context.Context {
	caller := reqctx.From(ctx)
	if caller.GlobalRequestID == "" || len(caller.ServiceRoles) > 0 {
		return ctx
	}
	h := sha256.New()
	for _, part := range []string{caller.ProjectID, caller.UserID, caller.GlobalRequestID, r.HTTP.Method, r.HTTP.URL.Path, r.Version.String()} {
		// With their lengths, so that no two lists of parts look alike.
		_, _ = h.Write([]byte(strconv.Itoa(len(part)) + " " + part)) // never fails
	}
	_, _ = h.Write(r.RawBody())
	return app.WithOnce(ctx, hex.EncodeToString(h.Sum(nil)))
}
