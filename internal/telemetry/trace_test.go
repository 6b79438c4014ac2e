package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/fault"
)

func step(ctx context.Context, name string, fail error, inner ...func(context.Context)) (err error) {
	ctx, end := Span(ctx, name, slog.String("backend", "lvm"), slog.String("password", "hush"), slog.Int("size", 1))
	defer end(&err)
	for _, f := range inner {
		f(ctx)
	}
	return fail
}

func TestRecorderDrawsTheTree(t *testing.T) {
	recorder, tracer := NewRecorder()
	ctx := WithTracer(t.Context(), tracer)
	var headers map[string]string
	failure := step(ctx, "api", errors.New("password=hush"), func(ctx context.Context) {
		_ = step(ctx, "app", nil, func(ctx context.Context) { headers = TraceHeaders(ctx) })
		_ = step(ctx, "store", nil)
	})
	if failure == nil {
		t.Fatal("the error was swallowed")
	}
	// The other side of a message.
	_ = step(ContinueTrace(WithTracer(t.Context(), tracer), headers), "manager", nil)
	_, _ = Span(ctx, "never ended")
	want := `api ! password=***
  app
    manager
  store
never ended (open)
`
	if diff := cmp.Diff(want, recorder.Tree()); diff != "" {
		t.Error(diff)
	}
	if got := recorder.Tree("backend", "password", "size"); !strings.Contains(got, "  app backend=lvm password=*** size=1\n") {
		t.Errorf("with attributes:\n%s", got)
	}
	recorder.Reset()
	if got := recorder.Tree(); got != "" {
		t.Errorf("after Reset:\n%s", got)
	}
}

func TestTraceCrossesContexts(t *testing.T) {
	recorder, tracer := NewRecorder()
	_ = step(WithTracer(t.Context(), tracer), "cast", nil, func(ctx context.Context) {
		_ = step(TraceOf(ctx).Continue(t.Context()), "handler", nil)
	})
	if diff := cmp.Diff("cast\n  handler\n", recorder.Tree()); diff != "" {
		t.Error(diff)
	}
	if ctx := t.Context(); TraceOf(ctx).Continue(ctx) != ctx {
		t.Error("a trace was continued where there is none")
	}
}

func TestTracingIsCheapWhenOff(t *testing.T) {
	ctx := t.Context()
	allocations := testing.AllocsPerRun(100, func() {
		ctx, end := Span(ctx, "x")
		var err error
		end(&err)
		_ = ctx
	})
	if allocations > 1 {
		t.Errorf("a span allocates %v times when tracing is off", allocations)
	}
	if h := TraceHeaders(ctx); h != nil {
		t.Errorf("headers without a trace: %v", h)
	}
	if ContinueTrace(ctx, map[string]string{"traceparent": "x"}) != ctx {
		t.Error("a trace was continued without a tracer")
	}
}

func TestMetrics(t *testing.T) {
	m := NewMetrics()
	m.HTTPRequest("GET", "/v3/{project_id}/volumes", 200, 3*time.Millisecond)
	m.HTTPRequest("BREW", "", 404, time.Millisecond)
	m.RPC("cinder-volume", "create_volume", time.Second, nil)
	m.Flow("volume_create", time.Second, fault.New(fault.NotFound, "", "gone"))
	m.StoreQuery("VolumeGet", time.Millisecond, errors.New("broken"))
	m.DriverCall("lvm", "CreateVolume", time.Second, nil)
	m.Notification("dropped")
	m.Gauge("clinker_volumes", "Volumes.", func() float64 { return 7 })

	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	for _, line := range []string{
		`clinker_http_request_seconds_count{method="GET",route="/v3/{project_id}/volumes",status="200"} 1`,
		`clinker_http_request_seconds_count{method="other",route="none",status="404"} 1`,
		`clinker_rpc_seconds_count{method="create_volume",outcome="ok",topic="cinder-volume"} 1`,
		`clinker_flow_seconds_count{flow="volume_create",outcome="not found"} 1`,
		`clinker_store_query_seconds_count{operation="VolumeGet",outcome="internal"} 1`,
		`clinker_driver_call_seconds_count{backend="lvm",outcome="ok",verb="CreateVolume"} 1`,
		`clinker_volumes 7`,
		`go_goroutines`,
	} {
		if !strings.Contains(answer.Body.String(), "\n"+line) {
			t.Errorf("missing: %s", line)
		}
	}
}

func TestNoMetrics(t *testing.T) {
	var m *Metrics
	m.HTTPRequest("GET", "", 200, 0)
	m.RPC("", "", 0, nil)
	m.Flow("", 0, nil)
	m.StoreQuery("", 0, nil)
	m.DriverCall("", "", 0, nil)
	m.Notification("")
	m.Gauge("", "", nil)
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	if answer.Code != 404 {
		t.Errorf("status %d, want 404", answer.Code)
	}
}
