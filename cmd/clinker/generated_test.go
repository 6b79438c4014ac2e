package main

import (
	"bytes"
	"flag"
	"io"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the generated files instead of comparing them")

// TestGeneratedFiles keeps the files that "clinker config" generates as they are in the tree.
func TestGeneratedFiles(t *testing.T) {
	for file, kind := range map[string]string{
		"../../etc/clinker.conf.sample": "sample",
		"../../docs/configuration.md":   "reference",
	} {
		var out bytes.Buffer
		root := rootCommand()
		root.SetArgs([]string{"config", kind})
		root.SetOut(&out)
		root.SetErr(io.Discard)
		if err := root.Execute(); err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		have, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(have), out.String()); diff != "" {
			t.Errorf("%s is not what the options say (-file +options); \"make generate\" writes it again:\n%s", file, diff)
		}
	}
}
