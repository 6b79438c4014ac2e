package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/fault"
)

// FuzzLoad gives arbitrary text to a service's options: Load must end, must refuse with the right kind, must not repeat
// a secret, and every option must have a value if it did not refuse.
func FuzzLoad(f *testing.F) {
	f.Add("[DEFAULT]\nenabled_backends = a,b\nstate_path = $x\nx = $$y\n[a]\nvolume_group = ${backend_defaults.volume_group}\n")
	f.Add("[DEFAULT]\nstate_path = $state_path\n[backend_defaults]\nreserved = $DEFAULT.state_path\n")
	f.Add("[DEFAULT]\nenabled_backends = $a.b\na = ${enabled_backends}\n[a]\nb = $b")
	path := filepath.Join(f.TempDir(), "cinder.conf")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		conf, err := Load(Sources{Files: []string{path}}, serviceOptions()...)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		for _, backend := range append(conf.Backends(), "") {
			if r := ratio.In(conf, backend); r < 0 || r > 100 {
				t.Fatalf("reserved = %v for %q", r, backend)
			}
			group.In(conf, backend)
		}
	})
}

func FuzzSubstitution(f *testing.F) {
	f.Add("$a ${b.c} $$ \\$ ${ $1 $-")
	f.Fuzz(func(t *testing.T, text string) {
		var names []string
		got, err := expandReferences(text, func(name string) (string, error) {
			names = append(names, name)
			return "<" + name + ">", nil
		})
		if err != nil {
			if len(text) < maxExpanded/4 {
				t.Fatal(err)
			}
			return
		}
		for _, name := range names {
			if !isNameByte(name[0], true) || !strings.Contains(got, "<"+name+">") {
				t.Fatalf("the reference %q in %q gave %q", name, text, got)
			}
		}
		if !strings.Contains(text, "$") && got != text {
			t.Fatalf("%q has no reference but became %q", text, got)
		}
	})
}
