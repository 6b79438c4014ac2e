package telemetry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/clinker/clinker/internal/fault"
)

// Metrics are the program's instruments, in a registry of their own. A nil *Metrics counts nothing, so that parts can be
// used without any. It is safe for concurrent use. No label ever has a value that a user makes up.
type Metrics struct {
	registry *prometheus.Registry
	http     *prometheus.HistogramVec
	rpc      *prometheus.HistogramVec
	flow     *prometheus.HistogramVec
	query    *prometheus.HistogramVec
	driver   *prometheus.HistogramVec
	notified *prometheus.CounterVec
}

// NewMetrics makes the instruments, and those of the Go runtime and of the process beside them.
func NewMetrics() *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.http = m.histogram("clinker_http_request_seconds", "Time to answer an API request.",
		requestBuckets(), "method", "route", "status")
	m.rpc = m.histogram("clinker_rpc_seconds", "Time from sending a message to its answer, or to handing over a cast.",
		requestBuckets(), "topic", "method", "outcome")
	m.flow = m.histogram("clinker_flow_seconds", "Time of one run of a flow.",
		longBuckets(), "flow", "outcome")
	m.query = m.histogram("clinker_store_query_seconds", "Time of a store operation, its transaction included.",
		requestBuckets(), "operation", "outcome")
	m.driver = m.histogram("clinker_driver_call_seconds", "Time of one verb of a volume driver.",
		longBuckets(), "backend", "verb", "outcome")
	m.notified = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "clinker_notifications_total",
		Help: "Notifications by what became of them: sent by a driver, failed in one, or dropped because too many waited."}, []string{"outcome"})
	m.registry.MustRegister(m.notified)
	return m
}

// requestBuckets are bounds in seconds for what a client waits for.
func requestBuckets() []float64 {
	return []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60}
}

// longBuckets are bounds in seconds for what may copy data.
func longBuckets() []float64 {
	return []float64{.001, .01, .05, .1, .5, 1, 5, 10, 30, 60, 300, 1800, 7200}
}

func (m *Metrics) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(h)
	return h
}

// Handler answers with all metrics in the text format of Prometheus; it belongs on the admin port.
func (m *Metrics) Handler() http.Handler {
	if m == nil {
		return http.NotFoundHandler()
	}
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// HTTPRequest counts an answered request. route is the pattern that matched ("/v3/{project_id}/volumes/{id}"), never the
// path itself; empty means that none did.
func (m *Metrics) HTTPRequest(method, route string, status int, took time.Duration) {
	if m == nil {
		return
	}
	if route == "" {
		route = "none"
	}
	m.http.WithLabelValues(knownMethod(method), route, strconv.Itoa(status)).Observe(took.Seconds())
}

// knownMethod keeps made-up methods from becoming labels.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// RPC counts a call, a cast or a notification; topic is the service's ("cinder-volume"), without hosts.
func (m *Metrics) RPC(topic, method string, took time.Duration, err error) {
	if m != nil {
		m.rpc.WithLabelValues(topic, method, outcome(err)).Observe(took.Seconds())
	}
}

// Flow counts one run of a flow.
func (m *Metrics) Flow(name string, took time.Duration, err error) {
	if m != nil {
		m.flow.WithLabelValues(name, outcome(err)).Observe(took.Seconds())
	}
}

// StoreQuery counts a store operation, by the contract's name for it ("VolumeCreate").
func (m *Metrics) StoreQuery(operation string, took time.Duration, err error) {
	if m != nil {
		m.query.WithLabelValues(operation, outcome(err)).Observe(took.Seconds())
	}
}

// DriverCall counts a driver's verb ("CreateVolume"); backend is the name of the back end's section.
func (m *Metrics) DriverCall(backend, verb string, took time.Duration, err error) {
	if m != nil {
		m.driver.WithLabelValues(backend, verb, outcome(err)).Observe(took.Seconds())
	}
}

// Notification counts a notification by what became of it.
func (m *Metrics) Notification(outcome string) {
	if m != nil {
		m.notified.WithLabelValues(outcome).Inc()
	}
}

// Gauge adds a metric whose value is asked for at each scrape; read must be quick and safe for concurrent use. The name
// must be new; using one twice panics, as it does at every start.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	if m != nil {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
	}
}

// outcome is "ok" or the kind of the fault.
func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	return fault.KindOf(err).String()
}
