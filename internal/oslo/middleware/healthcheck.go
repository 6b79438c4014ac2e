package middleware

import (
	"encoding/json"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// health is what one check found.
type health struct {
	available              bool
	reason, details, class string
}

// healthCheck is asked with the port a request came in at.
type healthCheck func(port int) health

// Healthcheck is the application behind /healthcheck, for load balancers: 200 (204 to HEAD) or 503, as text, HTML or
// JSON. Upstream: oslo_middleware/healthcheck. Beyond upstream, the neighbours count: those that the back ends name, and in a
// detailed answer all of them.
func (f Filters) Healthcheck(local map[string]string) (http.Handler, error) {
	s := f.Settings.Healthcheck
	s.Backends = listSetting(local, "backends", s.Backends)
	s.DisableByFilePaths = listSetting(local, "disable_by_file_paths", s.DisableByFilePaths)
	s.EnableByFilePaths = listSetting(local, "enable_by_file_paths", s.EnableByFilePaths)
	s.AllowedSourceRanges = listSetting(local, "allowed_source_ranges", s.AllowedSourceRanges)
	if path, ok := local["disable_by_file_path"]; ok {
		s.DisableByFilePath = path
	}
	var err error
	if s.Detailed, err = boolSetting(local, "detailed", s.Detailed); err != nil {
		return nil, err
	}
	if s.IgnoreProxiedRequests, err = boolSetting(local, "ignore_proxied_requests", s.IgnoreProxiedRequests); err != nil {
		return nil, err
	}
	app := &healthApp{settings: s}
	for _, text := range s.AllowedSourceRanges {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("allowed_source_ranges: %q is no network in the form 192.0.2.0/24", text)
		}
		app.networks = append(app.networks, network)
	}
	if slices.Contains(s.Backends, "enable_by_files") && slices.Contains(s.Backends, "disable_by_file") {
		return nil, fmt.Errorf("backends: enable_by_files and disable_by_file exclude each other")
	}
	for _, name := range s.Backends {
		if name == neighbourDatabase || name == neighbourMessages {
			continue // below, and of no effect in a service that has none
		}
		check, err := newHealthCheck(name, s)
		if err != nil {
			return nil, err
		}
		app.checks = append(app.checks, check)
	}
	app.checks = append(app.checks, f.Neighbours.checks(func(name string) bool { return s.Detailed || slices.Contains(s.Backends, name) })...)
	return app, nil
}

func newHealthCheck(name string, s HealthcheckSettings) (healthCheck, error) {
	switch name {
	case "disable_by_file":
		return func(int) health { return disabledBy(s.DisableByFilePath) }, nil
	case "disable_by_files_ports":
		paths := map[int]string{}
		for _, text := range s.DisableByFilePaths {
			number, path, _ := strings.Cut(text, ":")
			port, err := strconv.Atoi(number)
			if err != nil {
				return nil, fmt.Errorf("disable_by_file_paths: %q is not of the form port:path", text)
			}
			paths[port] = path
		}
		return func(port int) health {
			found := disabledBy(paths[port])
			found.details, found.class = "", "DisableByFilesPortsHealthcheck"
			return found
		}, nil
	case "enable_by_files":
		return func(int) health { return enabledBy(s.EnableByFilePaths) }, nil
	}
	return nil, fmt.Errorf("backends: %q is not known; disable_by_file, disable_by_files_ports, enable_by_files, %s and %s are", name, neighbourDatabase, neighbourMessages)
}

const healthClass = "HealthcheckResult"

func disabledBy(path string) health {
	if path == "" {
		return health{true, "OK", "No 'disable_by_file_path' configuration value specified", healthClass}
	}
	if exists(path) {
		return health{false, "DISABLED BY FILE", "Path '" + path + "' was found", healthClass}
	}
	return health{true, "OK", "Path '" + path + "' was not found", healthClass}
}

