package sqlkit

import "strings"

// OrderKey is one key of an order. NotNull promises that the application never writes NULL there, whatever the column's
// definition says; paging then stays on an index, and a row that has NULL nevertheless may be missed by later pages.
type OrderKey struct {
	Column  string
	Desc    bool
	NotNull bool
}

// OrderBy is the list behind ORDER BY.
func OrderBy(d Dialect, keys []OrderKey) string {
	terms := make([]string, len(keys))
	for i, k := range keys {
		terms[i] = d.OrderBy(k)
	}
	return strings.Join(terms, ", ")
}

// PlainOrder is a term of an ORDER BY that says nothing about NULL.
func PlainOrder(k OrderKey) string {
	if k.Desc {
		return k.Column + " DESC"
	}
	return k.Column
}

// After is the condition that a row comes after the marker in the order of keys, NULL being smaller than every value.
// marker holds the marker row's value for each key, nil for NULL; bind registers an argument and gives a placeholder for
// it that may be used more than once and in any order.
// The last key must be unique, or rows equal to the marker are left out.
//
// Beside the alternatives it states what all of them imply for the first key, because databases use an index for such a
// range and not for alternatives: that makes a late page cost what the first one does.
func After(keys []OrderKey, marker []any, bind func(any) string) string {
	var alternatives []string
	var equal []string
	for i, k := range keys {
		if beyond := k.beyond(marker[i], bind); beyond != "" {
			alternatives = append(alternatives, strings.Join(append(equal[:len(equal):len(equal)], beyond), " AND "))
		}
		if i == len(keys)-1 {
			break
		}
		if marker[i] == nil {
			equal = append(equal, k.Column+" IS NULL")
		} else {
			equal = append(equal, k.Column+" = "+bind(marker[i]))
		}
	}
	if len(alternatives) == 0 {
		return "1 = 0"
	}
	condition := "(" + strings.Join(alternatives, " OR ") + ")"
	if first := keys[0]; len(keys) > 1 && marker[0] != nil {
		switch {
		case !first.Desc:
			condition = first.Column + " >= " + bind(marker[0]) + " AND " + condition
		case first.NotNull:
			condition = first.Column + " <= " + bind(marker[0]) + " AND " + condition
		}
	}
	return condition
}

// beyond is the condition that this key alone comes after the value; empty if nothing can.
func (k OrderKey) beyond(value any, bind func(any) string) string {
	switch {
	case value == nil && k.Desc:
		return ""
	case value == nil:
		return k.Column + " IS NOT NULL"
	case !k.Desc:
		return k.Column + " > " + bind(value)
	case k.NotNull:
		return k.Column + " < " + bind(value)
	}
	return "(" + k.Column + " < " + bind(value) + " OR " + k.Column + " IS NULL)"
}
