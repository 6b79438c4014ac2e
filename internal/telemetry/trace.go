package telemetry

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Tracer makes spans. It travels in the context (WithTracer), so that nothing is global and tests can run side by side.
type Tracer struct {
	tracer trace.Tracer
}

func newTracer(p sdktrace.SpanProcessor) *Tracer {
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(p), sdktrace.WithSampler(sdktrace.AlwaysSample()))
	return &Tracer{provider.Tracer("github.com/clinker/clinker")}
}

type tracerKey struct{}

// WithTracer returns a context in which Span makes spans; a nil tracer turns them off.
func WithTracer(ctx context.Context, t *Tracer) context.Context {
	return context.WithValue(ctx, tracerKey{}, t)
}

func tracerOf(ctx context.Context) *Tracer {
	t, _ := ctx.Value(tracerKey{}).(*Tracer)
	return t
}

// Span begins a span under the one ctx carries. The caller ends it once, with the address of its named error or nil:
//
//	ctx, end := telemetry.Span(ctx, "driver.CreateVolume", slog.String("backend", name))
//	defer end(&err)
//
// The name is a constant of the code; what varies goes into attributes, never a secret. Without a tracer in ctx it costs
// a look into the context.
func Span(ctx context.Context, name string, attrs ...slog.Attr) (context.Context, func(*error)) {
	t := tracerOf(ctx)
	if t == nil {
		return ctx, noEnd
	}
	ctx, span := t.tracer.Start(ctx, name)
	for _, a := range attrs {
		span.SetAttributes(traceAttribute(a))
	}
	return ctx, func(err *error) {
		if err != nil && *err != nil {
			span.SetStatus(codes.Error, MaskSecrets((*err).Error()))
		}
		span.End()
	}
}

func noEnd(*error) {}

func traceAttribute(a slog.Attr) attribute.KeyValue {
	switch v := a.Value.Resolve(); {
	case isSecretName(a.Key):
		return attribute.String(a.Key, Masked)
	case v.Kind() == slog.KindInt64:
		return attribute.Int64(a.Key, v.Int64())
	case v.Kind() == slog.KindBool:
		return attribute.Bool(a.Key, v.Bool())
	case v.Kind() == slog.KindFloat64:
		return attribute.Float64(a.Key, v.Float64())
	default:
		return attribute.String(a.Key, MaskSecrets(v.String()))
	}
}

// TraceHeaders is the span of ctx in the form that crosses processes, W3C's traceparent; nil when there is none. Messages
// and HTTP requests carry it, and ContinueTrace takes it up on the other side.
func TraceHeaders(ctx context.Context) map[string]string {
	if tracerOf(ctx) == nil {
		return nil
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	if len(carrier) == 0 {
		return nil
	}
	return carrier
}

// ContinueTrace returns a context whose spans belong under the span that TraceHeaders described. Headers that make no
// sense are ignored, and so are all of them when ctx has no tracer.
func ContinueTrace(ctx context.Context, headers map[string]string) context.Context {
	if tracerOf(ctx) == nil || len(headers) == 0 {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier(headers))
}

// Trace is a place in a trace: what crosses from one context to another inside the process, where TraceHeaders crosses
// processes. The zero Trace is none.
type Trace struct {
	tracer *Tracer
	span   trace.SpanContext
}

// TraceOf is the place of ctx in its trace.
func TraceOf(ctx context.Context) Trace {
	return Trace{tracerOf(ctx), trace.SpanContextFromContext(ctx)}
}

// Headers is the place in the form that crosses processes, W3C's traceparent; nil if it is none. Other than TraceHeaders it
// needs no tracer: what came in with a message goes on with the next.
func (t Trace) Headers() map[string]string {
	if !t.span.IsValid() {
		return nil
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpanContext(context.Background(), t.span), carrier)
	return carrier
}

// TraceOfHeaders is the place that Headers described; none if they make no sense.
func TraceOfHeaders(headers map[string]string) Trace {
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier(headers))
	return Trace{span: trace.SpanContextFromContext(ctx)}
}

// Continue returns a context whose spans belong under t. It is ctx itself if t is none.
func (t Trace) Continue(ctx context.Context) context.Context {
	if t.tracer != nil {
		ctx = WithTracer(ctx, t.tracer)
	}
	if t.span.IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, t.span)
	}
	return ctx
}
