package rabbit

import (
	"context"
	"fmt"
	"testing"

	"github.com/clinker/clinker/internal/oslo/messaging"
)

func benchServer(b *testing.B) (*Transport, messaging.Target) {
	tr := open(b, options(b))
	name := fmt.Sprintf("bench%d", exchanges.Add(1))
	l, err := tr.Serve(b.Context(), messaging.Server{Topic: name, Server: "s", Version: "1.0", Methods: map[string]messaging.Method{
		"m": {New: func() any { return new(note) }, Do: func(_ context.Context, args any) (any, error) { return args, nil }}}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := l.Stop(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return tr, messaging.Target{Topic: name, Server: "s"}
}

// BenchmarkCall is one caller's call and its answer, through a real broker on this machine.
func BenchmarkCall(b *testing.B) {
	tr, to := benchServer(b)
	var reply note
	for b.Loop() {
		if err := tr.Call(b.Context(), to, numbered(1), &reply); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCallParallel is the same for many callers at once.
func BenchmarkCallParallel(b *testing.B) {
	tr, to := benchServer(b)
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		var reply note
		for pb.Next() {
			if err := tr.Call(b.Context(), to, numbered(1), &reply); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkCast is a cast until the broker has confirmed it.
func BenchmarkCast(b *testing.B) {
	tr, to := benchServer(b)
	for b.Loop() {
		if err := tr.Cast(b.Context(), to, numbered(1)); err != nil {
			b.Fatal(err)
		}
	}
}
