// Package ini reads the two INI dialects that OpenStack's services are configured in: oslo.config's own (cinder.conf) and
// Python's configparser (api-paste.ini). Both give the same File: every assignment in its order, with the line it began on.
//
// What lives here: reading text into sections and assignments. What must not: what an option means, substitution, the
// search for files; those are oslo/config's and oslo/paste's.
package ini

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxBytes bounds one file. The largest generated cinder.conf.sample is under 300 KiB.
const MaxBytes = 4 << 20

// File is what one file says, in its order.
type File struct {
	Name     string    // as it is to appear in messages
	Sections []Section // in the order of their headers; a section that is opened twice appears twice
}

// Section is one [header] and the assignments under it.
type Section struct {
	Name    string // between the brackets, as written
	Line    int    // of the header, from 1
	Entries []Entry
}

// Entry is one assignment. The lines of a value that goes on over several lines are joined with "\n".
type Entry struct {
	Key   string
	Value string
	Line  int // of the line the assignment began on, from 1
}

// Problem is one thing that is wrong with a file. It never quotes a value, which may be a secret.
type Problem struct {
	File string
	Line int // from 1; 0 when the whole file is meant
	Text string
}

// Error is the problem with its place in front: "cinder.conf:12: ...".
func (p Problem) Error() string {
	if p.Line == 0 {
		return p.File + ": " + p.Text
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
}

// Dialect parses the text of a file. It returns every problem it finds, not only the first; the File then holds what
// could be read.
type Dialect func(name string, text []byte) (File, []Problem)

// Read opens and parses a file. A file that cannot be read, or is larger than MaxBytes, is one Problem.
func Read(path string, parse Dialect) (File, []Problem) {
	text, err := readBounded(path)
	if err != nil {
		return File{Name: path}, []Problem{{File: path, Text: err.Error()}}
	}
	return parse(path, text)
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		if os.IsNotExist(err) {
			return nil, fmt.Errorf("no such file")
		}
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("is larger than %d bytes, which no configuration file needs", MaxBytes)
	}
	return text, nil
}

// Oslo parses oslo.config's dialect (oslo_config/iniparser.py): "=" or ":" separates, whichever comes first; a line that
// begins with a space or a tab continues the value before it, even if it looks like a comment; a blank line ends a value;
// "#" and ";" begin a comment only in the first column; one pair of quotes round a one-line value is taken off.
func Oslo(name string, text []byte) (File, []Problem) {
	p := osloParser{file: File{Name: name}}
	lines, ok := splitLines(text)
	if !ok {
		p.problem("is not valid UTF-8")
		return p.file, p.problems
	}
	for i, line := range lines {
		p.line = i + 1
		p.take(strings.TrimRightFunc(line, unicode.IsSpace))
	}
	p.flush()
	return p.file, p.problems
}

type osloParser struct {
	file     File
	problems []Problem
	line     int
	entry    Entry    // the assignment being read
	value    []string // its lines
	open     bool     // whether entry can still go on
	broken   bool     // the assignment could not be read: its continuation lines are no problem of their own
}

func (p *osloParser) problem(text string) {
	p.problems = append(p.problems, Problem{File: p.file.Name, Line: p.line, Text: text})
}

func (p *osloParser) take(line string) {
	switch {
	case line == "":
		p.flush()
		p.broken = false
	case line[0] == ' ' || line[0] == '\t':
		switch {
		case p.open:
			p.value = append(p.value, strings.TrimLeftFunc(line, unicode.IsSpace))
		case !p.broken:
			p.problem("an indented line continues the value above it, but there is none; it should begin in the first column")
		}
	case line[0] == '[':
		p.flush()
		p.header(line)
	case line[0] == '#' || line[0] == ';':
		p.flush()
	default:
		p.flush()
		p.assignment(line)
	}
}

func (p *osloParser) header(line string) {
	p.broken = false
	if !strings.HasSuffix(line, "]") || len(line) <= 2 {
		p.problem("a section header should be a name in square brackets with nothing after it, like [DEFAULT]")
		p.broken = true
	}
	name := strings.TrimSuffix(line[1:], "]")
	p.file.Sections = append(p.file.Sections, Section{Name: name, Line: p.line})
}

func (p *osloParser) assignment(line string) {
	p.broken = true // until proven otherwise
	at := strings.IndexAny(line, "=:")
	if at < 0 {
		p.problem("neither a [section] nor an assignment; it should be name = value")
		return
	}
	key := strings.TrimSpace(line[:at])
	if key == "" {
		p.problem("an assignment without a name before the " + line[at:at+1])
		return
	}
	if len(p.file.Sections) == 0 {
		p.problem("an assignment before the first section; begin the file with [DEFAULT]")
		return
	}
	p.broken = false
	p.open = true
	p.entry = Entry{Key: key, Line: p.line}
	p.value = []string{unquote(strings.TrimSpace(line[at+1:]))}
}

func (p *osloParser) flush() {
	if !p.open {
		return
	}
	p.entry.Value = strings.Join(p.value, "\n")
	last := &p.file.Sections[len(p.file.Sections)-1]
	last.Entries = append(last.Entries, p.entry)
	p.open, p.value = false, nil
}

// unquote takes one pair of equal quotes off; a lone quote counts as a pair round nothing, as it does upstream.
func unquote(s string) string {
	if s == "" || (s[0] != '"' && s[0] != '\'') || s[0] != s[len(s)-1] {
		return s
	}
	if len(s) == 1 {
		return ""
	}
	return s[1 : len(s)-1]
}

// splitLines cuts at every line end Python's text mode knows, and leaves out a byte order mark, which editors on other
// systems like to add. It reports whether the text is valid UTF-8.
func splitLines(text []byte) ([]string, bool) {
	if !utf8.Valid(text) {
		return nil, false
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	s := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(text))
	return strings.Split(s, "\n"), true
}
