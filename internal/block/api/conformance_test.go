package api_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// The conformance document is written from five things: the operations that a running Cinder 26 registers, those the API
// registers, those the tests of this package exercised with success, the recorded answers of that Cinder with which test/compat
// compares ours, and a list of known differences.
const (
	document      = "../../../docs/conformance.md"
	cinderRoutes  = "testdata/cinder-26-routes.txt"
	differences   = "testdata/differences.txt"
	generatedFrom = "<!-- From here on the file is written by: go test ./internal/block/api -update -->"
)

// The states an operation can be in.
const (
	implemented = "implemented"
	differs     = "differs"
	missing     = "missing (501)"
	absent      = "missing (404)"
	unhandled   = "nothing, as in Cinder"
)

// row is one operation of the document.
type row struct {
	resource, operation, state, since, tested, note string
	done, refused                                   int // recorded answers
	ofCinder                                        bool
}

// checkConformance holds the document against what is so, or writes it with -update.
func checkConformance() error {
	rows, err := conformance()
	if err != nil {
		return err
	}
	old, err := os.ReadFile(document)
	if err != nil && !(*update && os.IsNotExist(err)) {
		return err
	}
	byHand, _, found := bytes.Cut(old, []byte(generatedFrom))
	if !found && !*update {
		return fmt.Errorf("%s has lost the line %s", document, generatedFrom)
	}
	now := string(byHand) + generatedFrom + "\n\n" + written(rows)
	if *update {
		return os.WriteFile(document, []byte(now), 0o644)
	}
	if string(old) != now {
		return fmt.Errorf("%s is not up to date; run: go test ./internal/block/api -update", document)
	}
	return nil
}

// conformance makes the rows, and refuses what would leave a hole: an operation without a test or a recorded answer, a
// difference without an operation.
func conformance() ([]row, error) {
	ours, err := operations()
	if err != nil {
		return nil, err
	}
	byName := map[string]wsgi.RouteInfo{}
	for _, r := range ours { // of an operation's versions the first, but for those at which it is refused whatever is asked
		known, there := byName[anonymous(operationName(r))]
		if !there || known.Status >= 400 || r.Status < 400 && r.Versions.Min.Compare(known.Versions.Min) < 0 {
			byName[anonymous(operationName(r))] = r
		}
	}
	notes, err := readDifferences()
	if err != nil {
		return nil, err
	}
	cinders, err := cinderOperations()
	if err != nil {
		return nil, err
	}
	var rows []row
	var problems []error
	add := func(name string) {
		r, there := byName[anonymous(name)]
		delete(byName, anonymous(name))
		if route, _, isAction := strings.Cut(name, "/action "); !there && isAction {
			r, there = byName[anonymous(route+"/action")] // where none of a resource's actions is built
		}
		line := describe(name, r, there)
		if note, said := notes[name]; said {
			line.note = note
			delete(notes, name)
			switch line.state {
			case implemented:
				line.state = differs
			case unhandled:
				line.state = absent
			}
		}
		if (line.state == implemented || line.state == differs) && line.tested == "" && !neverDone(name) {
			problems = append(problems, fmt.Errorf("no test of internal/block/api asks for %s and gets it", name))
		}
		rows = append(rows, line)
	}
	for _, name := range cinders {
		add(name)
		rows[len(rows)-1].ofCinder = true
	}
	for _, r := range ours { // what Cinder's list has not
		if _, left := byName[anonymous(operationName(r))]; left && r.Status < 400 {
			add(operationName(r))
		}
	}
	for name := range notes {
		problems = append(problems, fmt.Errorf("%s tells of %q, which is no operation", differences, name))
	}
	if err := countRecorded(rows); err != nil {
		return nil, err
	}
	for _, r := range rows {
		if r.ofCinder && r.done+r.refused == 0 {
			problems = append(problems, fmt.Errorf("no answer of Cinder's to %s is recorded: give it a step in test/compat/tour, and record", r.operation))
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return strings.Compare(a.resource, b.resource) })
	return rows, errors.Join(problems...)
}

