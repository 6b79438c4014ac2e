package compat

import (
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/block/api"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/driver"
	fakedriver "github.com/clinker/clinker/internal/block/driver/fake"
	"github.com/clinker/clinker/internal/keymanager/barbican"
	"github.com/clinker/clinker/internal/oslo/middleware"
	"github.com/clinker/clinker/internal/oslo/paste"
	"github.com/clinker/clinker/internal/oslo/wsgi"
	"github.com/clinker/clinker/internal/reqctx"
	"github.com/clinker/clinker/test/compat/tour"
)

const recordings = "testdata/recordings"

// ours makes a Block Storage of ours inside the process, behind the pipeline of the embedded api-paste.ini, in which the
// token says which persona asks.
func ours(t *testing.T) *Cloud {
	t.Helper()
	keys, err := barbican.New(barbican.Options{}) // as in the Cinder that was recorded, which had no other and whose catalog has none
	if err != nil {
		t.Fatal(err)
	}
	cloud := apitest.New(t, nil, func(o *apitest.Options) {
		o.Keys = keys
		o.Unattachable = true // as in the Cinder that was recorded, whose driver has no bytes
		o.API.ProjectIDRegex, o.API.MaxLimit, o.API.MaxBodyBytes = `[0-9a-f\-]+`, 1000, 114688
		o.Driver = func(d *fakedriver.Driver) driver.Driver { return recordedDriver{d} }
	})
	c := &Cloud{Host: "node", Backend: apitest.Backend, ServiceToken: "cinder", HTTP: http.DefaultClient, Identities: map[tour.Persona]Identity{}}
	for i, p := range tour.Personas() {
		project := i
		if p == tour.Reader {
			project = slices.Index(tour.Personas(), tour.Member)
		}
		c.Identities[p] = Identity{Token: string(p), UserID: fmt.Sprintf("a%031d", i), ProjectID: fmt.Sprintf("b%031d", project)}
	}
	server := httptest.NewServer(pipeline(t, cloud, c.Identities))
	t.Cleanup(server.Close)
	c.Root, c.HTTP = server.URL, server.Client()
	return c
}

func pipeline(t *testing.T, cloud *apitest.Cloud, identities map[tour.Persona]Identity) http.Handler {
	t.Helper()
	ini, err := os.ReadFile("../../cmd/clinker/embedded/api-paste.ini")
	if err != nil {
		t.Fatal(err)
	}
	app := func(h http.Handler) paste.AppFactory {
		return func(map[string]string) (http.Handler, error) { return h, nil }
	}
	filters := middleware.Filters{Settings: middleware.Settings{MaxRequestBodyBytes: 114688}}
	personas := func(map[string]string) (middleware.Filter, error) { return authenticate(identities), nil }
	r := paste.Registry{
		Filters: map[string]paste.FilterFactory{},
		Apps: map[string]paste.AppFactory{"cinder.api.v3.router:APIRouter.factory": app(cloud.API),
			"cinder.api.versions:Versions.factory": app(api.Versions("")), "oslo_middleware:Healthcheck.app_factory": filters.Healthcheck},
		Composites: map[string]paste.CompositeFactory{"egg:Paste#urlmap": paste.URLMap, "cinder.api:root_app_factory": paste.URLMap,
			"cinder.api.middleware.auth:pipeline_factory": paste.Choose("noauth")},
	}
	all := filters.Factories()
	maps.Copy(all, map[string]middleware.Factory{
		"cinder.api.middleware.request_id:RequestId.factory":                  filters.RequestID,
		"cinder.api.middleware.fault:FaultWrapper.factory":                    filters.FaultWrap,
		"cinder.api.middleware.sizelimit:RequestBodySizeLimiter.factory":      filters.SizeLimit,
		"cinder.api.middleware.auth:NoAuthMiddleware.factory":                 personas,
		"cinder.api.middleware.auth:NoAuthMiddlewareIncludeProjectID.factory": personas,
		"cinder.api.middleware.auth:CinderKeystoneContext.factory":            personas,
		"keystonemiddleware.auth_token:filter_factory":                        personas,
	})
	for name, factory := range all {
		r.Filters[name] = factory
	}
	handler, err := paste.LoadText("api-paste.ini", ini, "osapi_volume", r)
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// authenticate takes the token for the persona's name.
func authenticate(identities map[tour.Persona]Identity) middleware.Filter {
	roles := map[tour.Persona][]string{tour.Admin: {"admin", "manager", "member", "reader"}, tour.Member: {"member", "reader"},
		tour.Other: {"member", "reader"}, tour.Reader: {"reader"}}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			persona := tour.Persona(r.Header.Get("X-Auth-Token"))
			caller := reqctx.From(r.Context())
			caller.UserID, caller.ProjectID = identities[persona].UserID, identities[persona].ProjectID
			caller.Roles, caller.IsAdmin = roles[persona], persona == tour.Admin
			if r.Header.Get("X-Service-Token") != "" {
				caller.ServiceRoles = []string{"service"}
			}
			next.ServeHTTP(w, r.WithContext(reqctx.With(r.Context(), caller)))
		})
	}
}

