// Package compat plays a tour through the whole Block Storage API to a cloud and writes down what it answers, in a form in
// which the answers of two clouds can be compared. Command record writes down the real Cinder's; the test of this package
// compares ours with that.
//
// What must not live here: the tour itself (package tour), and any knowledge of what an answer should be.
package compat

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/clinker/clinker/test/compat/tour"
)

const (
	pollInterval   = 100 * time.Millisecond
	pollPatience   = 15 * time.Second
	maxAnswerBytes = 4 << 20
)

// Identity is a persona in one cloud.
type Identity struct{ Token, ProjectID, UserID string }

// Cloud is where the tour is played.
type Cloud struct {
	Root       string // "http://127.0.0.10:8776"
	Identities map[tour.Persona]Identity
	Host       string // of the node: "lab"
	Backend    string // the back end's address, "lab@fake"; its one pool is called "fake"
	HTTP       *http.Client
	// ServiceToken is the token of an OpenStack service, which clients of the kind of Nova send along.
	ServiceToken string
}

// Taken is one request of a step and what came of it.
type Taken struct {
	Step    tour.Step
	Version string
	Answer  Answer // normalised
	// Missed says why the step was not sent: it needs what an earlier step did not bring. "" when it was sent.
	Missed string
	// Late says what the step waited for in vain; "" when it came to pass.
	Late string
}

// Play plays a group at a microversion. What is wrong with an answer is no error; an error is a cloud that cannot be
// reached or a step that is badly written.
func (c *Cloud) Play(ctx context.Context, g tour.Group, version string) ([]Taken, error) {
	p := &play{cloud: c, vars: c.variables()}
	if err := p.findDefaultType(ctx); err != nil {
		return nil, err
	}
	var all []Taken
	for _, s := range g.Steps {
		for _, v := range s.SentAt(version) {
			t, err := p.take(ctx, s, v)
			if err != nil {
				return nil, fmt.Errorf("%s, step %q at %s: %w", g.Name, s.Name, v, err)
			}
			all = append(all, t)
		}
	}
	return all, nil
}

// variables are those every cloud has.
func (c *Cloud) variables() *variables {
	v := &variables{}
	for _, p := range tour.Personas() {
		v.set(string(p)+"_project", c.Identities[p].ProjectID)
		v.set(string(p)+"_user", c.Identities[p].UserID)
	}
	v.set("service_token", c.ServiceToken)
	v.set("backend", c.Backend)
	v.set("pool", c.Backend+"#fake")
	v.set("host", c.Host)
	return v
}

// play is one group at one microversion on its way.
type play struct {
	cloud *Cloud
	vars  *variables
}

func (p *play) findDefaultType(ctx context.Context) error {
	_, body, err := p.send(ctx, tour.Step{As: tour.Admin, Do: "GET types/default"}, "3.0")
	if err != nil {
		return err
	}
	id, ok := lookUp(decode(body), "volume_type.id").(string)
	if !ok {
		return fmt.Errorf("there is no default volume type: %s", body)
	}
	p.vars.set("default_type", id)
	return nil
}

func (p *play) take(ctx context.Context, s tour.Step, version string) (Taken, error) {
	t := Taken{Step: s, Version: version}
	if missing := p.missing(s); missing != "" {
		t.Missed = "it needs ${" + missing + "}"
		return t, nil
	}
	header, body, err := p.send(ctx, s, version)
	if err != nil {
		return t, err
	}
	for pair := range strings.FieldsSeq(s.Save) {
		name, path, _ := strings.Cut(pair, "=")
		if value, ok := lookUp(decode(body), path).(string); ok {
			p.vars.set(name, value)
		}
	}
	t.Answer = p.normalise(s, version, header, body)
	if s.Wait != "" && t.Answer.Status < http.StatusBadRequest {
		t.Late, err = p.wait(ctx, s.Wait)
	}
	return t, err
}

