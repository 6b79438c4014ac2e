package evaluator_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/block/scheduler/decide/evaluator"
	"github.com/clinker/clinker/internal/fault"
)

// lookup is what the formulas of these tests see.
func lookup(dictionary, key string) (any, bool) {
	dictionaries := map[string]map[string]any{
		"stats": {
			"total": 1000.0, "free": 250, "used_share": 0.75, "as_text": "250", "spaced": " 12 ", "json": json.Number("7"),
			"protocol": "iSCSI", "yes": true, "no": false, "null": nil, "list": []any{"a"}, "quoted": `he"y`, "endless": "infinite",
			"big": int64(1 << 40), "nan": "nan", "long": strings.Repeat("x", 1000),
		},
		"volume": {"size": int64(20), "name": "db-1"},
		"extra":  {},
	}
	v, ok := dictionaries[dictionary][key]
	return v, ok
}

func evaluate(text string) (evaluator.Value, error) {
	e, err := evaluator.Parse(text)
	if err != nil {
		return evaluator.Value{}, err
	}
	return e.Evaluate(lookup)
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]float64{
		"7":                       7,
		"007":                     7,
		"2.25":                    2.25,
		"4 + 3 - 2 - 1":           4,
		"100 - 20 * 3 + 36 / 9":   44,
		"7/2":                     3.5,
		"12 / 2 / 3":              2,
		"1.5+1":                   2.5,
		"-3":                      -3,
		"- - 3":                   3,
		"4+-3":                    1,
		"4--3":                    7,
		"2 * -3":                  -6,
		"3 ^ 2":                   9,
		"2 ^ 3 ^ 2":               512,
		"-3 ^ 2":                  -9,
		"9 ^ 0.5":                 3,
		"2 * 3 ^ 2":               18,
		"(2 * 3) ^ 2":             36,
		"2 ^ (-1)":                0.5,
		"(((8)))":                 8,
		"(1 + 2) * (3 + 4)":       21,
		"abs(-4)":                 4,
		"abs (3 - 8)":             5,
		"abs 2 ^ 2":               4,
		"2 ^ abs(0-3)":            8,
		"-max(1, 2)":              -2,
		"min(3, 1, 2)":            1,
		"max(1 + 1, 2 * 2, 3)":    4,
		"max(1, min(7, 9), 3)":    7,
		"max(1, (2, 3))":          3,
		"abs(-2) + 1":             3,
		"(1 < 2) + 1":             2,
		"1 < 2 ? 10 : 20":         10,
		"1 > 2 ? 10 : 20":         20,
		"0 ? 1 : 0 ? 2 : 3":       3, // Cinder: 0, the tail is ignored
		"1 ? 5 : 0 ? 2 : 3":       5,
		"0 ? 1 : (2 > 1 ? 6 : 7)": 6,
		"1 and 2":                 2,
		"0 or 3":                  3,
		"4 or 3":                  4,
		"1 or 0 and 0":            1,
		"1 and 0 or 5":            5,
		"1 and 2 and 3":           3, // Cinder: 2, the third operand is ignored
		"1and2":                   2,
		"1 and 1 ? 2 : 3":         2,
		"0 ? 2 : 3 and 9":         9,
		"1\t+\n1":                 2,

		"stats.free / stats.total * 100":     25,
		"stats.used_share * 100":             75, // Cinder: 0, the fraction is cut off
		"stats.as_text + 1":                  251,
		"stats.spaced + 1":                   13,
		"stats.json + 1":                     8,
		"stats.yes + 1":                      2,
		"stats.no":                           0,
		"stats.big":                          1 << 40,
		"volume.size < 30 ? 100 : 50":        100,
		"stats.total and volume.size":        20,
		"max(stats.free, stats.used_share)":  250,
		"10 < volume.size <= 20 ? 1 : 0":     1,
		"0 ? stats.missing : 3":              3, // only the branch that is taken is evaluated
		"1 ? 3 : 7 / 0":                      3,
		"volume.name == \"db-1\" ? 60 : 40":  60,
		"stats.protocol == 'iSCSI' ? 80 : 0": 80,
		"stats.protocol == iSCSI ? 80 : 0":   80,
	} {
		v, err := evaluate(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, ok := v.Number(); !ok || got != want || v.IsTruth() {
			t.Errorf("%s = %v, want %v", text, v, want)
		}
	}
}

