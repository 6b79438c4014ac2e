package compat

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/clinker/clinker/test/compat/tour"
)

// Recording is what a cloud answered to one group: the text of each answer, by step and microversion.
type Recording map[string]map[string]string

// Add files what was taken in one play. Steps that were missed are left out.
func (r Recording) Add(taken []Taken) {
	for _, t := range taken {
		if t.Missed != "" {
			continue
		}
		if r[t.Step.Name] == nil {
			r[t.Step.Name] = map[string]string{}
		}
		r[t.Step.Name][t.Version] = t.Answer.Text()
	}
}

// File is where the recording of a group is, below the directory of recordings.
func File(directory, group string) string { return filepath.Join(directory, group+".txt") }

// Text is the recording as a file: each step with its request, and under it every different answer with the
// microversions that brought it.
func (r Recording) Text(g tour.Group, of string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# What %s answered to the group %q of the tour. Written by test/compat/record; not to be edited.\n", of, g.Name)
	for _, s := range g.Steps {
		answers := r[s.Name]
		if len(answers) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n== %s\n%s: %s\n", s.Name, persona(s), s.Do)
		for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
			fmt.Fprintf(&b, "%s: %s\n", name, s.Headers[name])
		}
		if s.Body != "" {
			fmt.Fprintf(&b, "  %s\n", shortened(s.Body))
		}
		for _, same := range grouped(answers) {
			fmt.Fprintf(&b, "-- %s\n%s", strings.Join(same, " "), answers[same[0]])
		}
	}
	return b.String()
}

// shortened keeps long bodies, made to be too long, from filling the file.
func shortened(body string) string {
	const longest = 600
	body = strings.Join(strings.Fields(body), " ")
	if len(body) > longest {
		return fmt.Sprintf("%s... (%d bytes)", body[:longest], len(body))
	}
	return body
}

// grouped gives the versions with equal answers together, the oldest first.
func grouped(answers map[string]string) [][]string {
	versions := slices.SortedFunc(maps.Keys(answers), func(a, b string) int {
		switch {
		case tour.Before(a, b):
			return -1
		case tour.Before(b, a):
			return 1
		}
		return strings.Compare(a, b)
	})
	var groups [][]string
	for _, v := range versions {
		i := slices.IndexFunc(groups, func(g []string) bool { return answers[g[0]] == answers[v] })
		if i < 0 {
			groups = append(groups, []string{v})
			continue
		}
		groups[i] = append(groups[i], v)
	}
	return groups
}

// Read reads a file of recordings.
func Read(path string) (Recording, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := Recording{}
	var step string
	var versions []string
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		name, isStep := strings.CutPrefix(line, "== ")
		list, isAnswer := strings.CutPrefix(line, "-- ")
		switch {
		case isStep:
			step, versions = strings.TrimSpace(name), nil
			r[step] = map[string]string{}
		case isAnswer && step != "":
			versions = strings.Fields(list)
		case line == "\n":
			versions = nil
		default:
			for _, v := range versions {
				r[step][v] += line
			}
		}
		if isAnswer && step == "" {
			return nil, fmt.Errorf("%s:%d: an answer to no step", path, number)
		}
	}
	return r, nil
}
