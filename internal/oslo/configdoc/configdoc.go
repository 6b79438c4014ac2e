// Package configdoc writes the documents that are made from declared options: the sample file and the reference page.
// The output depends on the options alone, so that a test can hold the files in the tree to it.
//
// What must not live here: any option, and anything that reads configuration.
package configdoc

import (
	"fmt"
	"io"
	"strings"

	"github.com/clinker/clinker/internal/oslo/config"
)

// lineWidth is where comments of the sample file are broken.
const lineWidth = 100

// WriteSample writes a configuration file in which every option stands commented out with its default, in the form of
// oslo.config's generator. It fails only if w does.
func WriteSample(w io.Writer, options ...config.Option) error {
	var b strings.Builder
	b.WriteString("# Generated from the options that the code declares; see docs/configuration.md.\n")
	group := ""
	for _, d := range config.Describe(options) {
		if d.Group != group {
			group = d.Group
			fmt.Fprintf(&b, "\n[%s]\n", group)
			if group == config.BackendDefaults {
				b.WriteString("# What the section of a back end does not set is taken from here.\n")
			}
		}
		sampleOption(&b, d)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func sampleOption(b *strings.Builder, d config.Description) {
	b.WriteByte('\n')
	comment(b, fmt.Sprintf("%s (%s)", d.Help, d.Type))
	if d.Accepted != "any text" {
		comment(b, "Accepted: "+d.Accepted)
	}
	for _, note := range notes(d) {
		comment(b, note)
	}
	if d.Default == nil {
		fmt.Fprintf(b, "#%s = <None>\n", d.Name)
	}
	for _, value := range d.Default {
		b.WriteString(strings.TrimRight(fmt.Sprintf("#%s = %s", d.Name, quoteSpace(value)), " ") + "\n")
	}
}

// notes are the sentences about an option that both documents have.
func notes(d config.Description) []string {
	var list []string
	if d.PerBackend {
		list = append(list, "May be set in the section of each back end.")
	}
	if d.Multi {
		list = append(list, "May be given many times.")
	}
	if d.Required {
		list = append(list, "Has to be set.")
	}
	if d.Secret {
		list = append(list, "A secret: never shown in logs and messages.")
	}
	if d.Advanced {
		list = append(list, "Advanced: few installations need to change it.")
	}
	if len(d.Deprecated) > 0 {
		list = append(list, "Old names that still work: "+strings.Join(d.Deprecated, ", "))
	}
	if d.Removal != "" {
		list = append(list, "Deprecated for removal: "+d.Removal)
	}
	return list
}

// comment writes text as comment lines, broken at spaces; line ends of the text stay.
func comment(b *strings.Builder, text string) {
	for paragraph := range strings.SplitSeq(text, "\n") {
		line := "#"
		for _, word := range strings.Fields(paragraph) {
			if len(line)+1+len(word) > lineWidth && line != "#" {
				b.WriteString(line + "\n")
				line = "#"
			}
			line += " " + word
		}
		b.WriteString(line + "\n")
	}
}

// quoteSpace keeps spaces at the ends of a value, which a reader of the file would take off.
func quoteSpace(value string) string {
	if strings.TrimSpace(value) != value {
		return `"` + value + `"`
	}
	return value
}

// WriteReference writes a Markdown page with one section for each group and one entry for each option. It fails only if
// w does.
func WriteReference(w io.Writer, options ...config.Option) error {
	var b strings.Builder
	b.WriteString("# Configuration\n\n" +
		"Generated from the options that the code declares. Options are set in the INI files given with `--config-file`\n" +
		"and `--config-dir`; without any file, the defaults apply. `$name` in a value stands for another option's value.\n")
	group := ""
	for _, d := range config.Describe(options) {
		if d.Group != group {
			group = d.Group
			fmt.Fprintf(&b, "\n## [%s]\n", group)
			if group == config.BackendDefaults {
				b.WriteString("\nWhat the section of a back end does not set is taken from here.\n")
			}
		}
		referenceOption(&b, d)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func referenceOption(b *strings.Builder, d config.Description) {
	fmt.Fprintf(b, "\n### %s\n\n%s\n\n", d.Name, d.Help)
	fmt.Fprintf(b, "- Type: %s\n- Accepted: %s\n", d.Type, d.Accepted)
	switch {
	case d.Default == nil && !d.Required:
		b.WriteString("- Default: none\n")
	case len(d.Default) == 1 && d.Default[0] == "":
		b.WriteString("- Default: empty\n")
	default:
		for _, value := range d.Default {
			fmt.Fprintf(b, "- Default: `%s`\n", value)
		}
	}
	for _, note := range notes(d) {
		fmt.Fprintf(b, "- %s\n", note)
	}
}
