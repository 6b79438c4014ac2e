package config

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/oslo/ini"
)

// Sources says where values come from. Every source is optional; later ones in this list win over earlier ones.
type Sources struct {
	// Defaults replace declared defaults, for a program that has others than Cinder ("clinker up"). Keys are group.name,
	// or just name for [DEFAULT].
	Defaults map[string]string
	// Files are read in order; a value in a later one replaces one in an earlier one, or adds to it if the option is
	// multi-valued. A file that is not there is an error.
	Files []string
	// Dirs: every *.conf in these directories, sorted by name, after Files. A directory that is not there is an error.
	Dirs []string
	// Environ holds "OS_GROUP__OPTION=value" among other things, as os.Environ gives it; nil reads none.
	Environ []string
	// Overrides come from the command line. Keys are as in Defaults; dashes in names count as underscores.
	Overrides map[string]string
}

// DefaultFiles finds the configuration files and directories of a program that was given none: upstream looks for
// <project>.conf and <program>.conf (and the .conf.d directories) in ~/.<project>, ~, /etc/<project> and /etc, and takes
// the first of each.
func DefaultFiles(project, program string) (files, dirs []string) {
	places := []string{filepath.Join("/etc", project), "/etc"}
	if home, err := os.UserHomeDir(); err == nil {
		places = append([]string{filepath.Join(home, "."+project), home}, places...)
	}
	return findIn(places, project, program)
}

func findIn(places []string, project, program string) (files, dirs []string) {
	first := func(name string) []string {
		for _, place := range places {
			path := filepath.Join(place, name)
			if _, err := os.Stat(path); err == nil {
				return []string{path}
			}
		}
		return nil
	}
	for _, name := range []string{project, program} {
		files = append(files, first(name+".conf")...)
		dirs = append(dirs, first(name+".conf.d")...)
	}
	return files, dirs
}

// raw is one assignment before anything is made of it.
type raw struct {
	text string
	at   at
}

// layer is one source, read. Within a layer the last assignment of a name wins.
type layer struct {
	name   string // of a source that is no file, for messages
	isFile bool
	values map[key][]raw
	order  []key          // every key once, in the order of its first assignment
	spelt  map[key]string // the section's name as it was written, where that differs from the key's group
	groups map[string]at  // the sections, as written
}

func newLayer(name string) *layer {
	return &layer{name: name, values: map[key][]raw{}, spelt: map[key]string{}, groups: map[string]at{}}
}

func (l *layer) add(k key, r raw) {
	if _, seen := l.values[k]; !seen {
		l.order = append(l.order, k)
	}
	l.values[k] = append(l.values[k], r)
}

// read turns the sources into layers, weakest first.
func (l *loader) read(s Sources) {
	l.defaults = l.fromMap("built-in default", s.Defaults)
	for _, path := range l.paths(s) {
		l.files = append(l.files, l.fromFile(path))
	}
	l.environ = l.fromEnviron(s.Environ)
	l.overrides = l.fromMap("command line", s.Overrides)
}

func (l *loader) nextRank() int { l.rank++; return l.rank }

// paths lists the files to read, those of directories included.
func (l *loader) paths(s Sources) []string {
	var paths []string
	for _, path := range s.Files {
		paths = append(paths, expandHome(path))
	}
	for _, dir := range s.Dirs {
		dir = expandHome(dir)
		entries, err := os.ReadDir(dir)
		if err != nil {
			l.problems = append(l.problems, problem{text: fmt.Sprintf("the configuration directory %s cannot be read: %v", dir, err)})
		}
		for _, e := range entries { // ReadDir sorts by name
			if name := e.Name(); strings.HasSuffix(name, ".conf") && !strings.HasPrefix(name, ".") {
				paths = append(paths, filepath.Join(dir, name))
			}
		}
	}
	return paths
}

func expandHome(path string) string {
	if path != "~" && !strings.HasPrefix(path, "~/") {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	return filepath.Join(home, path[1:])
}

func (l *loader) fromFile(path string) *layer {
	rank := l.nextRank()
	file, problems := ini.Read(path, ini.Oslo)
	for _, p := range problems {
		place := at{rank: rank, line: p.Line, where: p.File}
		if p.Line > 0 {
			place.where = fmt.Sprintf("%s:%d", p.File, p.Line)
		}
		l.problems = append(l.problems, problem{at: place, text: p.Text})
	}
	out := newLayer(path)
	out.isFile = true
	for _, section := range file.Sections {
		if _, seen := out.groups[section.Name]; !seen {
			out.groups[section.Name] = at{rank, section.Line, fmt.Sprintf("%s:%d", path, section.Line)}
		}
		for _, e := range section.Entries {
			k := key{normalGroup(section.Name), e.Key}
			out.spelt[k] = section.Name
			out.add(k, raw{e.Value, at{rank, e.Line, fmt.Sprintf("%s:%d", path, e.Line)}})
		}
	}
	return out
}

func (l *loader) fromMap(name string, values map[string]string) *layer {
	rank := l.nextRank()
	out := newLayer(name)
	for _, full := range slices.Sorted(maps.Keys(values)) {
		group, option, dotted := strings.Cut(full, ".")
		if !dotted {
			group, option = DefaultGroup, full
		}
		out.add(key{normalGroup(group), underscored(option)}, raw{values[full], at{rank: rank, where: name}})
	}
	return out
}

// fromEnviron keeps what has the form of an option's variable, OS_GROUP__NAME. Groups and names stay in capitals here,
// because that is all that a variable's name tells; see environKey.
func (l *loader) fromEnviron(environ []string) *layer {
	rank := l.nextRank()
	out := newLayer("environment")
	for _, variable := range environ {
		full, value, _ := strings.Cut(variable, "=")
		rest, ok := strings.CutPrefix(full, "OS_")
		if group, option, both := strings.Cut(rest, "__"); ok && both {
			out.add(key{group, option}, raw{value, at{rank: rank, where: "environment variable " + full}})
		}
	}
	return out
}

func environKey(k key) key { return key{strings.ToUpper(k.group), strings.ToUpper(k.name)} }