func enabledBy(paths []string) health {
	for _, path := range paths {
		if !exists(path) {
			return health{false, "FILE PATH MISSING", "File path " + path + " is missing", healthClass}
		}
	}
	return health{true, "OK", "Specified file paths are available", healthClass}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

type healthApp struct {
	settings HealthcheckSettings
	networks []netip.Prefix
	checks   []healthCheck
}

// ServeHTTP implements http.Handler.
func (a *healthApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !a.answers(r) {
		wsgi.NotFound(w, r)
		return
	}
	results := make([]health, 0, len(a.checks))
	status := http.StatusOK
	for _, check := range a.checks {
		result := check(localPort(r))
		if !result.available {
			status = http.StatusServiceUnavailable
		}
		results = append(results, result)
	}
	if r.Method == http.MethodHead {
		if status == http.StatusOK {
			status = http.StatusNoContent
		}
		w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
		w.WriteHeader(status)
		return
	}
	body, contentType := a.render(r.Header.Get("Accept"), results)
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client went away: nothing is left to do for it
}

// answers reports whether this caller gets an answer at all.
func (a *healthApp) answers(r *http.Request) bool {
	if a.settings.IgnoreProxiedRequests {
		for _, name := range []string{"", "-Proto", "-Host", "-For", "-Prefix"} {
			if r.Header.Get("X-Forwarded"+name) != "" {
				return false
			}
		}
	}
	if len(a.networks) == 0 {
		return true
	}
	address, err := netip.ParseAddr(remoteHost(r))
	return err == nil && slices.ContainsFunc(a.networks, func(n netip.Prefix) bool { return n.Contains(address.Unmap()) })
}

// localPort is the port the request came in at, 0 when that is not known.
func localPort(r *http.Request) int {
	address, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return 0
	}
	_, text, err := net.SplitHostPort(address.String())
	if err != nil {
		return 0
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return port
}

func (a *healthApp) render(accept string, results []health) (body []byte, contentType string) {
	switch preferred(accept) {
	case "application/json":
		return a.json(results), "application/json; charset=UTF-8"
	case "text/html":
		return a.html(results), "text/html; charset=UTF-8"
	}
	reasons := make([]string, len(results))
	for i, result := range results {
		reasons[i] = result.reason
	}
	return []byte(strings.TrimSpace(strings.Join(reasons, "\n"))), "text/plain; charset=UTF-8"
}

// preferred is the first of the three types with the highest weight in an Accept header; none of them means text.
func preferred(accept string) string {
	best, bestWeight := "text/plain", 0.0
	for _, offer := range []string{"text/plain", "text/html", "application/json"} {
		if weight := weightOf(accept, offer); weight > bestWeight {
			best, bestWeight = offer, weight
		}
	}
	return best
}

// weightOf is the weight an Accept header gives a type; the most specific range that covers it counts.
func weightOf(accept, offer string) float64 {
	weight, specific := 0.0, -1
	for part := range strings.SplitSeq(accept, ",") {
		media, parameters, _ := strings.Cut(part, ";")
		media = strings.ToLower(strings.TrimSpace(media))
		major, _, _ := strings.Cut(offer, "/")
		rank := slices.Index([]string{"*/*", major + "/*", offer}, media)
		if rank <= specific {
			continue
		}
		specific, weight = rank, 1
		if text, ok := strings.CutPrefix(strings.TrimSpace(parameters), "q="); ok {
			if q, err := strconv.ParseFloat(text, 64); err == nil {
				weight = q
			}
		}
	}
	return weight
}

func (a *healthApp) json(results []health) []byte {
	answer := map[string]any{"detailed": a.settings.Detailed}
	reasons := make([]any, len(results))
	for i, result := range results {
		reasons[i] = result.reason
		if a.settings.Detailed {
			reasons[i] = map[string]string{"class": result.class, "details": result.details, "reason": result.reason}
		}
	}
	answer["reasons"] = reasons
	if a.settings.Detailed {
		answer["now"] = now()
		answer["platform"] = platform()
		answer["go_version"] = runtime.Version()
		answer["goroutines"] = runtime.NumGoroutine()
	}
	body, err := json.MarshalIndent(answer, "", "    ")
	if err != nil {
		return []byte("{}") // strings and numbers always encode
	}
	return body
}

func now() string      { return time.Now().UTC().Format("2006-01-02 15:04:05.000000") }
func platform() string { return runtime.GOOS + "-" + runtime.GOARCH }

func (a *healthApp) html(results []health) []byte {
	var out strings.Builder
	out.WriteString("<HTML>\n<HEAD><TITLE>Healthcheck Status</TITLE></HEAD>\n<BODY>\n")
	headings := []string{"Reason"}
	if a.settings.Detailed {
		headings = []string{"Kind", "Reason", "Details"}
		fmt.Fprintf(&out, "<H1>Server status</H1>\n<B>Current time:</B><PRE>%s</PRE>\n<B>Go version:</B><PRE>%s</PRE>\n"+
			"<B>Platform:</B><PRE>%s</PRE>\n<HR></HR>\n", now(), runtime.Version(), platform())
	}
	fmt.Fprintf(&out, "<H2>Result of %d checks:</H2>\n<TABLE bgcolor=\"#ffffff\" border=\"1\">\n<TBODY>\n<TR>\n", len(results))
	for _, heading := range headings {
		out.WriteString("<TH>\n" + heading + "\n</TH>\n")
	}
	out.WriteString("</TR>\n")
	for _, result := range results {
		cells := []string{result.reason}
		if a.settings.Detailed {
			cells = []string{result.class, result.reason, result.details}
		}
		out.WriteString("<TR>\n")
		for _, cell := range cells {
			out.WriteString("    <TD>" + html.EscapeString(cell) + "</TD>\n")
		}
		out.WriteString("</TR>\n")
	}
	out.WriteString("</TBODY>\n</TABLE>\n<HR></HR>\n</BODY>\n</HTML>")
	return []byte(out.String())
}
