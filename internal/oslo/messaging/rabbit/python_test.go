package rabbit

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/oslo/messaging/messagingtest"
	"github.com/clinker/clinker/internal/oslo/messaging/rabbit/wire"
	"github.com/clinker/clinker/internal/reqctx"
)

// python is testdata/talk.py at work.
type python struct {
	t     *testing.T
	in    io.Writer
	lines chan map[string]any
}

// startPython starts it in the lab, if CLINKER_LAB_RUN names the lab's script, as "make test-lab" has it.
func startPython(t *testing.T, url string) *python {
	t.Helper()
	run := os.Getenv("CLINKER_LAB_RUN")
	if run == "" {
		t.Skip("make test-lab runs it, or CLINKER_LAB_RUN=/path/to/test/lab/lab")
	}
	script, err := os.ReadFile("testdata/talk.py")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(run, "run", "python3", "-W", "ignore", "-c", string(script), url)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &python{t: t, in: in, lines: make(chan map[string]any, 100)}
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			var line map[string]any
			if json.Unmarshal(s.Bytes(), &line) == nil {
				p.lines <- line
			}
		}
	}()
	t.Cleanup(func() {
		in.Close()
		late := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("python: %v", err)
		}
	})
	return p
}

func (p *python) next() map[string]any {
	p.t.Helper()
	select {
	case line := <-p.lines:
		return line
	case <-time.After(60 * time.Second):
		p.t.Fatal("python says nothing")
		return nil
	}
}

// until reads lines up to one with this key and gives them by their names.
func (p *python) until(key string) map[string]map[string]any {
	p.t.Helper()
	found := map[string]map[string]any{}
	for {
		line := p.next()
		if line == nil {
			p.t.Fatal("python has ended")
		}
		if name, ok := line["name"].(string); ok {
			found[name] = line
		}
		if _, ok := line[key]; ok {
			return found
		}
	}
}

func (p *python) goOn() {
	if _, err := io.WriteString(p.in, "on\n"); err != nil {
		p.t.Fatal(err)
	}
}

// cinder is Cinder's exceptions, as far as these tests go.
var cinder = wire.Exceptions{Module: "cinder.exception", Kinds: map[string]fault.Kind{"VolumeIsBusy": fault.Busy},
	Classes: map[fault.Kind]string{fault.Internal: "CinderException", fault.Invalid: "Invalid"}}

