package ini

import (
	"strings"
	"unicode"
)

// Python parses the dialect of Python's configparser in its strict default form, which PasteDeploy reads: "=" or ":"
// separates; a line that is indented deeper than the name above it continues the value; comments may be indented, and a
// comment or blank line does not end a value; a section or a name that appears twice is a problem. Substitution is not
// done here.
func Python(name string, text []byte) (File, []Problem) {
	p := pythonParser{file: File{Name: name}, seen: map[string]int{}}
	lines, ok := splitLines(text)
	if !ok {
		p.problem("is not valid UTF-8")
		return p.file, p.problems
	}
	for i, line := range lines {
		p.line = i + 1
		p.take(line)
	}
	p.flush()
	return p.file, p.problems
}

type pythonParser struct {
	file     File
	problems []Problem
	line     int
	indent   int            // of the line the current name stands on
	entry    Entry          // the assignment being read
	value    []string       // its lines
	open     bool           // whether an assignment is being read
	seen     map[string]int // the line of each section, and of each name in the current section ("\x00" before the name)
}

func (p *pythonParser) problem(text string) {
	p.problems = append(p.problems, Problem{File: p.file.Name, Line: p.line, Text: text})
}

func (p *pythonParser) take(line string) {
	trimmed := strings.TrimSpace(line)
	if trimmed == "" {
		if p.open {
			p.value = append(p.value, "")
		}
		return
	}
	if trimmed[0] == '#' || trimmed[0] == ';' {
		return
	}
	indent := len(line) - len(strings.TrimLeftFunc(line, unicode.IsSpace))
	if p.open && indent > p.indent {
		p.value = append(p.value, trimmed)
		return
	}
	p.flush()
	p.indent = indent
	if end := strings.LastIndexByte(trimmed, ']'); trimmed[0] == '[' && end > 1 {
		p.header(trimmed[1:end])
		return
	}
	p.assignment(trimmed)
}

func (p *pythonParser) header(name string) {
	if p.seen[name] > 0 && name != "DEFAULT" { // which configparser lets one open again
		p.problem("the section [" + name + "] appears a second time")
	}
	for key := range p.seen {
		if key[0] == 0 {
			delete(p.seen, key)
		}
	}
	p.seen[name] = p.line
	p.file.Sections = append(p.file.Sections, Section{Name: name, Line: p.line})
}

func (p *pythonParser) assignment(line string) {
	at := strings.IndexAny(line, "=:")
	switch {
	case len(p.file.Sections) == 0:
		p.problem("a line before the first [section]")
		return
	case at < 0:
		p.problem("neither a [section] nor an assignment; it should be name = value")
		return
	case at == 0:
		p.problem("an assignment without a name before the " + line[:1])
		return
	}
	key := strings.TrimSpace(line[:at])
	if p.seen["\x00"+key] > 0 {
		p.problem(key + " is assigned a second time in this section")
	}
	p.seen["\x00"+key] = p.line
	p.open = true
	p.entry = Entry{Key: key, Line: p.line}
	p.value = []string{strings.TrimSpace(line[at+1:])}
}

func (p *pythonParser) flush() {
	if !p.open {
		return
	}
	p.entry.Value = strings.TrimRight(strings.Join(p.value, "\n"), "\n")
	last := &p.file.Sections[len(p.file.Sections)-1]
	last.Entries = append(last.Entries, p.entry)
	p.open, p.value = false, nil
}