// describe is the row of an operation that the API has as r, or has not at all.
func describe(name string, r wsgi.RouteInfo, there bool) row {
	_, path, _ := strings.Cut(name, " ")
	resource, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	resource, _, _ = strings.Cut(resource, " ")
	line := row{resource: cmp.Or(resource, "versions"), operation: name, state: unhandled, since: "-", note: "404"}
	if !there {
		return line
	}
	line.note, line.since = "", r.Versions.Min.String()
	if r.Versions.Min.IsZero() {
		line.since = microversion.V(3, 0).String()
	}
	if r.Status == 501 {
		line.state = missing
		return line
	}
	if r.Status >= 400 {
		line.note, line.since = strconv.Itoa(r.Status), "-"
		return line
	}
	line.state, line.tested = implemented, strings.Join(exercised.tests(operationName(r)), ", ")
	return line
}

// anonymous is an operation's name without the names of its wildcards, which are nobody's concern.
func anonymous(name string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(name, "{")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		_, name, _ = strings.Cut(rest, "}")
		out.WriteString("{}")
	}
}

// servicesOperations are what hides behind Cinder's PUT /os-services/{id}.
var servicesOperations = []string{"enable", "disable", "disable-log-reason", "freeze", "thaw", "failover_host", "failover", "set-log", "get-log"}

// cinderOperations reads the operations a running Cinder registers. Its three "actions" of types are routes in truth, and
// a route of actions counts by the actions.
func cinderOperations() ([]string, error) {
	b, err := os.ReadFile(cinderRoutes)
	if err != nil {
		return nil, err
	}
	var list []string
	section := 0
	actions := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "# actions"):
			section = 1
		case strings.HasPrefix(line, "# view"):
			section = 2
		case strings.HasPrefix(line, "#") || len(f) < 2 || section == 2:
		case section == 1:
			list = append(list, actionName(f[0], f[1]))
			actions[f[0]] = true
		case f[0]+" "+f[1] == "PUT /os-services/{id}":
			for _, name := range servicesOperations {
				list = append(list, "PUT /os-services/"+name)
			}
		default:
			list = append(list, f[0]+" "+f[1])
		}
	}
	return slices.DeleteFunc(list, func(name string) bool {
		collection, _, isAction := strings.Cut(strings.TrimPrefix(name, "POST /"), "/")
		return isAction && strings.HasSuffix(name, "/action") && actions[collection]
	}), nil
}

// actionName is an action as an operation.
func actionName(collection, action string) string {
	switch collection + " " + action {
	case "types create":
		return "POST /types"
	case "types update":
		return "PUT /types/{id}"
	case "types delete":
		return "DELETE /types/{id}"
	case "groups create-from-src":
		return "POST /groups/action create-from-src"
	}
	return "POST /" + collection + "/{id}/action " + action
}

// readDifferences reads the known differences: an operation, a tab, and in what it differs from Cinder's.
func readDifferences() (map[string]string, error) {
	b, err := os.ReadFile(differences)
	if err != nil {
		return nil, err
	}
	notes := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if name, note, found := strings.Cut(strings.TrimSpace(line), "\t"); found {
			notes[name] = strings.TrimSpace(note)
		}
	}
	return notes, nil
}

// written is the generated part of the document.
func written(rows []row) string {
	var b strings.Builder
	count := map[string]int{}
	done, refused := 0, 0
	for _, r := range rows {
		count[r.state]++
		done, refused = done+r.done, refused+r.refused
	}
	fmt.Fprintf(&b, "## Operations\n\n%d operations:", len(rows))
	for i, state := range slices.Sorted(maps.Keys(count)) {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, " %d %s", count[state], state)
	}
	fmt.Fprintf(&b, ". %d answers are recorded, %d of them refusals.\n", done+refused, refused)
	resource := ""
	for _, r := range rows {
		if r.resource != resource {
			resource = r.resource
			fmt.Fprintf(&b, "\n### %s\n\n| operation | state | since | recorded | tested by | note |\n|---|---|---|---|---|---|\n", resource)
		}
		recorded := "-"
		if r.ofCinder {
			recorded = fmt.Sprintf("%d + %d", r.done, r.refused)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", r.operation, r.state, r.since, recorded, cmp.Or(r.tested, "-"), cmp.Or(r.note, "-"))
	}
	return b.String()
}
