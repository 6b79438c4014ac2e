package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// event is a line of go test -json (go doc test2json).
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build-output
	Test        string
	Elapsed     float64 // seconds
	Output      string
	FailedBuild string
}

// maxOutput bounds what is kept of one test's output, in bytes.
const maxOutput = 64 << 10

// report gathers what happened.
type report struct {
	out io.Writer

	checksPassed int
	failures     []failure
	skips        map[string][]string // reason -> tests
	leftOut      []string

	passed, skipped int
	packages        map[string]*packageResult
	builds          map[string]*strings.Builder // what the compiler said, by import path
}

type failure struct{ name, output string }

type packageResult struct {
	passed, failed, skipped int
	output                  map[string]*strings.Builder // by test; "" is the package's own
}

func newReport(out io.Writer) *report {
	return &report{out: out, skips: map[string][]string{}, packages: map[string]*packageResult{}, builds: map[string]*strings.Builder{}}
}

func (r *report) failed() int { return len(r.failures) }

// checked notes the end of a check.
func (r *report) checked(name string, content bool, output string, took time.Duration) {
	if content {
		r.checksPassed++
		fmt.Fprintf(r.out, "ok    %-52s %6.1fs\n", name, took.Seconds())
		return
	}
	fmt.Fprintf(r.out, "FAIL  %-52s %6.1fs\n%s\n", name, took.Seconds(), output)
	r.failures = append(r.failures, failure{name, ""}) // it has just been printed
}

// leaveOut notes something that was not done at all.
func (r *report) leaveOut(what, why string) {
	r.leftOut = append(r.leftOut, what+": "+why)
}

// read follows the output of go test -json to its end.
func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) == nil {
				r.take(e)
			} else {
				fmt.Fprint(r.out, string(line)) // the go command itself speaks
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) take(e event) {
	if e.Action == "build-output" {
		appendOutput(r.builds, e.ImportPath, e.Output)
		return
	}
	p := r.packages[e.Package]
	if p == nil {
		p = &packageResult{output: map[string]*strings.Builder{}}
		r.packages[e.Package] = p
	}
	switch e.Action {
	case "output":
		appendOutput(p.output, e.Test, e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e, p)
		} else {
			r.endTest(e, p)
		}
	}
}

func appendOutput(to map[string]*strings.Builder, key, text string) {
	b := to[key]
	if b == nil {
		b = new(strings.Builder)
		to[key] = b
	}
	if b.Len() < maxOutput {
		b.WriteString(text)
	}
}

func textOf(from map[string]*strings.Builder, key string) string {
	if b := from[key]; b != nil {
		return b.String()
	}
	return ""
}

func (r *report) endTest(e event, p *packageResult) {
	name := strings.TrimPrefix(e.Package, module) + " " + e.Test
	output := textOf(p.output, e.Test)
	delete(p.output, e.Test)
	switch e.Action {
	case "pass":
		p.passed++
		r.passed++
	case "skip":
		p.skipped++
		r.skipped++
		reason := skipReason(output)
		r.skips[reason] = append(r.skips[reason], name)
	case "fail":
		p.failed++
		r.failures = append(r.failures, failure{name, output})
	}
}

func (r *report) endPackage(e event, p *packageResult) {
	delete(r.packages, e.Package)
	name := strings.TrimPrefix(e.Package, module)
	if e.Action == "skip" || e.Action == "pass" && p.passed+p.skipped == 0 {
		return // it has no tests
	}
	mark := "ok  "
	if e.Action == "fail" {
		mark = "FAIL"
		if p.failed == 0 { // it does not build, or died between tests
			output := textOf(r.builds, e.FailedBuild) + textOf(p.output, "")
			for _, test := range slices.Sorted(maps.Keys(p.output)) { // those that had not ended
				if test != "" {
					output += p.output[test].String()
				}
			}
			r.failures = append(r.failures, failure{name, output})
		}
	}
	counts := fmt.Sprintf("%d passed", p.passed)
	if p.failed > 0 {
		counts += fmt.Sprintf(", %d failed", p.failed)
	}
	if p.skipped > 0 {
		counts += fmt.Sprintf(", %d skipped", p.skipped)
	}
	fmt.Fprintf(r.out, "%s  %-52s %6.1fs  %s\n", mark, name, e.Elapsed, counts)
}

// skipReason finds what a test said when it skipped itself in its output.
func skipReason(output string) string {
	reason := ""
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			continue
		}
		reason = line // the last it said
	}
	// "some_test.go:31: nbdcopy is not installed" tells the reader of a summary more without its place.
	if place, text, ok := strings.Cut(reason, ": "); ok && strings.Contains(place, ".go:") {
		reason = text
	}
	if reason == "" {
		return "no reason given"
	}
	return reason
}

// summarize prints what did not pass and says whether all is well.
func (r *report) summarize() bool {
	for _, f := range r.failures {
		fmt.Fprintf(r.out, "\nFAILED  %s\n%s", f.name, excerpt(f.output))
	}
	if len(r.leftOut)+len(r.skips) > 0 {
		fmt.Fprint(r.out, "\nNot done, and why:\n")
	}
	for _, what := range r.leftOut {
		fmt.Fprintf(r.out, "  %s\n", what)
	}
	for _, reason := range slices.Sorted(maps.Keys(r.skips)) {
		tests := r.skips[reason]
		fmt.Fprintf(r.out, "  %s\n", reason)
		for i, test := range tests {
			if i == 3 {
				fmt.Fprintf(r.out, "      and %d more\n", len(tests)-i)
				break
			}
			fmt.Fprintf(r.out, "      %s\n", test)
		}
	}
	fmt.Fprintf(r.out, "\n%d passed, %d failed, %d skipped\n", r.checksPassed+r.passed, len(r.failures), r.skipped)
	return len(r.failures) == 0
}

// maxLines bounds what the summary shows of one failure.
const maxLines = 60

// excerpt is what a failed test said, without what the testing package says around it.
func excerpt(output string) string {
	var b strings.Builder
	shown, more := 0, 0
	for line := range strings.Lines(output) {
		switch text := strings.TrimSpace(line); {
		case strings.HasPrefix(text, "=== "), strings.HasPrefix(text, "--- FAIL"):
		case shown < maxLines:
			shown++
			b.WriteString("    " + strings.TrimRight(line, "\n") + "\n")
		default:
			more++
		}
	}
	if more > 0 {
		fmt.Fprintf(&b, "    ... and %d lines more\n", more)
	}
	return b.String()
}
