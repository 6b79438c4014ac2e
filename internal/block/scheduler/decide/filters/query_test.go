package filters_test

import (
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/block/scheduler/decide/filters"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/fault"
)

func queriedPool() snapshot.Pool {
	return snapshot.Pool{
		Host: "node@ssd#fast", BackendName: "gold", VendorName: "Acme", Total: snapshot.GiB(1000), Free: snapshot.GiB(300),
		ThinProvisioning: true, Service: snapshot.Service{AvailabilityZone: "north", Up: true},
		Capabilities: map[string]any{"disks": 24.0, "levels": map[string]any{"max": 7.0}, "tiers": []any{"a", "b"}},
	}
}

func TestJsonFilter(t *testing.T) {
	pool := queriedPool()
	const isFalse = "the scheduler hint query is false for it"
	for query, want := range map[string]string{
		``:                                      "",
		`[]`:                                    "",
		`null`:                                  "",
		`["=", "$backend_id", "node@ssd#fast"]`: "",
		`["=", "$backend_id", "node@ssd#slow"]`: isFalse,
		`["=", "$host", "node@ssd#fast", "node@ssd#fast"]`:                                               "",
		`["<", "$free_capacity_gb", 301, 400]`:                                                           "",
		`["<", "$free_capacity_gb", 301, 300]`:                                                           isFalse,
		`["<=", "$free_capacity_gb", 300]`:                                                               "",
		`[">", "$free_capacity_gb", 300]`:                                                                isFalse,
		`[">=", "$free_capacity_gb", 300]`:                                                               "",
		`[">", "$vendor_name", "Aaaa"]`:                                                                  "",
		`["in", "$vendor_name", "Emca", "Acme"]`:                                                         "",
		`["in", "$vendor_name", "Emca"]`:                                                                 isFalse,
		`["=", "$capabilities.disks", 24]`:                                                               "",
		`["=", "$capabilities.levels.max", 7]`:                                                           "",
		`["=", "$capabilities.levels.max.x", 7]`:                                                         isFalse,
		`["=", "$capabilities.tiers", "a"]`:                                                              isFalse,
		`["=", "$service.availability_zone", "north"]`:                                                   "",
		`["=", "$pool_name", "fast"]`:                                                                    "",
		`["=", "$thin_provisioning_support", true]`:                                                      "",
		`["=", "$thin_provisioning_support", 1]`:                                                         "",
		`["=", "$vendor_name"]`:                                                                          isFalse, // nothing to compare with
		`["=", "$nosuch", 1]`:                                                                            isFalse,
		`["=", "$free_capacity_gb", null]`:                                                               isFalse,
		`["=", "$free_capacity_gb", ""]`:                                                                 isFalse,
		`["=", "$free_capacity_gb", "300"]`:                                                              isFalse,
		`["and", [">", "$free_capacity_gb", 1], ["<", "$total_capacity_gb", 2000]]`:                      "",
		`["and", [">", "$free_capacity_gb", 1], ["<", "$total_capacity_gb", 200]]`:                       isFalse,
		`["or", [">", "$free_capacity_gb", 1000], ["<", "$total_capacity_gb", 2000]]`:                    "",
		`["or", [">", "$free_capacity_gb", 1000], ["<", "$total_capacity_gb", 200]]`:                     isFalse,
		`["or", ["and", ["=", 1, 2], ["=", 1, 1]], ["and", ["=", 1, 1], ["=", "$vendor_name", "Acme"]]]`: "",
		`["not", ["=", "$vendor_name", "Emca"]]`:                                                         "",
		`["not", ["=", "$vendor_name", "Acme"]]`:                                                         isFalse,
		`["not", ["=", "$vendor_name", "Acme"], ["=", 1, 2]]`:                                            "", // one of the opposites is true
		`["and", ["not", ["=", "$vendor_name", "Acme"]], ["=", 1, 1]]`:                                   isFalse,
		`["and", []]`:              "",
		`["and"]`:                  "",
		`["or"]`:                   isFalse,
		`["not"]`:                  isFalse,
		`["and", "x", 1, true]`:    "",
		`["and", "x", 0]`:          isFalse,
		`["and", "$capabilities"]`: "",
		`["and", "$vendor_name", "$driver_version"]`: "", // what is not known does not count
		`[">", "$free_capacity_gb", "many"]`:         "the scheduler hint query cannot be evaluated: a number and something else cannot be put in order",
		`["<", "$capabilities", 3]`:                  "the scheduler hint query cannot be evaluated: a number and something else cannot be put in order",
	} {
		r := snapshot.Request{Hints: map[string]any{"query": query}}
		if got := ask(t, "JsonFilter", &pool, &r); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	if got := ask(t, "JsonFilter", &pool, &snapshot.Request{}); got != "" {
		t.Errorf("without a hint: %q", got)
	}
	list := snapshot.Request{Hints: map[string]any{"query": []any{"=", "$vendor_name", "Emca"}}}
	if got := ask(t, "JsonFilter", &pool, &list); got != isFalse {
		t.Errorf("as a list: %q", got)
	}
}

func TestJsonFilterRefusesBadQueries(t *testing.T) {
	for query, want := range map[string]string{
		`[`:                       "the scheduler hint query is no JSON: unexpected end of JSON input.",
		`{"a": 1}`:                `must be a list such as ["=", "$backend_id", "host@backend#pool"].`,
		`"="`:                     "must be a list",
		`["==", 1, 1]`:            `has a list that begins with "=="; the operators are = < > in <= >= not or and.`,
		`[1]`:                     "has a list that begins with 1;",
		`["and", ["xor", 1, 2]]`:  `begins with "xor"`,
		strings.Repeat("[", 9000): "is no JSON",
		strings.Repeat(`["not",`, 40) + "1" + strings.Repeat("]", 40): "has more than 32 lists inside each other.",
		`["` + strings.Repeat("x", 20_000) + `"]`:                     "at most 16384 are allowed.",
	} {
		selected, err := filters.Select([]string{"JsonFilter"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = selected[0].Prepare(&snapshot.Request{Hints: map[string]any{"query": query}})
		if fault.KindOf(err) != fault.Invalid || fault.NameOf(err) != "InvalidInput" || !strings.Contains(fault.UserText(err), want) {
			t.Errorf("%.40s: %v, want %q", query, err, want)
		}
	}
}

func FuzzJsonFilter(f *testing.F) {
	for _, query := range []string{
		`["and", [">=", "$free_capacity_gb", 1024], ["in", "$vendor_name", "a", "b"]]`, `["not", ["<", "$capabilities.levels", {"a": [1]}]]`, `[[]]`,
	} {
		f.Add(query)
	}
	selected, err := filters.Select([]string{"JsonFilter"})
	if err != nil {
		f.Fatal(err)
	}
	pool := queriedPool()
	f.Fuzz(func(t *testing.T, query string) {
		check, err := selected[0].Prepare(&snapshot.Request{Hints: map[string]any{"query": query}})
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", query, err)
		}
		if check != nil && len(check(&pool)) > 200 {
			t.Errorf("%q: %q", query, check(&pool))
		}
	})
}