// TestPython has a real oslo.messaging serve and call: both ways, to any server, to one, to all, and with exceptions.
func TestPython(t *testing.T) {
	o := options(t)
	o.Exchange, o.Exceptions = "openstack", cinder
	p := startPython(t, need(t).URL(""))
	tr := open(t, o)
	notes := make(chan messagingtest.Echo, 10)
	var asked reqctx.Request
	do := func(f func(ctx context.Context, e *messagingtest.Echo) (any, error)) messaging.Method {
		return messaging.Replying(f)
	}
	_, err := tr.Serve(t.Context(), messaging.Server{Topic: "go", Server: "gopher", Version: "3.5", Methods: map[string]messaging.Method{
		"echo": do(func(ctx context.Context, e *messagingtest.Echo) (any, error) {
			asked = reqctx.From(ctx)
			return map[string]any{"text": e.Text + "!", "number": e.N + 1}, nil
		}),
		"fail": do(func(_ context.Context, e *messagingtest.Echo) (any, error) {
			if e.N == 404 {
				return nil, fault.New(fault.NotFound, "VolumeNotFound", "Volume 7 could not be found.")
			}
			return nil, fault.New(fault.Invalid, "", "That is not right.")
		}),
		"slow": do(func(_ context.Context, e *messagingtest.Echo) (any, error) {
			time.Sleep(time.Duration(e.N) * time.Second)
			return "slow but sure", nil
		}),
		"note": do(func(_ context.Context, e *messagingtest.Echo) (any, error) { notes <- *e; return nil, nil }),
	}})
	if err != nil {
		t.Fatal(err)
	}
	p.until("ready")
	callsPython(t, tr, p)
	p.goOn()
	said := p.until("done")
	for name, want := range map[string]map[string]any{
		"any":            {"result": map[string]any{"text": "hello!", "number": 2.0}},
		"direct":         {"result": map[string]any{"text": "you!", "number": 3.0}},
		"not found":      {"exception": "VolumeNotFound_Remote", "remote": nil, "message": "Volume 7 could not be found.", "code": 404.0, "cinder": true},
		"nameless":       {"exception": "Invalid_Remote", "remote": nil, "message": "That is not right.", "code": 400.0, "cinder": true},
		"no such method": {"exception": "RemoteError", "remote": "NoSuchMethod", "code": nil, "cinder": false},
		"too new":        {"exception": "RemoteError", "remote": "UnsupportedVersion", "code": nil, "cinder": false},
		"nobody":         {"exception": "MessagingTimeout", "remote": nil, "code": nil, "cinder": false},
		"monitored":      {"result": "slow but sure"},
	} {
		got := said[name]
		delete(got, "name")
		if _, ok := want["message"]; !ok {
			delete(got, "message")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for range 2 {
		if n := <-notes; n.Text != "a cast" && n.Text != "a fanout" {
			t.Errorf("noted %+v", n)
		}
	}
	if asked.UserID != "u" || asked.ProjectID != "p" || asked.AuthToken != "a-token" || asked.RequestID != "req-python" || asked.IsAdmin {
		t.Errorf("python asked as %+v", asked)
	}
	p.goOn()
}

// callsPython is our side as the client.
func callsPython(t *testing.T, tr *Transport, p *python) {
	t.Helper()
	ctx := reqctx.With(t.Context(), reqctx.Request{RequestID: "req-go", UserID: "gopher", Roles: []string{"member"}, IsAdmin: true, AuthToken: "secret",
		ServiceCatalog: `[{"type":"image","name":"glance","endpoints":[]}]`})
	type args struct {
		Text   string `json:"text"`
		Number int    `json:"number"`
	}
	for _, to := range []messaging.Target{{Topic: "py", Version: "3.0"}, {Topic: "py", Server: "snake", Version: "3.5"}} {
		var got map[string]any
		began := time.Now()
		if err := tr.Call(ctx, to, messaging.Message{Method: "echo", Args: &args{"hello", 1}}, &got); err != nil {
			t.Fatal(err)
		}
		t.Logf("python answers in %v", time.Since(began))
		want := map[string]any{"text": "hello!", "number": 2.0, "user": "gopher", "request": "req-go", "token": "secret", "roles": []any{"member", "admin"}, "admin": true,
			"catalog": []any{map[string]any{"type": "image", "name": "glance", "endpoints": []any{}}}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", to, diff)
		}
	}
	for _, tt := range []struct {
		method, version string
		args            any
		kind            fault.Kind
		name, text      string
	}{
		{"fail", "3.0", &struct {
			V string `json:"volume"`
		}{"7"}, fault.NotFound, "VolumeNotFound", "Volume 7 could not be found."},
		{"busy", "3.0", &struct{}{}, fault.Busy, "VolumeIsBusy", "deleting volume v that has snapshot"},
		{"strange", "3.0", &struct{}{}, fault.Internal, "KeyError", "'strange'"},
		{"nothing", "3.0", &struct{}{}, fault.NotImplemented, messaging.NameNoSuchMethod, "RPC method nothing"},
		{"echo", "3.6", &args{}, fault.NotImplemented, messaging.NameUnsupportedVersion, "3.6"},
	} {
		err := tr.Call(ctx, messaging.Target{Topic: "py", Version: tt.version}, messaging.Message{Method: tt.method, Args: tt.args}, nil)
		f, ok := fault.Of(err)
		if !ok || f.Kind != tt.kind || f.Name != tt.name || !strings.Contains(strings.ToLower(f.Text), strings.ToLower(tt.text)) {
			t.Errorf("%s: got %v of kind %v named %q", tt.method, err, fault.KindOf(err), fault.NameOf(err))
		}
	}
	for _, to := range []messaging.Target{{Topic: "py", Version: "3.0"}, {Topic: "py", Fanout: true, Version: "3.0"}} {
		if err := tr.Cast(ctx, to, messaging.Message{Method: "note", Args: &args{Text: to.String()}}); err != nil {
			t.Fatal(err)
		}
		if line := p.next(); line["noted"] != to.String() {
			t.Errorf("python noted %v, want %q", line, to.String())
		}
	}
}
