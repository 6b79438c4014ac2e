package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// simpleHeaders may be sent by any page whatever the configuration; upstream: CORS.simple_headers.
func simpleHeaders() []string {
	return []string{
		"Accept", "Accept-Language", "Content-Type", "Cache-Control", "Content-Language", "Expires", "Last-Modified", "Pragma",
	}
}

// CORS lets pages of configured origins use the API from a browser. Upstream: oslo_middleware/cors.py.
func (f Filters) CORS(local map[string]string) (Filter, error) {
	_, hasOrigin := local["allowed_origin"]
	_, hasProject := local["oslo_config_project"]
	if !hasOrigin && !hasProject {
		return nil, errors.New("the cors filter needs allowed_origin or oslo_config_project")
	}
	s := f.Settings.CORS
	s.AllowedOrigins = listSetting(local, "allowed_origin", s.AllowedOrigins)
	s.ExposeHeaders = listSetting(local, "expose_headers", s.ExposeHeaders)
	s.AllowMethods = listSetting(local, "allow_methods", s.AllowMethods)
	s.AllowHeaders = listSetting(local, "allow_headers", s.AllowHeaders)
	var err error
	if s.AllowCredentials, err = boolSetting(local, "allow_credentials", s.AllowCredentials); err != nil {
		return nil, err
	}
	if text, ok := local["max_age"]; ok {
		if s.MaxAgeSeconds, err = strconv.Atoi(strings.TrimSpace(text)); err != nil {
			return nil, fmt.Errorf("max_age = %q: a number of seconds is wanted", text)
		}
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodOptions && r.Header.Get("Origin") == "" {
				next.ServeHTTP(w, r)
				return
			}
			c := &corsWriter{ResponseWriter: w, request: r, settings: &s}
			next.ServeHTTP(c, r)
			if !c.written {
				c.WriteHeader(http.StatusOK)
			}
		})
	}, nil
}

// corsWriter adds the headers when the answer begins. To OPTIONS, which hardly any application knows, it answers
// itself: what is no success becomes an empty 200.
type corsWriter struct {
	http.ResponseWriter
	request           *http.Request
	settings          *CORSSettings
	written, swallows bool
}

// WriteHeader implements http.ResponseWriter.
func (c *corsWriter) WriteHeader(status int) {
	if c.written {
		return
	}
	c.written = true
	header := c.Header()
	if header.Get("Access-Control-Allow-Origin") == "" { // an application that sets it knows better
		if c.request.Method == http.MethodOptions {
			if status < 200 || status > 299 {
				status, c.swallows = http.StatusOK, true
				header.Del("Content-Type")
				header.Set("Content-Length", "0")
			}
			c.preflight(header)
		} else {
			c.allow(header)
		}
	}
	c.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (c *corsWriter) Write(p []byte) (int, error) {
	if !c.written {
		c.WriteHeader(http.StatusOK)
	}
	if c.swallows {
		return len(p), nil
	}
	return c.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (c *corsWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// origin is what to name as allowed, "" when the page's origin is not.
func (c *corsWriter) origin() string {
	origin := c.request.Header.Get("Origin")
	switch {
	case origin == "":
		return ""
	case slices.Contains(c.settings.AllowedOrigins, origin):
		return origin
	case slices.Contains(c.settings.AllowedOrigins, "*"):
		return "*"
	}
	return ""
}

func (c *corsWriter) allow(header http.Header) {
	origin := c.origin()
	if origin == "" {
		return
	}
	vary := "Origin"
	if before := header.Get("Vary"); before != "" {
		vary = before + ",Origin"
	}
	header.Set("Vary", vary)
	header.Set("Access-Control-Allow-Origin", origin)
	if c.settings.AllowCredentials {
		header.Set("Access-Control-Allow-Credentials", "true")
	}
	if len(c.settings.ExposeHeaders) > 0 {
		header.Set("Access-Control-Expose-Headers", strings.Join(c.settings.ExposeHeaders, ","))
	}
}

// preflight answers what the browser asks before the real request, and stays silent when the answer is no.
func (c *corsWriter) preflight(header http.Header) {
	origin, method := c.origin(), c.request.Header.Get("Access-Control-Request-Method")
	if origin == "" || !slices.Contains(c.settings.AllowMethods, method) {
		return
	}
	asked := listSetting(map[string]string{"headers": c.request.Header.Get("Access-Control-Request-Headers")}, "headers", nil)
	allowed := slices.Concat(c.settings.AllowHeaders, simpleHeaders())
	for _, name := range asked {
		if !slices.ContainsFunc(allowed, func(other string) bool { return strings.EqualFold(name, other) }) {
			return
		}
	}
	header.Set("Vary", "Origin")
	header.Set("Access-Control-Allow-Origin", origin)
	if c.settings.AllowCredentials {
		header.Set("Access-Control-Allow-Credentials", "true")
	}
	if c.settings.MaxAgeSeconds != 0 {
		header.Set("Access-Control-Max-Age", strconv.Itoa(c.settings.MaxAgeSeconds))
	}
	header.Set("Access-Control-Allow-Methods", method)
	if len(asked) > 0 {
		header.Set("Access-Control-Allow-Headers", strings.Join(asked, ","))
	}
}
