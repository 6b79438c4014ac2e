package telemetry

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// template is a compiled format string of Python's logging.
type template []segment

// segment is literal text, or a field with its padding.
type segment struct {
	literal string
	value   func(l lineValues) string
	width   int
	zero    bool // pad with zeroes
	left    bool // pad on the right
}

// conversion is %(name)s, %(name)-8s, %(msecs)03d, or %%.
var conversion = regexp.MustCompile(`%(?:%|\((\w+)\)([-0]?)(\d{0,3})(?:\.\d+)?([sdrf]))`)

func compileTemplate(text string) (template, error) {
	var t template
	literal := func(s string) error {
		if strings.Contains(s, "%") {
			return fmt.Errorf("the log format %q has a %% that begins no field; write %%%% for a plain one", text)
		}
		if s != "" {
			t = append(t, segment{literal: s})
		}
		return nil
	}
	at := 0
	for _, m := range conversion.FindAllStringSubmatchIndex(text, -1) {
		if err := literal(text[at:m[0]]); err != nil {
			return nil, err
		}
		at = m[1]
		if m[2] < 0 {
			t = append(t, segment{literal: "%"})
			continue
		}
		name, flag := text[m[2]:m[3]], text[m[4]:m[5]]
		value, known := lineFields[name]
		if !known && name == "user_identity" {
			value, known = userIdentity, true
		}
		if !known {
			return nil, fmt.Errorf("the log format %q has a field %q that is not known; known are %s", text, name,
				strings.Join(slices.Sorted(maps.Keys(lineFields)), ", "))
		}
		width, _ := strconv.Atoi(text[m[6]:m[7]]) // empty means none
		t = append(t, segment{value: value, width: width, zero: flag == "0", left: flag == "-"})
	}
	if err := literal(text[at:]); err != nil {
		return nil, err
	}
	return t, nil
}

func userIdentity(l lineValues) string { return string(l.formatter.identity.append(nil, l)) }

// append writes the record's fields into the template.
func (t template) append(b []byte, l lineValues) []byte {
	for _, s := range t {
		if s.value == nil {
			b = append(b, s.literal...)
			continue
		}
		text := s.value(l)
		padding := max(0, s.width-len(text))
		switch {
		case s.left:
			b = append(append(b, text...), strings.Repeat(" ", padding)...)
		case s.zero:
			b = append(append(b, strings.Repeat("0", padding)...), text...)
		default:
			b = append(append(b, strings.Repeat(" ", padding)...), text...)
		}
	}
	return b
}
