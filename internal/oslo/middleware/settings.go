package middleware

import "github.com/clinker/clinker/internal/oslo/config"

// Settings are the options of the filters, as configuration files give them.
type Settings struct {
	MaxRequestBodyBytes       int
	EnableProxyHeadersParsing bool
	UseForwardedFor           bool // noauth: X-Forwarded-For is the client's address
	CORS                      CORSSettings
	Healthcheck               HealthcheckSettings
}

// CORSSettings are the options of group [cors].
type CORSSettings struct {
	AllowedOrigins   []string // empty: no origin is allowed
	AllowCredentials bool
	ExposeHeaders    []string
	MaxAgeSeconds    int
	AllowMethods     []string
	AllowHeaders     []string
}

// HealthcheckSettings are the options of group [healthcheck].
type HealthcheckSettings struct {
	Detailed              bool
	Backends              []string
	DisableByFilePath     string
	DisableByFilePaths    []string // "port:path"
	EnableByFilePaths     []string
	AllowedSourceRanges   []string // networks in CIDR form
	IgnoreProxiedRequests bool
}

// Options declares the filters' options for oslo.config, with the defaults of CORS that a service wants.
type Options struct {
	maxBody                                                config.Handle[int]
	proxyHeaders, useForwardedFor                          config.Handle[bool]
	allowedOrigin, exposeHeaders, allowMethods, allowHeads config.Handle[[]string]
	allowCredentials, detailed, ignoreProxied              config.Handle[bool]
	maxAge                                                 config.Handle[int]
	backends, disablePaths, enablePaths, sourceRanges      config.Handle[[]string]
	disablePath                                            config.Handle[string]
}

// NewOptions declares the options. Upstream: the OPTS of oslo.middleware's modules; each service sets its own defaults
// for headers and methods of CORS (cinder.common.config.set_middleware_defaults).
func NewOptions(cors CORSSettings) *Options {
	return &Options{
		maxBody: config.Int("oslo_middleware", "max_request_body_size", 114688, "The largest body of a request, in bytes.",
			config.Min(1), config.Deprecated("DEFAULT", "osapi_max_request_body_size"), config.Deprecated("DEFAULT", "max_request_body_size")),
		proxyHeaders: config.Bool("oslo_middleware", "enable_proxy_headers_parsing", false,
			"Believe the Forwarded and X-Forwarded headers of a reverse proxy. Only with a proxy that sets or removes them."),
		useForwardedFor: config.Bool("DEFAULT", "use_forwarded_for", false,
			"Take the client's address from X-Forwarded-For. Only with a proxy that sets or removes it."),
		allowedOrigin:    config.List("cors", "allowed_origin", nil, "Origins (scheme://host:port) whose pages may use the API, or *."),
		allowCredentials: config.Bool("cors", "allow_credentials", true, "Whether such a page may send credentials."),
		exposeHeaders:    config.List("cors", "expose_headers", cors.ExposeHeaders, "Answer headers that such a page may read."),
		maxAge:           config.Int("cors", "max_age", 3600, "How long a browser may remember a preflight answer, in seconds."),
		allowMethods:     config.List("cors", "allow_methods", cors.AllowMethods, "Methods that such a page may use."),
		allowHeads:       config.List("cors", "allow_headers", cors.AllowHeaders, "Request headers that such a page may send."),
		detailed: config.Bool("healthcheck", "detailed", false,
			"Say more about the server in health check answers, and of the database and the broker, without which the service is unavailable then."),
		backends: config.List("healthcheck", "backends", nil,
			"What decides about health: disable_by_file, disable_by_files_ports, enable_by_files; and what upstream does not have, database and messages: whether they came back from a round trip lately."),
		disablePath:  config.String("healthcheck", "disable_by_file_path", "", "While this file exists, the service is unavailable.", config.NoDefault()),
		disablePaths: config.List("healthcheck", "disable_by_file_paths", nil, "As disable_by_file_path, by port: port:path."),
		enablePaths:  config.List("healthcheck", "enable_by_file_paths", nil, "While one of these files is missing, the service is unavailable."),
		sourceRanges: config.List("healthcheck", "allowed_source_ranges", nil, "Networks that may ask; others get 404."),
		ignoreProxied: config.Bool("healthcheck", "ignore_proxied_requests", false,
			"Do not answer requests that came through a proxy."),
	}
}

// All lists the options for config.Load.
func (o *Options) All() []config.Option {
	return []config.Option{
		o.maxBody, o.proxyHeaders, o.useForwardedFor, o.allowedOrigin, o.allowCredentials, o.exposeHeaders, o.maxAge, o.allowMethods,
		o.allowHeads, o.detailed, o.backends, o.disablePath, o.disablePaths, o.enablePaths, o.sourceRanges, o.ignoreProxied,
	}
}

// Settings reads the options.
func (o *Options) Settings(c *config.Config) Settings {
	return Settings{
		MaxRequestBodyBytes: o.maxBody.Get(c), EnableProxyHeadersParsing: o.proxyHeaders.Get(c), UseForwardedFor: o.useForwardedFor.Get(c),
		CORS: CORSSettings{
			AllowedOrigins: o.allowedOrigin.Get(c), AllowCredentials: o.allowCredentials.Get(c), ExposeHeaders: o.exposeHeaders.Get(c),
			MaxAgeSeconds: o.maxAge.Get(c), AllowMethods: o.allowMethods.Get(c), AllowHeaders: o.allowHeads.Get(c),
		},
		Healthcheck: HealthcheckSettings{
			Detailed: o.detailed.Get(c), Backends: o.backends.Get(c), DisableByFilePath: o.disablePath.Get(c),
			DisableByFilePaths: o.disablePaths.Get(c), EnableByFilePaths: o.enablePaths.Get(c),
			AllowedSourceRanges: o.sourceRanges.Get(c), IgnoreProxiedRequests: o.ignoreProxied.Get(c),
		},
	}
}
