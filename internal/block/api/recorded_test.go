package api_test

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/oslo/wsgi"
	"github.com/clinker/clinker/test/compat"
	"github.com/clinker/clinker/test/compat/tour"
)

// recordings are what a real Cinder 26 answered to the tour, with which test/compat compares what ours answers.
const recordings = "../../../test/compat/testdata/recordings"

// countRecorded gives each row how many answers to its operation are recorded, successes and refusals apart. A step of the
// tour that is about none of the rows counts for none: some ask for what there is not.
func countRecorded(rows []row) error {
	list := make([]wsgi.RouteInfo, len(rows))
	for i, r := range rows {
		parts := append(strings.Split(r.operation, " "), "")
		list[i] = wsgi.RouteInfo{Method: parts[0], Path: parts[1], Action: parts[2]}
	}
	for _, g := range tour.All() {
		recorded, err := compat.Read(compat.File(recordings, g.Name))
		if err != nil {
			return err
		}
		for _, step := range g.Steps {
			i := find(list, exchange(step))
			if i < 0 {
				continue
			}
			for version, answer := range recorded[step.Name] {
				line, _, _ := strings.Cut(answer, "\n")
				status, err := strconv.Atoi(line)
				switch {
				case err != nil:
					return fmt.Errorf("%s: the answer to %q at %s begins with %q", g.Name, step.Name, version, line)
				case status < 400:
					rows[i].done++
				default:
					rows[i].refused++
				}
			}
		}
	}
	return nil
}

// exchange is what a step asks for, its path as the routes have it.
func exchange(s tour.Step) apitest.Exchange {
	method, path, _ := strings.Cut(s.Do, " ")
	path, _, _ = strings.Cut(path, "?")
	if below, versioned := strings.CutPrefix(path, "/v3/"); versioned {
		path = strings.TrimPrefix(below, "${project}/")
	}
	return apitest.Exchange{Method: method, Path: "/" + strings.TrimPrefix(path, "/"), Body: s.Body}
}
