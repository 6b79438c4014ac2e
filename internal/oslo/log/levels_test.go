package log

import (
	"log/slog"
	"maps"
	"testing"

	"github.com/clinker/clinker/internal/fault"
)

func TestLevels(t *testing.T) {
	l := Levels{Level: new(Threshold), Log: slog.New(slog.DiscardHandler)}
	for _, c := range []struct {
		prefix, level string
		want          string
	}{{"", "debug", "DEBUG"}, {"cinder", "Warning", "WARNING"}, {"cl", "ERROR", "ERROR"}, {"cinder.volume", "debug", "ERROR"}, {"oslo", "debug", "ERROR"}, {"clinker", "info", "INFO"}} {
		if err := l.Set(t.Context(), c.prefix, c.level); err != nil {
			t.Fatal(err)
		}
		if got := l.Get("c"); !maps.Equal(got, map[string]string{"clinker": c.want}) {
			t.Errorf("after %q was set to %s: %v", c.prefix, c.level, got)
		}
	}
	if got := l.Get("cinder.volume"); got == nil || len(got) > 0 {
		t.Errorf("of another logger: %v", got)
	}
	if got := (Levels{}).Get(""); got == nil || len(got) > 0 {
		t.Errorf("where it cannot be changed: %v", got)
	}
	for _, level := range []string{"", "loud", "CRITICAL"} {
		if err := l.Set(t.Context(), "", level); fault.NameOf(err) != "InvalidInput" {
			t.Errorf("%q: %v", level, err)
		}
	}
}
