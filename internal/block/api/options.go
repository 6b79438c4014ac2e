package api

import (
	"time"

	"github.com/clinker/clinker/internal/oslo/config"
)

var (
	maxLimit = config.Int("DEFAULT", "osapi_max_limit", 1000, "The most items in one page of a list.", config.Min(1))
	baseURL  = config.String("DEFAULT", "osapi_volume_base_URL", "", "What links begin with, where clients do not reach the service "+
		"under the name they ask for it by: http://cloud.example:8776.", config.NoDefault(), config.Deprecated("", "osapi_volume_base_url"))
	publicEndpoint = config.String("DEFAULT", "public_endpoint", "", "Likewise for the links of the versions document.", config.NoDefault())
	projectIDRegex = config.String("DEFAULT", "project_id_regex", `[0-9a-f\-]+`, "What a project id in a path looks like.")
	maxBodyBytes   = config.Int("oslo_middleware", "max_request_body_size", 114688, "The most bytes in the body of a request.", config.Min(1),
		config.Deprecated("DEFAULT", "osapi_max_request_body_size"), config.Deprecated("DEFAULT", "max_request_body_size"))
	settle = config.Seconds("clinker", "settle_seconds", 25*time.Millisecond, "How long, in seconds, an answer waits at most for the work inside "+
		"this process that its request set off, so that the client's first look finds it done. 0 answers at once.", config.Min(0), config.Max(5))
)

// ConfigOptions are the options of the API.
func ConfigOptions() []config.Option {
	return []config.Option{maxLimit, baseURL, publicEndpoint, projectIDRegex, maxBodyBytes, settle}
}

// OptionsFrom reads them; which extensions are disabled and where logs go is the caller's to fill in.
func OptionsFrom(c *config.Config) Options {
	return Options{ProjectIDRegex: projectIDRegex.Get(c), PublicEndpoint: baseURL.Get(c), MaxLimit: maxLimit.Get(c),
		MaxBodyBytes: int64(maxBodyBytes.Get(c)), Settle: settle.Get(c)}
}

// VersionsEndpoint is public_endpoint, for Versions.
func VersionsEndpoint(c *config.Config) string { return publicEndpoint.Get(c) }