var placeholder = regexp.MustCompile(`\$\{([a-z0-9_]+)\}`)

// missing is the first variable that the step needs and nobody has set; "project" is always there.
func (p *play) missing(s tour.Step) string {
	texts := []string{s.Do, s.Body}
	for _, v := range s.Headers {
		texts = append(texts, v)
	}
	for _, text := range texts {
		for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
			if _, ok := p.vars.get(m[1]); !ok && m[1] != "project" {
				return m[1]
			}
		}
	}
	return ""
}

func (p *play) expand(text string, as Identity) string {
	return placeholder.ReplaceAllStringFunc(text, func(m string) string {
		name := strings.Trim(m, "${}")
		if name == "project" {
			return as.ProjectID
		}
		value, _ := p.vars.get(name)
		return value
	})
}

// answer is what came over the wire.
type answer struct {
	status int
	header http.Header
}

// send sends a step's request. A server that refuses a large body may hang up before it has been sent; then the client
// may or may not see the answer, so that is tried again.
func (p *play) send(ctx context.Context, s tour.Step, version string) (a answer, body []byte, err error) {
	attempts := 1
	if len(s.Body) > 64<<10 {
		attempts = 20
	}
	for range attempts {
		if a, body, err = p.sendOnce(ctx, s, version); err == nil {
			break
		}
	}
	return a, body, err
}

func (p *play) sendOnce(ctx context.Context, s tour.Step, version string) (answer, []byte, error) {
	r, err := p.request(ctx, s, version)
	if err != nil {
		return answer{}, nil, err
	}
	response, err := p.cloud.HTTP.Do(r)
	if err != nil {
		return answer{}, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	return answer{response.StatusCode, response.Header}, text, err
}

func (p *play) request(ctx context.Context, s tour.Step, version string) (*http.Request, error) {
	as := p.cloud.Identities[persona(s)]
	method, path, ok := strings.Cut(s.Do, " ")
	if !ok {
		return nil, fmt.Errorf("%q is not a method and a path", s.Do)
	}
	if !strings.HasPrefix(path, "/") {
		path = "/v3/${project}/" + path
	}
	var body io.Reader
	if s.Body != "" {
		body = strings.NewReader(p.expand(s.Body, as))
	}
	r, err := http.NewRequestWithContext(ctx, method, p.cloud.Root+p.expand(path, as), body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("X-Auth-Token", as.Token)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("OpenStack-API-Version", "volume "+version)
	if s.Body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range s.Headers {
		if value == "" {
			r.Header.Del(name)
			continue
		}
		r.Header.Set(name, p.expand(value, as))
	}
	return r, nil
}

func persona(s tour.Step) tour.Persona {
	if s.As == "" {
		return tour.Member
	}
	return s.As
}

// wait polls until what a step set off is done. If that takes too long it says so.
func (p *play) wait(ctx context.Context, what string) (late string, err error) {
	f := strings.Fields(what)
	if len(f) < 2 || p.missing(tour.Step{Do: f[0]}) != "" {
		return "", nil // nothing was made that could be waited for
	}
	last := ""
	for end := time.Now().Add(pollPatience); time.Now().Before(end); {
		a, body, err := p.send(ctx, tour.Step{As: tour.Admin, Do: "GET " + f[0]}, "3.71")
		if err != nil {
			return "", err
		}
		if a.status == http.StatusNotImplemented || f[1] == "gone" && a.status == http.StatusNotFound {
			return "", nil
		}
		last = fmt.Sprint(lookUp(decode(body), f[1]))
		if len(f) == 3 && slices.Contains(strings.Split(f[2], "|"), last) {
			return "", nil
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(pollInterval):
		}
	}
	return "waited in vain for: " + what + "; it is " + last, nil
}

// decode gives the JSON in body, or nil.
func decode(body []byte) any {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var value any
	if d.Decode(&value) != nil {
		return nil
	}
	return value
}
