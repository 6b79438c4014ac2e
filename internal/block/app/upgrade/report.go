package upgrade

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"
)

// title heads the report.
const title = "Upgrade Check Results"

// WriteJSON writes the results as oslo.upgradecheck's --json does.
func WriteJSON(w io.Writer, results []Result) error {
	type check struct {
		Check   string  `json:"check"`
		Result  Code    `json:"result"`
		Details *string `json:"details"`
	}
	checks := make([]check, len(results))
	for i, r := range results {
		checks[i] = check{Check: r.Check, Result: r.Code}
		if r.Details != "" {
			checks[i].Details = &results[i].Details
		}
	}
	return json.NewEncoder(w).Encode(struct {
		Name   string  `json:"name"`
		Checks []check `json:"checks"`
	}{title, checks})
}

// WriteTable draws the results as the Python library prettytable does.
func WriteTable(w io.Writer, results []Result) error {
	cells := [][]string{{title}}
	for _, r := range results {
		details := "None"
		if r.Details != "" {
			details = strings.Join(wrap(r.Details), "\n")
		}
		cells = append(cells, strings.Split(fmt.Sprintf("Check: %s\nResult: %s\nDetails: %s", r.Check, r.Code, details), "\n"))
	}
	width := 0
	for _, cell := range cells {
		for _, line := range cell {
			width = max(width, utf8.RuneCountInString(line))
		}
	}
	var b strings.Builder
	rule := "+" + strings.Repeat("-", width+2) + "+\n"
	b.WriteString(rule)
	for _, cell := range cells {
		for _, line := range cell {
			fmt.Fprintf(&b, "| %-*s |\n", width, line)
		}
		b.WriteString(rule)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

const (
	lineWidth = 60
	indent    = "  " // of all lines but the first
)

// hyphen finds where a word may be broken: behind a hyphen between letters.
var hyphen = regexp.MustCompile(`\w[a-zA-Z]-\w[a-zA-Z]`)

// wrap breaks a text as Python's textwrap does: at spaces and behind hyphens, and a word that fits no line in the middle.
func wrap(text string) (lines []string) {
	line, width := "", lineWidth
	used := 0 // of width, which the indent is no part of
	next := func() {
		lines = append(lines, strings.TrimRight(line, " "))
		line, width, used = indent, lineWidth-len(indent), 0
	}
	put := func(part string) { line, used = line+part, used+len(part) }
	space := ""
	for _, chunk := range chunks(text) {
		if strings.TrimSpace(chunk) == "" {
			space = chunk
			continue
		}
		if used > 0 && used+len(space)+len(chunk) > width && len(chunk) <= width {
			next()
			space = ""
		}
		if used > 0 {
			put(space)
		}
		for space = ""; used+len(chunk) > width; { // a word longer than a line
			fits := max(width-used, 0)
			put(chunk[:fits])
			chunk = chunk[fits:]
			next()
		}
		put(chunk)
	}
	return append(lines, strings.TrimRight(line, " "))
}

// chunks cuts a text into spaces, words and parts of words.
func chunks(text string) (list []string) {
	text = strings.NewReplacer("\n", " ", "\t", " ").Replace(text)
	for text != "" {
		end := strings.IndexByte(text, ' ')
		switch {
		case end == 0:
			end = len(text) - len(strings.TrimLeft(text, " "))
		case end < 0:
			end = len(text)
		}
		word := text[:end]
		for text = text[end:]; ; {
			at := hyphen.FindStringIndex(word)
			if at == nil {
				break
			}
			cut := at[0] + strings.IndexByte(word[at[0]:], '-') + 1
			list, word = append(list, word[:cut]), word[cut:]
		}
		list = append(list, word)
	}
	return list
}
