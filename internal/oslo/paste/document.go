package paste

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/oslo/ini"
)

// document is a parsed file, ready to be looked things up in.
type document struct {
	name     string
	sections []*section
	defaults map[string]string // [DEFAULT], with "here" and "__file__" as PasteDeploy adds them; not yet interpolated
}

// section is one section of the file.
type section struct {
	ini.Section

	file   string
	values map[string]string
}

func newDocument(f ini.File) *document {
	absolute, err := filepath.Abs(f.Name)
	if err != nil {
		absolute = f.Name
	}
	d := &document{name: f.Name, defaults: map[string]string{"here": filepath.Dir(absolute), "__file__": absolute}}
	for _, s := range f.Sections {
		values := make(map[string]string, len(s.Entries))
		for _, e := range s.Entries {
			values[e.Key] = e.Value
		}
		if s.Name == "DEFAULT" {
			maps.Copy(d.defaults, values)
			continue
		}
		d.sections = append(d.sections, &section{s, f.Name, values})
	}
	return d
}

// The types of sections that can stand for an application and for a filter; those in one list are spellings of one type.
var (
	appTypes    = [][]string{{"app", "application"}, {"composite", "composit"}, {"pipeline"}, {"filter-app"}}
	filterTypes = [][]string{{"filter"}}
)

// find gives the one section of these types and that name.
func (d *document) find(types [][]string, name string) (*section, error) {
	var found []*section
	for _, spellings := range types {
		for _, spelling := range spellings {
			here := d.named(spelling, name)
			found = append(found, here...)
			if len(here) > 0 {
				break // the other spellings are not looked at, as upstream
			}
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		prefixes := strings.Join(slices.Concat(types...), ", ")
		return nil, &placed{fmt.Sprintf("%s: there is no section for %q; it should be one of the types %s, as in [%s:%s]",
			d.name, name, prefixes, types[0][0], name)}
	}
	return nil, found[1].problem("means the same name as [%s]", found[0].Name)
}

func (d *document) named(prefix, name string) []*section {
	var found []*section
	for _, s := range d.sections {
		rest, ok := strings.CutPrefix(s.Name, prefix+":")
		if ok && strings.TrimSpace(rest) == name {
			found = append(found, s)
		}
	}
	return found
}

// kind is a section's type, the text before its colon.
func (s *section) kind() string {
	kind, _, _ := strings.Cut(s.Name, ":")
	return kind
}

// lineOf is the line a setting stands on; the section's own for one it inherits.
func (s *section) lineOf(key string) int {
	for _, e := range s.Entries {
		if e.Key == key {
			return e.Line
		}
	}
	return s.Line
}

// reference is %(name)s, the escape %%, or a stray %.
var reference = regexp.MustCompile(`%(?:%|\(([^)]*)\)s)?`)

// maxInterpolation is configparser's own bound on references within references.
const maxInterpolation = 10

// maxValueBytes bounds a value after interpolation.
const maxValueBytes = 1 << 16

// interpolate replaces %(name)s by the value of that name in this section or in [DEFAULT], as configparser does.
func (d *document) interpolate(text string, local map[string]string, depth int) (string, error) {
	if depth > maxInterpolation {
		return "", fmt.Errorf("has references within references more than %d deep", maxInterpolation)
	}
	var failure error
	out := reference.ReplaceAllStringFunc(text, func(found string) string {
		switch {
		case failure != nil:
			return ""
		case found == "%%":
			return "%"
		case found == "%":
			failure = fmt.Errorf("has a %% that begins no reference; write %%%% for a plain one")
			return ""
		}
		name := found[2 : len(found)-2]
		value, ok := local[name]
		if !ok {
			value, ok = d.defaults[name]
		}
		if !ok {
			failure = fmt.Errorf("refers to %s, which is set neither here nor in [DEFAULT]", found)
			return ""
		}
		value, failure = d.interpolate(value, local, depth+1)
		return value
	})
	if failure == nil && len(out) > maxValueBytes {
		failure = fmt.Errorf("grows beyond %d bytes", maxValueBytes)
	}
	return out, failure
}