var writeOpen = flag.Bool("open", false, "write testdata/open.txt anew: the differences nobody has explained or mended yet")

// TestCompat plays the tour to our API and compares every answer with what the real Cinder said. A step that our API
// answers with 501 is pending; so are those that need what such a step would have brought.
func TestCompat(t *testing.T) {
	v := newVerdicts(t)
	for _, g := range tour.All() {
		t.Run(g.Name, func(t *testing.T) {
			theirs, err := Read(File(recordings, g.Name))
			if err != nil {
				t.Fatal(err)
			}
			wrong := map[string][]string{} // versions by what is wrong
			for _, version := range g.Plays() {
				taken, err := ours(t).Play(t.Context(), g, version)
				if err != nil {
					t.Fatal(err)
				}
				for _, one := range taken {
					if complaint := v.judge(g.Name, one, theirs); complaint != "" {
						wrong[complaint] = append(wrong[complaint], one.Version)
					}
				}
			}
			for _, complaint := range slices.Sorted(maps.Keys(wrong)) {
				if !*writeOpen {
					t.Errorf("%s\nat %s", complaint, strings.Join(wrong[complaint], " "))
				}
			}
			v.finish(t, g.Name)
		})
	}
	if *writeOpen {
		v.write(t)
	}
	for _, what := range slices.Sorted(maps.Keys(v.counts)) {
		t.Logf("%5d answers are %s", v.counts[what], what)
	}
}

// judge compares one answer, counts it, and says what is wrong with it, if anything is. Where Cinder's 400 says no more than
// that its code could make nothing of the request, ours may say why.
func (v *verdicts) judge(group string, one Taken, theirs Recording) (complaint string) {
	want, recorded := theirs[one.Step.Name][one.Version]
	got := one.Answer.Text()
	switch {
	case !recorded:
		v.counts["not recorded"]++
		return ""
	case one.Missed != "" || one.Answer.Status == http.StatusNotImplemented && !strings.HasPrefix(want, "501\n"):
		v.counts["pending: ours is not built yet"]++
		return ""
	case comparable(got) == comparable(want) && one.Late == "":
		v.counts["the same"]++
		return ""
	}
	if one.Late == "" && one.Answer.Status == http.StatusBadRequest && strings.HasPrefix(want, "400\n") && strings.Contains(want, wsgi.NotComplied) {
		v.counts["400 as Cinder's, and say why"]++
		return ""
	}
	if why := v.known(group, one); why != "" {
		v.counts[why]++
		return ""
	}
	v.counts["different"]++
	complaint = fmt.Sprintf("%q (%s: %s) (-Cinder +ours)\n", one.Step.Name, persona(one.Step), one.Step.Do)
	if one.Late != "" {
		complaint += one.Late + "\n"
	}
	return complaint + lineDiff(comparable(want), comparable(got))
}

// quoted is a client's own object inside a message, in which Python has the client's order of members and ours is sorted.
var quoted = regexp.MustCompile(`(Value: |\. )\{.*?\}(\.? )`)

// comparable leaves out of an answer's text what is meant to differ everywhere, each with its line in docs/divergences.md:
// X-Compute-Request-ID, which Cinder sends with most answers and ours with all; the Content-Type of nothing; that of
// metadata with an ETag, which is JSON, though Cinder says HTML; the order of members in a message's quotation; and what of a schema's words depends on Python's libraries.
func comparable(text string) string {
	text = strings.Replace(text, "(the usual headers)", strings.Join(usualHeaders(), "\n"), 1)
	text = strings.Replace(text, "X-Compute-Request-ID: "+isThere+"\n", "", 1)
	head, body := text, ""
	if at := strings.Index(text, "\n  "); at >= 0 {
		head, body = text[:at+1], text[at+1:]
	}
	const html = "Content-Type: text/html; charset=UTF-8\n"
	switch {
	case body == "":
		head = contentType.ReplaceAllString(head, "")
	case strings.HasPrefix(body, "  {"):
		head = strings.Replace(head, html, "Content-Type: application/json\n", 1)
	}
	body = tooLittle.ReplaceAllString(quoted.ReplaceAllString(body, "$1{...}$2"), "$1 is too little$2")
	if value := decode([]byte(body)); value != nil {
		body = indent(value) // what fits on a line depends on what has just been replaced
	}
	return head + body
}

// tooLittle is what the versions of python-jsonschema say in different words.
var tooLittle = regexp.MustCompile(`(\}|''|\]) (?:is too short|should be non-empty|does not have enough properties)(")`)

var contentType = regexp.MustCompile(`(?m)^Content-Type: .*\n`)

// lineDiff shows the lines that one text has and the other has not.
func lineDiff(want, got string) string {
	var b strings.Builder
	a, o := strings.Split(want, "\n"), strings.Split(got, "\n")
	for _, l := range a {
		if !slices.Contains(o, l) {
			b.WriteString("- " + l + "\n")
		}
	}
	for _, l := range o {
		if !slices.Contains(a, l) {
			b.WriteString("+ " + l + "\n")
		}
	}
	if b.Len() == 0 && want != got {
		b.WriteString("the same lines in another order:\n" + got)
	}
	return b.String()
}
