package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReport(t *testing.T) {
	const pkg = `"Package":"github.com/clinker/clinker/internal/a"`
	in := strings.Join([]string{
		`{"Action":"run",` + pkg + `,"Test":"TestGood"}`,
		`{"Action":"pass",` + pkg + `,"Test":"TestGood","Elapsed":0.1}`,
		`{"Action":"output",` + pkg + `,"Test":"TestTool","Output":"=== RUN   TestTool\n"}`,
		`{"Action":"output",` + pkg + `,"Test":"TestTool","Output":"    a_test.go:12: nbdcopy is not installed\n"}`,
		`{"Action":"output",` + pkg + `,"Test":"TestTool","Output":"--- SKIP: TestTool (0.00s)\n"}`,
		`{"Action":"skip",` + pkg + `,"Test":"TestTool","Elapsed":0}`,
		`{"Action":"output",` + pkg + `,"Test":"TestBad","Output":"    a_test.go:20: got 1, want 2\n"}`,
		`{"Action":"fail",` + pkg + `,"Test":"TestBad","Elapsed":0}`,
		`{"Action":"fail",` + pkg + `,"Elapsed":1.5}`,
		`{"ImportPath":"github.com/clinker/clinker/internal/b","Action":"build-output","Output":"b.go:1: no\n"}`,
		`{"ImportPath":"github.com/clinker/clinker/internal/b","Action":"build-fail"}`,
		`{"Action":"fail","Package":"github.com/clinker/clinker/internal/b","Elapsed":0,"FailedBuild":"github.com/clinker/clinker/internal/b"}`,
		`{"Action":"skip","Package":"github.com/clinker/clinker/internal/c","Elapsed":0}`,
	}, "\n")
	var out strings.Builder
	r := newReport(&out)
	r.checked("go vet", true, "", 0)
	r.leaveOut("the race detector", "no compiler")
	if err := r.read(strings.NewReader(in)); err != nil {
		t.Fatal(err)
	}
	if r.summarize() {
		t.Error("it says that all is well")
	}
	want := `ok    go vet                                                  0.0s
FAIL  internal/a                                              1.5s  1 passed, 1 failed, 1 skipped
FAIL  internal/b                                              0.0s  0 passed

FAILED  internal/a TestBad
        a_test.go:20: got 1, want 2

FAILED  internal/b
    b.go:1: no

Not done, and why:
  the race detector: no compiler
  nbdcopy is not installed
      internal/a TestTool

2 passed, 2 failed, 1 skipped
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSkipReasonWithoutOne(t *testing.T) {
	if got := skipReason("=== RUN   TestA\n--- SKIP: TestA (0.00s)\n"); got != "no reason given" {
		t.Errorf("got %q", got)
	}
}
