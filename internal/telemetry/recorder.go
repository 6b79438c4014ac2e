package telemetry

import (
	"context"
	"slices"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Recorder keeps the spans of its Tracer, for tests that assert which road a request took. It keeps everything, so it is
// not for production. It is safe for concurrent use.
type Recorder struct {
	mutex sync.Mutex
	spans []recordedSpan // in the order they began
}

type recordedSpan struct {
	id, parent trace.SpanID
	name       string
	attrs      map[string]string
	failure    string
	ended      bool
}

// NewRecorder makes a recorder and the tracer that fills it.
func NewRecorder() (*Recorder, *Tracer) {
	r := &Recorder{}
	return r, newTracer((*recorderProcessor)(r))
}

// Reset forgets all spans. Spans that are still open are not recorded when they end.
func (r *Recorder) Reset() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.spans = nil
}

// Tree is the spans as text: one line each, children indented by two spaces under their parent, siblings in the order they
// began. The attributes named in show follow a span's name as key=value; a span that failed ends with "! <error>", one
// that has not ended with "(open)". A span whose parent is not among the recorded ones stands at the left.
func (r *Recorder) Tree(show ...string) string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	known := map[trace.SpanID]bool{}
	children := map[trace.SpanID][]recordedSpan{}
	for _, s := range r.spans {
		known[s.id] = true
	}
	for _, s := range r.spans {
		parent := s.parent
		if !known[parent] {
			parent = trace.SpanID{}
		}
		children[parent] = append(children[parent], s)
	}
	var b strings.Builder
	var write func(of trace.SpanID, depth int)
	write = func(of trace.SpanID, depth int) {
		for _, s := range children[of] {
			b.WriteString(strings.Repeat("  ", depth) + s.line(show) + "\n")
			write(s.id, depth+1)
		}
	}
	write(trace.SpanID{}, 0)
	return b.String()
}

func (s recordedSpan) line(show []string) string {
	text := s.name
	for _, key := range show {
		if value, ok := s.attrs[key]; ok {
			text += " " + key + "=" + value
		}
	}
	switch {
	case !s.ended:
		text += " (open)"
	case s.failure != "":
		text += " ! " + s.failure
	}
	return text
}

// recorderProcessor is the recorder as OpenTelemetry calls it, kept out of Recorder's exported methods.
type recorderProcessor Recorder

// OnStart notes a span's place in the order.
func (p *recorderProcessor) OnStart(_ context.Context, s sdktrace.ReadWriteSpan) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.spans = append(p.spans, recordedSpan{
		id: s.SpanContext().SpanID(), parent: s.Parent().SpanID(), name: s.Name(),
	})
}

// OnEnd notes what became of it.
func (p *recorderProcessor) OnEnd(s sdktrace.ReadOnlySpan) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	i := slices.IndexFunc(p.spans, func(r recordedSpan) bool { return r.id == s.SpanContext().SpanID() })
	if i < 0 {
		return
	}
	p.spans[i].ended = true
	p.spans[i].attrs = map[string]string{}
	for _, a := range s.Attributes() {
		p.spans[i].attrs[string(a.Key)] = a.Value.String()
	}
	if s.Status().Code == codes.Error {
		p.spans[i].failure = s.Status().Description
	}
}

// Shutdown has nothing to flush.
func (p *recorderProcessor) Shutdown(context.Context) error { return nil }

// ForceFlush has nothing to flush.
func (p *recorderProcessor) ForceFlush(context.Context) error { return nil }
