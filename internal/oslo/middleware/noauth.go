package middleware

import (
	"net/http"
	"strings"

	"github.com/clinker/clinker/internal/oslo/wsgi"
	"github.com/clinker/clinker/internal/reqctx"
)

// NoAuth believes every caller: the token "user:project" is who they are, as administrator. Without a token it gives
// one away in the manner of the first OpenStack: 204 with X-Auth-Token and X-Server-Management-Url. Upstream:
// NoAuthMiddleware in cinder/api/middleware/auth.py.
func (f Filters) NoAuth(map[string]string) (Filter, error) { return f.noAuth(false), nil }

// NoAuthIncludeProjectID is NoAuth with the project id at the end of the URL it gives away.
func (f Filters) NoAuthIncludeProjectID(map[string]string) (Filter, error) {
	return f.noAuth(true), nil
}

func (f Filters) noAuth(projectInURL bool) Filter {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			token, given := r.Header["X-Auth-Token"]
			if !given || len(token) == 0 {
				giveToken(w, r, projectInURL)
				return
			}
			caller := reqctx.From(r.Context())
			caller.UserID, caller.ProjectID, _ = strings.Cut(token[0], ":")
			if caller.ProjectID == "" {
				caller.ProjectID = caller.UserID
			}
			caller.IsAdmin = true
			caller.Roles = []string{"admin"}
			caller.AuthToken = token[0]
			caller.RemoteAddress = remoteHost(r)
			if forwarded := r.Header.Get("X-Forwarded-For"); f.Settings.UseForwardedFor && forwarded != "" {
				caller.RemoteAddress = forwarded
			}
			next.ServeHTTP(w, r.WithContext(reqctx.With(r.Context(), caller)))
		})
	}
}

func giveToken(w http.ResponseWriter, r *http.Request, projectInURL bool) {
	user, project := "admin", "admin"
	if name := r.Header.Get("X-Auth-User"); name != "" {
		user = name
	}
	if id := r.Header.Get("X-Auth-Project-Id"); id != "" {
		project = id
	}
	url := wsgi.ApplicationURL(r, "") + r.URL.EscapedPath()
	if r.URL.RawQuery != "" {
		url += "?" + r.URL.RawQuery
	}
	url = strings.TrimRight(url, "/")
	if projectInURL {
		url += "/" + project
	}
	w.Header().Set("X-Auth-Token", user+":"+project)
	w.Header().Set("X-Server-Management-Url", url)
	w.WriteHeader(http.StatusNoContent)
}
