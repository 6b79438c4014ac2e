package api

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/clinker/clinker/internal/block/api/listing"
	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/oslo/middleware"
)

var (
	maxLimit = config.Int("DEFAULT", "osapi_max_limit", 1000, "The most items in one page of a list.", config.Min(1))
	baseURL  = config.String("DEFAULT", "osapi_volume_base_URL", "", "What links begin with, where clients do not reach the service "+
		"under the name they ask for it by: http://cloud.example:8776.", config.NoDefault(), config.Deprecated("", "osapi_volume_base_url"))
	publicEndpoint = config.String("DEFAULT", "public_endpoint", "", "Likewise for the links of the versions document.", config.NoDefault())
	filtersFile    = config.String("DEFAULT", "resource_query_filters_file", defaultFiltersFile, "The JSON file that says by what everybody may "+
		"filter lists: {\"volume\": [\"name\", \"status\"], ...}; administrators may by any column. A name that ends in ~ allows "+
		"comparing by part. If the default is not there, what Cinder comes with holds.")
	projectIDRegex = config.String("DEFAULT", "project_id_regex", `[0-9a-f\-]+`, "What a project id in a path looks like.")
	settle         = config.Seconds("clinker", "settle_seconds", 25*time.Millisecond, "How long, in seconds, an answer waits at most for the work inside "+
		"this process that its request set off, so that the client's first look finds it done. 0 answers at once.", config.Min(0), config.Max(5))
)

// ConfigOptions are the options of the API.
func ConfigOptions() []config.Option {
	return []config.Option{maxLimit, baseURL, publicEndpoint, filtersFile, extensionClasses, extensionNames, projectIDRegex, settle}
}

// OptionsFrom reads them, and the file of filters. Which extensions are disabled beside those that are not chosen, how large a
// body may be, and where logs go is the caller's to fill in. An error is that of an extension there is not, or of a file of
// filters that cannot be used: which, where in it, and why.
func OptionsFrom(c *config.Config) (Options, error) {
	o := Options{ProjectIDRegex: projectIDRegex.Get(c), PublicEndpoint: baseURL.Get(c), MaxLimit: maxLimit.Get(c), Settle: settle.Get(c)}
	var err error
	if o.Only, err = chosenExtensions(c); err != nil {
		return o, err
	}
	o.Filters, err = readFilters(c)
	return o, err
}

const (
	defaultFiltersFile = "/etc/cinder/resource_filters.json"
	filtersAccepted    = "a JSON file such as Cinder's etc/cinder/resource_filters.json"
	maxFiltersBytes    = 1 << 20
)

// readFilters reads resource_query_filters_file. Only a default that is not there may be missing.
func readFilters(c *config.Config) (listing.Filters, error) {
	path := filtersFile.Get(c)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !filtersFile.IsSet(c) {
		return listing.BuiltinFilters(), nil
	}
	if err != nil {
		return nil, filtersFile.Refuse(c, "", "it cannot be read: "+err.Error(), filtersAccepted)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFiltersBytes+1))
	if err == nil && len(text) > maxFiltersBytes {
		err = errors.New("it has more than a megabyte")
	}
	if err != nil {
		return nil, filtersFile.Refuse(c, "", "it cannot be read: "+err.Error(), filtersAccepted)
	}
	filters, err := listing.ParseFilters(text)
	if err != nil {
		return nil, filtersFile.Refuse(c, "", err.Error(), filtersAccepted)
	}
	return filters, nil
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
