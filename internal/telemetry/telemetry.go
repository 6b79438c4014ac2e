// Package telemetry is how Clinker tells what it does: logs in oslo's line format or as JSON, metrics for Prometheus, and
// traces. It is handed around, not global: handlers and metrics are values the program makes at start, and a tracer
// travels in the context.
//
// What lives here: formats, masking of secrets, the instruments. What must not: the options that choose between them, and
// what any one service has to say. No type of a metrics or tracing library appears in what is exported.
package telemetry
