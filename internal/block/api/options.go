package api

import (
	"time"

	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/oslo/middleware"
)

var (
	maxLimit = config.Int("DEFAULT", "osapi_max_limit", 1000, "The most items in one page of a list.", config.Min(1))
	baseURL  = config.String("DEFAULT", "osapi_volume_base_URL", "", "What links begin with, where clients do not reach the service "+
		"under the name they ask for it by: http://cloud.example:8776.", config.NoDefault(), config.Deprecated("", "osapi_volume_base_url"))
	publicEndpoint = config.String("DEFAULT", "public_endpoint", "", "Likewise for the links of the versions document.", config.NoDefault())
	projectIDRegex = config.String("DEFAULT", "project_id_regex", `[0-9a-f\-]+`, "What a project id in a path looks like.")
	settle         = config.Seconds("clinker", "settle_seconds", 25*time.Millisecond, "How long, in seconds, an answer waits at most for the work inside "+
		"this process that its request set off, so that the client's first look finds it done. 0 answers at once.", config.Min(0), config.Max(5))
)

// ConfigOptions are the options of the API.
func ConfigOptions() []config.Option {
	return []config.Option{maxLimit, baseURL, publicEndpoint, projectIDRegex, settle}
}

// OptionsFrom reads them. Which extensions are disabled, how large a body may be, and where logs go is the caller's to fill in.
func OptionsFrom(c *config.Config) Options {
	return Options{ProjectIDRegex: projectIDRegex.Get(c), PublicEndpoint: baseURL.Get(c), MaxLimit: maxLimit.Get(c), Settle: settle.Get(c)}
}

// VersionsEndpoint is public_endpoint, for Versions.
func VersionsEndpoint(c *config.Config) string { return publicEndpoint.Get(c) }

// CORS is what upstream lets pages of other origins see and send (cinder.common.config.set_middleware_defaults).
func CORS() middleware.CORSSettings {
	return middleware.CORSSettings{
		AllowHeaders: []string{"X-Auth-Token", "X-Identity-Status", "X-Roles", "X-Service-Catalog", "X-User-Id", "X-Tenant-Id",
			"X-OpenStack-Request-ID", "X-Trace-Info", "X-Trace-HMAC", "OpenStack-API-Version"},
		ExposeHeaders: []string{"X-Auth-Token", "X-Subject-Token", "X-Service-Token", "X-OpenStack-Request-ID", "OpenStack-API-Version"},
		AllowMethods:  []string{"GET", "PUT", "POST", "DELETE", "PATCH", "HEAD"},
	}
}
