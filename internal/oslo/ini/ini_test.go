package ini

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// flat is a file on one line for each assignment, which is easier to compare: "section/key@line=value".
func flat(f File) []string {
	var lines []string
	for _, s := range f.Sections {
		for _, e := range s.Entries {
			lines = append(lines, s.Name+"/"+e.Key+"="+strings.ReplaceAll(e.Value, "\n", "|"))
		}
	}
	return lines
}

func messages(problems []Problem) []string {
	var texts []string
	for _, p := range problems {
		texts = append(texts, p.Error())
	}
	return texts
}

func TestOsloDialect(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
		problems   []string
	}{
		{"separators", "[a]\nx = 1\ny: 2 = 3\nz=4:5\n", []string{"a/x=1", "a/y=2 = 3", "a/z=4:5"}, nil},
		{"comments only in the first column", "# c\n[a]\n; d\nx = 1 ; 2 # 3\n # 4\n", []string{"a/x=1 ; 2 # 3|# 4"}, nil},
		{"continuation", "[a]\nx = 1,\n  2,\n\t3\ny = 4\n", []string{"a/x=1,|2,|3", "a/y=4"}, nil},
		{"an empty first line", "[a]\nx =\n  2\n", []string{"a/x=|2"}, nil},
		{"quotes", "[a]\na = \" b \"\nc = 'd'\ne = \"f'\ng = \"\nh = \"i\n j\"\n",
			[]string{"a/a= b ", "a/c=d", "a/e=\"f'", "a/g=", "a/h=\"i|j\""}, nil},
		{"repeated keys and sections", "[a]\nx=1\nx=2\n[b]\n[a]\nx=3", []string{"a/x=1", "a/x=2", "a/x=3"}, nil},
		{"line ends of every system, and a byte order mark", "\xef\xbb\xbf[a]\r\nx = 1\r y = 2\ry = 3\r\n", []string{"a/x=1|y = 2", "a/y=3"}, nil},
		{"a blank line ends a value", "[a]\nx = 1\n \n 2\n", []string{"a/x=1"},
			[]string{"f:4: an indented line continues the value above it, but there is none; it should begin in the first column"}},
		{"all problems, with their lines", "x = 1\n[a\n[]\n[b] # c\nword\n more\n= 3\n[d]\ny = 1\n", []string{"d/y=1"}, []string{
			"f:1: an assignment before the first section; begin the file with [DEFAULT]",
			"f:2: a section header should be a name in square brackets with nothing after it, like [DEFAULT]",
			"f:3: a section header should be a name in square brackets with nothing after it, like [DEFAULT]",
			"f:4: a section header should be a name in square brackets with nothing after it, like [DEFAULT]",
			"f:5: neither a [section] nor an assignment; it should be name = value",
			"f:7: an assignment without a name before the =",
		}},
		{"not UTF-8", "[a]\nx = \xff\n", nil, []string{"f: is not valid UTF-8"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, problems := Oslo("f", []byte(tt.text))
			if diff := cmp.Diff(tt.want, flat(f)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.problems, messages(problems)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPythonDialect(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
		problems   []string
	}{
		{"keys that are paths", "[composite:a]\nuse = egg:Paste#urlmap\n/: b\n/v3: c\n", []string{"composite:a/use=egg:Paste#urlmap",
			"composite:a//=b", "composite:a//v3=c"}, nil},
		{"continuation goes over comments and blank lines", "[a]\nx = 1\n  # c\n\n  2\n\ny = 3\n", []string{"a/x=1||2", "a/y=3"}, nil},
		{"what is not deeper begins anew", "[a]\n  x = 1\n  y = 2\n", []string{"a/x=1", "a/y=2"}, nil},
		{"quotes stay", "[a]\nx = \"1\"\n", []string{"a/x=\"1\""}, nil},
		{"text after a header is left out", "[a] # c\nx = 1\n", []string{"a/x=1"}, nil},
		{"[DEFAULT] may come again", "[DEFAULT]\nx=1\n[DEFAULT]\ny=2\n", []string{"DEFAULT/x=1", "DEFAULT/y=2"}, nil},
		{"all problems, with their lines", "x\n[a]\nx = 1\nx = 2\n[b]\nx = 1\nword\n: y\n[a]\n", []string{"a/x=1", "a/x=2", "b/x=1"}, []string{
			"f:1: a line before the first [section]",
			"f:4: x is assigned a second time in this section",
			"f:7: neither a [section] nor an assignment; it should be name = value",
			"f:8: an assignment without a name before the :",
			"f:9: the section [a] appears a second time",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, problems := Python("f", []byte(tt.text))
			if diff := cmp.Diff(tt.want, flat(f)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.problems, messages(problems)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(path, make([]byte, MaxBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, problems := Read(path, Oslo); len(problems) != 1 || !strings.Contains(problems[0].Text, "larger than") {
		t.Errorf("got %v", problems)
	}
	if _, problems := Read(path+"-not-there", Oslo); len(problems) != 1 || problems[0].Text != "no such file" {
		t.Errorf("got %v", problems)
	}
}

func FuzzDialects(f *testing.F) {
	f.Add([]byte("[DEFAULT]\na = b\n c\n\n[d]\n/: x\n"))
	f.Add([]byte("[a\n] = \"\n\r[b]\x00 = 1"))
	f.Fuzz(func(t *testing.T, text []byte) {
		lines := strings.Count(string(text), "\n") + strings.Count(string(text), "\r") + 1
		for _, parse := range []Dialect{Oslo, Python} {
			file, problems := parse("f", text)
			last := 0
			for _, s := range file.Sections {
				if s.Line <= last || s.Line > lines {
					t.Fatalf("section %q on line %d after line %d of %d", s.Name, s.Line, last, lines)
				}
				last = s.Line
				for _, e := range s.Entries {
					if e.Key == "" || e.Line <= last || e.Line > lines {
						t.Fatalf("assignment %q on line %d after line %d of %d", e.Key, e.Line, last, lines)
					}
					last = e.Line
				}
			}
			for _, p := range problems {
				if p.Line > lines || p.Text == "" {
					t.Fatalf("problem %v in %d lines", p, lines)
				}
			}
		}
	})
}
