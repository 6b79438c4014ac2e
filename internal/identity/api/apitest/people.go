package apitest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// The personas.
const (
	Admin         = "admin"          // has the role admin, in a project of the default domain
	SystemReader  = "system_reader"  // has the role reader on the system
	DomainManager = "domain_manager" // has the role manager in the domain that things are in
	DomainReader  = "domain_reader"  // has the role reader there
	Manager       = "manager"        // has the role manager in a project of that domain
	Member        = "member"         // has the role member in it, and owns what belongs to a user
	Reader        = "reader"         // has the role reader in it
	Service       = "service"        // has the role service in it
	Nobody        = "nobody"         // belongs to the domain and has no role anywhere
	Stranger      = "stranger"       // has the role manager in another domain
	Anonymous     = "anonymous"      // shows no token
)

// Personas lists them.
func Personas() []string {
	return []string{Admin, SystemReader, DomainManager, DomainReader, Manager, Member, Reader, Service, Nobody, Stranger, Anonymous}
}

// People are the personas of a server, and what they have.
type People struct {
	Server
	// IDs are those of what there is, by name: "domain", "project" and "other_domain", "admin_role" and its like for the
	// roles, and the personas for the users.
	IDs map[string]string
	// Tokens are the personas'.
	Tokens map[string]string
}

// prefix begins the names of what people are made of, so that it can be found and removed.
const prefix = "t-"

// NewPeople makes them, after removing those of an earlier run.
func NewPeople(t testing.TB, s Server, adminPassword string) *People {
	t.Helper()
	p := &People{Server: s, IDs: map[string]string{}, Tokens: map[string]string{Anonymous: ""}}
	p.login(t, Admin, "default", adminPassword, `{"project": {"name": "admin", "domain": {"id": "default"}}}`)
	p.Clean(t)
	for _, r := range p.list(t, "roles") {
		p.IDs[text(r, "name")+"_role"] = text(r, "id")
	}
	p.IDs["domain"] = p.Make(t, "domains", `{"domain": {"name": "t-domain"}}`)
	p.IDs["other_domain"] = p.Make(t, "domains", `{"domain": {"name": "t-other"}}`)
	p.IDs["project"] = p.Make(t, "projects", `{"project": {"name": "t-project", "domain_id": "$domain"}}`)
	const domain, project, system = `{"domain": {"id": "$domain"}}`, `{"project": {"id": "$project"}}`, `{"system": {"all": true}}`
	for _, who := range []struct{ name, domain, role, place, scope string }{
		{SystemReader, "$domain", "$reader_role", "system", system},
		{DomainManager, "$domain", "$manager_role", "domains/$domain", domain},
		{DomainReader, "$domain", "$reader_role", "domains/$domain", domain},
		{Manager, "$domain", "$manager_role", "projects/$project", project},
		{Member, "$domain", "$member_role", "projects/$project", project},
		{Reader, "$domain", "$reader_role", "projects/$project", project},
		{Service, "$domain", "$service_role", "projects/$project", project},
		{Nobody, "$domain", "", "", ""},
		{Stranger, "$other_domain", "$manager_role", "domains/$other_domain", `{"domain": {"id": "$other_domain"}}`},
	} {
		p.IDs[who.name] = p.Make(t, "users", fmt.Sprintf(`{"user": {"name": "t-%s", "domain_id": "%s", "password": "%s"}}`, who.name, who.domain, Password(who.name)))
		if who.role != "" {
			p.Must(t, "PUT", "/v3/"+who.place+"/users/$"+who.name+"/roles/"+who.role, "")
		}
		p.login(t, who.name, who.domain, Password(who.name), who.scope)
	}
	return p
}

// Password is a persona's.
func Password(persona string) string { return "the-" + persona + "'s" }

// login gets a persona's token.
func (p *People) login(t testing.TB, persona, domain, password, scope string) {
	t.Helper()
	name := prefix + persona
	if persona == Admin {
		name = persona
	}
	body := fmt.Sprintf(`{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "%s", "domain": {"id": "%s"}, "password": "%s"}}}`, name, domain, password)
	if scope != "" {
		body += `, "scope": ` + scope
	}
	answer := p.Send(t, "POST", "/v3/auth/tokens", "", p.Expand(body+"}}"))
	if answer.Status != 201 {
		t.Fatalf("logging in as %s: %d %s", persona, answer.Status, answer.Body)
	}
	p.Tokens[persona] = answer.Header.Get("X-Subject-Token")
	p.IDs[persona] = text(answer.JSON(), "token", "user", "id")
	if persona == Admin {
		p.IDs["admin_project"] = text(answer.JSON(), "token", "project", "id")
	}
}

// Must asks as the administrator and fails the test unless it is done. Path and body may have names of ids in them: $project.
func (p *People) Must(t testing.TB, method, path, body string) Answer {
	t.Helper()
	answer := p.Send(t, method, p.Expand(path), p.Tokens[Admin], p.Expand(body))
	if answer.Status >= 300 {
		t.Fatalf("%s %s %s: %d %s", method, path, body, answer.Status, answer.Body)
	}
	return answer
}

// Make makes a resource as the administrator and gives its id.
func (p *People) Make(t testing.TB, collection, body string) string {
	t.Helper()
	for _, member := range p.Must(t, "POST", "/v3/"+collection, body).JSON() {
		if id := text(member, "id"); id != "" {
			return id
		}
	}
	t.Fatalf("POST /v3/%s %s: the answer has no id", collection, body)
	return ""
}

func (p *People) list(t testing.TB, collection string) (items []map[string]any) {
	t.Helper()
	list, _ := p.Must(t, "GET", "/v3/"+collection, "").JSON()[collection].([]any)
	for _, item := range list {
		if object, ok := item.(map[string]any); ok {
			items = append(items, object)
		}
	}
	return items
}

// Clean removes what people are made of, and what else has such a name.
func (p *People) Clean(t testing.TB) {
	for _, collection := range []string{"domains", "roles", "services", "regions"} {
		for _, item := range p.list(t, collection) {
			id := text(item, "id")
			if !strings.HasPrefix(text(item, "name"), prefix) && !strings.HasPrefix(id, prefix) {
				continue
			}
			if collection == "domains" {
				p.Must(t, "PATCH", "/v3/domains/"+id, `{"domain": {"enabled": false}}`)
			}
			p.Must(t, "DELETE", "/v3/"+collection+"/"+id, "")
		}
	}
}

// Expand puts ids in the place of their names, such as $project.
func (p *People) Expand(s string) string { return expand(s, p.IDs) }

// text is a text within decoded JSON, "" if there is none.
func text(value any, path ...string) string {
	for _, name := range path {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	s, _ := value.(string)
	return s
}

// encode is JSON on one line, with members in order and without escapes that nobody needs.
func encode(value any) string {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		panic(err) // what was decoded can be encoded
	}
	return strings.TrimSpace(out.String())
}