func TestTruths(t *testing.T) {
	for text, want := range map[string]bool{
		"1 < 2":                              true,
		"2 <= 2":                             true,
		"3 >= 4":                             false,
		"3 <> 4":                             true,
		"3 != 3":                             false,
		"1 < 2 < 3":                          true,
		"1 < 3 < 2":                          false,
		"3 > 2 == 2":                         true,
		"1 > 2 > stats.missing":              false, // the first link that does not hold ends the chain
		"not 1":                              false,
		"not 0":                              true,
		"NOT 1 == 1":                         false, // (not 1) == 1
		"!!5":                                true,
		"not1":                               false,
		"!(1 == 2) == 1":                     true,
		"1 == !(1 == 2)":                     true,
		"1 < not 0":                          false,
		"(1 == 1) and (2 == 2)":              true,
		"(1 == 1) AND NOT (2 == 2)":          false,
		"(1 == 2) || (2 == 2)":               true,
		"(1==2) OR (1==1) && (3==3)":         true,
		"1 == 1 and 2 == 2 and 3==4":         false, // Cinder: true
		"1 == \"1\"":                         false,
		"1 != one":                           true,
		"abc == 'abc'":                       true,
		"\"a\" < 'b'":                        true,
		"\"it's\" == its":                    true,
		"stats.quoted == hey":                true,
		"\"a\" + 'b' == ab":                  true,
		"max(a, c, b) == c":                  true,
		"max(1 < 2, 0)":                      true,
		"stats.nan == stats.nan":             false,
		"stats.nan < 1":                      false,
		"stats.total > 5 and stats.free > 5": true,
		"\"é\" == 'é'":                       true,
	} {
		v, err := evaluate(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if v.Truth() != want || !v.IsTruth() {
			t.Errorf("%s = %v, want %v", text, v, want)
		}
	}
}

func TestTruthOfOtherValues(t *testing.T) {
	for text, want := range map[string]bool{
		"0.0": false, "0.1": true, "''": false, "false": true, "1, 0": true, "stats.nan": true,
	} {
		v, err := evaluate(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if v.Truth() != want || v.IsTruth() {
			t.Errorf("%s = %v is %v, want %v", text, v, v.Truth(), want)
		}
	}
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                    "at character 1: a value is missing at the end",
		"   ":                 "at character 4: a value is missing",
		"1/*1":                "at character 3: \"*\" stands where a value was expected",
		"1 +":                 "at character 4: a value is missing",
		"1 2":                 "at character 3: \"2\" stands where an operator",
		"5.":                  "at character 2: \".\" stands where an operator",
		"1.5.2":               "at character 4: \".\"",
		"1e3":                 "at character 2: \"e\"",
		"(1":                  "at character 3: the end stands where the parenthesis of character 1",
		"1)":                  "at character 2: \")\" stands where an operator",
		"()":                  "at character 2: \")\" stands where a value",
		"max()":               "at character 5: \")\"",
		"max(,)":              "at character 5: \",\"",
		"max(1,)":             "at character 7: \")\"",
		"2 ^ -1":              "at character 5: \"-\" needs parentheses",
		"1 + not 1":           "at character 5: \"not\" needs parentheses",
		"-not 1":              "at character 2: \"not\" needs parentheses",
		"1 ? 2":               "at character 6: the end stands where the \":\" to the \"?\" of character 3",
		"1 ? 2 ? 3 : 4 : 5":   "at character 7: \"?\" stands where the \":\"",
		"\"abc":               "at character 1: the string that begins here has no closing quote",
		"1 ; 2":               "at character 3: ';' is not part",
		"'é' ; 2":             "at character 5: ';' is not part",
		"é":                   "at character 1: 'é' is not part",
		"1 & 2":               "at character 3: '&' is not part",
		"1 = 2":               "at character 3: '=' is not part",
		"size(3)":             "at character 1: \"size\" is not a function",
		"stats.free stats.no": "at character 1: \"stats.free\" is not a function",
		"1 And 2":             "at character 3: \"And\" stands where an operator",
		"7 / 0":               "at character 3: a division by zero",
		"0 ^ (-1)":            "at character 3: a division by zero",
		"(-8) ^ 0.5":          "at character 6: a negative number to a power that is not whole",
		"stats.missing + 5":   "at character 1: stats.missing is not known",
		"5 + nostats.free":    "at character 5: nostats.free is not known",
		"stats.null":          "at character 1: stats.null is neither a number nor a string",
		"stats.list == a":     "at character 1: stats.list is neither",
		"a.b.c + 1":           "at character 7: \"+\" does not work with \"a.b.c\" and 1",
		"\"3\" + 4":           "at character 5: \"+\" does not work with \"3\" and 4",
		"3 * 'a'":             "at character 3: \"*\" does not work",
		"-abc":                "at character 1: a sign before \"abc\"",
		"stats.endless > 5":   "at character 15: \"infinite\" and 5 cannot be put in order",
		"1 < a":               "at character 3: 1 and \"a\" cannot",
		"max(1, a)":           "at character 1: max cannot compare 1 with \"a\"",
		"max(1)":              "at character 1: max takes two or more values, not 1 alone",
		"abs(1, 2)":           "at character 1: abs takes one number, not a list of 2",
		"abs a":               "at character 1: abs takes one number, not \"a\"",
		"(1, 2) == (1, 2)":    "at character 8: a list cannot be compared",
		"(1, 2) + 1":          "at character 8: \"+\" does not work with a list of 2",
		"0 and stats.missing": "at character 7: stats.missing", // both sides are evaluated, as in Cinder
		"1 or stats.missing":  "at character 6: stats.missing",
		"-stats.long":         "xxx\"..., which is not a number",
		"\xff":                "not valid UTF-8",

		strings.Repeat("9", 400):                   "too large a number",
		strings.Repeat("(", 200):                   "at character 101: more than 100 levels",
		strings.Repeat("-", 200):                   "at character 101: more than 100 levels",
		strings.Repeat(" ", evaluator.MaxLength+1): "at most 8192 are allowed",
	} {
		v, err := evaluate(text)
		if err == nil {
			t.Errorf("%.40q = %v, want the error %q", text, v, want)
			continue
		}
		if fault.KindOf(err) != fault.Invalid || fault.NameOf(err) != "EvaluatorParseException" {
			t.Errorf("%.40q: kind %v, name %q", text, fault.KindOf(err), fault.NameOf(err))
		}
		if !strings.Contains(fault.UserText(err), want) || len(fault.UserText(err)) > 300 {
			t.Errorf("%.40q: %q, want %q in it", text, fault.UserText(err), want)
		}
	}
}

// A long formula without nesting is no deeper than its length.
func TestLongFormula(t *testing.T) {
	v, err := evaluate("1" + strings.Repeat("+1", 4000))
	if n, _ := v.Number(); err != nil || n != 4001 {
		t.Errorf("%v, %v", v, err)
	}
}

func TestReadsPythonNumbers(t *testing.T) {
	for name, want := range map[string]float64{"inf": math.Inf(1), "Infinity": math.Inf(1)} {
		v, err := evaluate(name)
		if n, ok := v.Number(); err != nil || !ok || n != want {
			t.Errorf("%s = %v, %v", name, v, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"1 + 2 * 3", "a ? b : c", "max(1, 2)", "not (1 < 2 <= 3) and 'x' != \"y\"", "stats.free ^ 2", "--+-1", "((", "\x00", "é",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := evaluator.Parse(text)
		if err == nil {
			var first, second evaluator.Value
			first, err = e.Evaluate(lookup)
			second, _ = e.Evaluate(lookup)
			if first.String() != second.String() {
				t.Errorf("%q gave %v, then %v", text, first, second)
			}
		}
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: an error of kind %v: %v", text, fault.KindOf(err), err)
		}
	})
}

func BenchmarkEvaluate(b *testing.B) {
	e, err := evaluator.Parse("volume.size < 10 ? 100 : max(0, stats.free / stats.total * 100)")
	if err != nil {
		b.Fatal(err)
	}
	stats := func(_, key string) (any, bool) {
		if key == "total" {
			return 100.0, true
		}
		return 50.0, true
	}
	for b.Loop() {
		if _, err := e.Evaluate(stats); err != nil {
			b.Fatal(err)
		}
	}
}
