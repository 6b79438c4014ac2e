package policy

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxFileBytes bounds a policy file; upstream's largest sample, Neutron's, has 100 KiB.
const maxFileBytes = 4 << 20

// override is a rule of an operator's file.
type override struct {
	node node
	file string
}

// load reads all files and gives the rules in force: registered ones, then the operator's over them.
func (e *Enforcer) load() (*ruleSet, error) {
	overrides := map[string]override{}
	for _, file := range e.files() {
		if err := readFile(file, overrides); err != nil {
			return nil, err
		}
	}
	nodes := map[string]node{}
	scopes := map[string][]string{}
	known := map[string]bool{}
	for _, d := range e.options.Defaults {
		if known[d.Name] {
			return nil, fmt.Errorf("policy rule %q is registered twice", d.Name)
		}
		n, err := e.effective(d, overrides)
		if err != nil {
			return nil, fmt.Errorf("policy rule %q: %w", d.Name, err)
		}
		nodes[d.Name], scopes[d.Name], known[d.Name] = n, d.ScopeTypes, true
		if d.Deprecated != nil {
			known[d.Deprecated.Name] = true
		}
	}
	for name, o := range overrides {
		nodes[name] = o.node
		if !known[name] && name != e.options.DefaultRule && !e.mentioned(name, overrides) {
			e.log.Warn("a policy file defines a rule that no service has and no other rule mentions; it has no effect",
				slog.String("rule", name), slog.String("file", o.file))
		}
	}
	return e.define(nodes, scopes)
}

// mentioned reports whether an operator's rule is a building block of another: then it needs no service to know it.
func (e *Enforcer) mentioned(name string, overrides map[string]override) bool {
	for _, o := range overrides {
		for token := range strings.FieldsSeq(o.node.String()) {
			if strings.Trim(token, "()") == "rule:"+name {
				return true
			}
		}
	}
	return false
}

// effective is what a registered rule checks before an override of its own name.
func (e *Enforcer) effective(d Default, overrides map[string]override) (node, error) {
	current, err := parseText(d.Check)
	if err != nil || d.Deprecated == nil {
		return current, err
	}
	old, err := parseText(d.Deprecated.Check)
	if err != nil {
		return nil, fmt.Errorf("deprecated check: %w", err)
	}
	if _, overridden := overrides[d.Name]; overridden {
		return current, nil
	}
	if o, ok := overrides[d.Deprecated.Name]; ok && d.Deprecated.Name != d.Name {
		e.log.Warn("a policy file overrides a deprecated rule", slog.String("rule", d.Deprecated.Name),
			slog.String("use", d.Name), slog.String("since", d.Deprecated.Since), slog.String("file", o.file))
		// A sample file points the old name at the new one: that is no override.
		if text := o.node.String(); text != old.String() && text != "rule:"+d.Name {
			return o.node, nil
		}
	}
	if e.options.EnforceNewDefaults || old.String() == current.String() {
		return current, nil
	}
	return anyOf{current, old}, nil
}

// files are the policy files that exist, in the order they count.
func (e *Enforcer) files() []string {
	var out []string
	if e.options.File != "" {
		out = append(out, e.options.File)
	}
	for _, dir := range e.options.Directories {
		entries, err := os.ReadDir(dir) // sorted by name
		if err != nil {
			continue // upstream: a directory that is not there is no error
		}
		for _, entry := range entries {
			if !entry.IsDir() && !strings.HasPrefix(entry.Name(), ".") {
				out = append(out, filepath.Join(dir, entry.Name()))
			}
		}
	}
	return out
}

// readFile adds the rules of one file, YAML or JSON, to those before it.
func readFile(path string, into map[string]override) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("policy file: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return fmt.Errorf("policy file %s: %w", path, err)
	}
	if len(text) > maxFileBytes {
		return fmt.Errorf("policy file %s is larger than %d bytes", path, maxFileBytes)
	}
	var rules map[string]any
	if err := yaml.Unmarshal(text, &rules); err != nil {
		return fmt.Errorf("policy file %s: %w", path, err)
	}
	for name, value := range rules {
		n, err := parse(value)
		if err != nil {
			return fmt.Errorf("policy file %s: rule %q: %w", path, name, err)
		}
		into[name] = override{n, path}
	}
	return nil
}

// fingerprint is what tells that a file has changed, without reading it.
type fingerprint []fileMark

type fileMark struct {
	path            string
	modified, bytes int64 // unix nanoseconds; size
}

func (a fingerprint) equal(b fingerprint) bool { return slices.Equal(a, b) }

func (e *Enforcer) fingerprint() fingerprint {
	var out fingerprint
	for _, path := range e.files() {
		if info, err := os.Stat(path); err == nil {
			out = append(out, fileMark{path, info.ModTime().UnixNano(), info.Size()})
		}
	}
	return out
}
