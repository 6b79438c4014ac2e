package compat

import (
	"os"
	"strings"
	"testing"

	"github.com/clinker/clinker/test/compat/tour"
)

// difference is an answer that is meant to differ from Cinder's. docs/divergences.md has each of them.
type difference struct {
	Group, Step string // a Step that ends in a star is every step that begins so
	Why         string
	seen        bool
}

func differences() []*difference {
	const (
		fails       = "Cinder answers 500 here because its code fails; ours says what was wrong, or does it"
		private     = "Cinder shows or names attachments of other projects; ours does not know them"
		overwritten = "an attachment made with a connector has the mode it is exported in; Cinder's API writes over what its manager wrote"
		nobody      = "no backup service runs in the process that is compared"
	)
	return []*difference{
		{Group: "protocol", Step: "no body", Why: fails},
		{Group: "protocol", Step: "no content type", Why: fails},
		{Group: "protocol", Step: "a service without a microversion", Why: fails},
		{Group: "protocol", Step: "a service with an empty microversion", Why: fails},
		{Group: "volumes", Step: "summary filtered", Why: "Cinder takes filters here and heeds none"},
		{Group: "volumes", Step: "list with another project's marker", Why: "a marker the caller cannot see is as absent as any other"},
		{Group: "volume-actions", Step: "attach again", Why: fails},
		{Group: "volume-actions", Step: "attach to a server and a host", Why: "Cinder's message has a Python traceback in it"},
		{Group: "volume-actions", Step: "force detach with a bad connector", Why: "a connector that is no object is 400"},
		{Group: "volume-actions", Step: "reset before force", Why: "os-reset_status refuses error_deleting"},
		{Group: "volume-moves", Step: "upload with a bad container", Why: "Cinder shows its client's dump of Glance's schema; ours what Glance says"},
		{Group: "attachments", Step: "show as another project", Why: private},
		{Group: "attachments", Step: "update as another project", Why: private},
		{Group: "attachments", Step: "delete as another project", Why: private},
		{Group: "attachments", Step: "show the connected", Why: overwritten},
		{Group: "attachments", Step: "detail", Why: overwritten},
		{Group: "attachments", Step: "list by status", Why: "Cinder's filter status of attachments never matches"},
		{Group: "types", Step: "default type set without a member", Why: fails},
		{Group: "types", Step: "list by bad extra specs", Why: fails},
		{Group: "types", Step: "list with an absent marker", Why: "Cinder ignores a marker of a type that is not there"},
		{Group: "types", Step: "show the default", Why: "the default type is shown like every other"},
		{Group: "types", Step: "the effective default", Why: "the default type is shown like every other"},
		{Group: "types", Step: "list what is left", Why: "an extra spec that is null is empty; multiattach and cacheable exclude each other"},
		{Group: "types", Step: "specs cacheable set", Why: "multiattach and cacheable exclude each other however they are set"},
		{Group: "types", Step: "specs added, an image store", Why: "a store is asked for when an image is uploaded, not when a type names it"},
		{Group: "type-encryption", Step: "an absent field of a volume", Why: fails},
		{Group: "type-encryption", Step: "one field of a volume", Why: fails},
		{Group: "type-encryption", Step: "update an unknown member", Why: fails},
		{Group: "qos-specs", Step: "create with a bad consumer", Why: "Cinder's message shows a Python object"},
		{Group: "qos-specs", Step: "update with a bad consumer", Why: "Cinder's message shows a Python object"},
		{Group: "groups", Step: "create from a group as a reader", Why: "what policy forbids is 403 here as everywhere"},
		{Group: "consistencygroups", Step: "delete with a bad force", Why: "the message says which value is bad, and not always False"},
		{Group: "messages", Step: "list as another project", Why: "Cinder lists the messages of all projects to everybody"},
		{Group: "operator", Step: "pools by an absent type", Why: "Cinder's message has a Python traceback in it"},
		{Group: "operator", Step: "hosts by service", Why: "the order is whatever Cinder's database gives; ours is the order in which they came"},
		{Group: "operator", Step: "host updated", Why: fails},
		{Group: "operator", Step: "host updated with an unknown member", Why: fails},
	}
}

// openFile lists the differences that nobody has explained or mended yet: a line is group, step and microversions.
const openFile = "testdata/open.txt"

const openHead = `# Answers of ours that differ from the recorded ones and should not, or of which nobody has said yet that they should.
# Mend the answer, or give the reason in differences_test.go and docs/divergences.md; then take the line out.
# "go test ./test/compat -open" writes the list anew.
`

// verdicts is what has been found so far.
type verdicts struct {
	meant  []*difference
	open   map[string]bool // by line: whether it has been seen to differ
	found  []string        // lines of all that differs and is not meant to
	counts map[string]int
}

func newVerdicts(t *testing.T) *verdicts {
	t.Helper()
	v := &verdicts{meant: differences(), open: map[string]bool{}, counts: map[string]int{}}
	text, err := os.ReadFile(openFile)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Split(strings.TrimSpace(line), " | "); len(f) == 3 {
			for version := range strings.FieldsSeq(f[2]) {
				v.open[openLine(f[0], f[1], version)] = false
			}
		}
	}
	return v
}

func openLine(group, step, version string) string { return group + " | " + step + " | " + version }

// known says why an answer may differ; "" if nobody has said so.
func (v *verdicts) known(group string, one Taken) string {
	for _, d := range v.meant {
		prefix, all := strings.CutSuffix(d.Step, "*")
		if d.Group == group && (d.Step == one.Step.Name || all && strings.HasPrefix(one.Step.Name, prefix)) {
			d.seen = true
			return "different on purpose"
		}
	}
	line := openLine(group, one.Step.Name, one.Version)
	v.found = append(v.found, line)
	if _, known := v.open[line]; known {
		v.open[line] = true
		return "different, and listed in " + openFile
	}
	return ""
}

// finish fails the test for what is said to differ in a group and does not any more, so that the lists only shrink.
func (v *verdicts) finish(t *testing.T, group string) {
	t.Helper()
	for _, d := range v.meant {
		if d.Group == group && !d.seen {
			t.Errorf("%q is said to differ on purpose and does not", d.Step)
		}
	}
	for line, seen := range v.open {
		if strings.HasPrefix(line, group+" | ") && !seen && !*writeOpen {
			t.Errorf("this differs no more; take it out of %s: %s", openFile, line)
		}
	}
}

// write writes the list of open differences anew, in the order of the tour.
func (v *verdicts) write(t *testing.T) {
	t.Helper()
	var b strings.Builder
	b.WriteString(openHead)
	for _, g := range tour.All() {
		for _, s := range g.Steps {
			var versions []string
			for _, line := range v.found {
				if version, ok := strings.CutPrefix(line, openLine(g.Name, s.Name, "")); ok {
					versions = append(versions, version)
				}
			}
			if len(versions) > 0 {
				b.WriteString(openLine(g.Name, s.Name, strings.Join(versions, " ")) + "\n")
			}
		}
	}
	if err := os.WriteFile(openFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
