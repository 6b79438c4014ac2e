package archtest

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floor is packages that follow the same rule of what they may import from this module. In patterns a path stands for
// itself, "x/..." for x and everything below, "x/*" for what is directly below x.
type floor struct {
	name     string
	packages []string
	sees     []string
	why      string
}

// ground is the ground floor; sql is the one part of it that not everybody may touch.
var (
	ground = []string{"internal/fault", "internal/reqctx", "internal/flow", "internal/flow/recovery", "internal/run", "internal/execx", "internal/lock/...",
		"internal/telemetry", "internal/nbd/...", "internal/imageformat/...", "internal/fernet", "internal/stream", "internal/together"}
	groundAndSQL = append(slices.Clone(ground), "internal/sqlkit/...")
	oslo         = []string{"internal/oslo/..."}
)

func join(lists ...[]string) []string { return slices.Concat(lists...) }

// house is the floor plan. The first floor whose pattern matches a package is its floor, so the special ones come first.
func house() []floor {
	return slices.Concat(belowWings(), blockOnly(), identityOnly(), imageOnly(), wing("block"), wing("identity"), wing("image"), []floor{
		{"the binary", []string{"cmd/..."}, []string{"cmd/...", "internal/..."}, ""},
		{"tests and tools", []string{"test/...", "scripts/...", "internal/archtest"}, []string{"internal/...", "test/..."}, ""},
	})
}

// belowWings is what every wing stands on.
func belowWings() []floor {
	return []floor{
		{"the ground floor", join(groundAndSQL, []string{"internal/flow/flowtest"}), groundAndSQL,
			"the ground floor knows nothing of OpenStack"},
		{"OpenStack's conventions", oslo, join(ground, oslo),
			"oslo/* knows no wing, so that every wing can stand on it"},
		{"clients of other services", []string{"internal/keystone/...", "internal/glance/...", "internal/nova/...", "internal/keymanager/..."},
			join(ground, oslo, []string{"internal/keystone/...", "internal/glance", "internal/nova", "internal/keymanager"}), "a client knows no wing"},
	}
}

// wing is the plan that all wings share: the domain below, the store's contract and the messages beside the use cases, the
// API on top. A wing without messages simply has no rpcapi.
func wing(name string) []floor {
	w := "internal/" + name
	return []floor{
		{"the domain", []string{w}, []string{"internal/fault"}, "the domain is values and rules, without I/O"},
		{"policies", []string{w + "/policies"}, []string{w, "internal/oslo/policy"}, "policies are data"},
		{"the API", []string{w + "/api/..."}, join([]string{w, w + "/api/...", w + "/app/..."}, ground, oslo),
			"the API turns HTTP into use cases and back; ask a use case in app for what it needs"},
		{"the use cases", []string{w + "/app/..."},
			join([]string{w, w + "/app/...", w + "/store", w + "/rpcapi", w + "/token", w + "/notify", w + "/storage", "internal/glance", "internal/nova", "internal/keymanager"}, ground, oslo),
			"a use case knows contracts, never SQL or a driver"},
		{"the SQL of the store", []string{w + "/store/sqlstore/...", w + "/store/schema"},
			join([]string{w, w + "/store/..."}, groundAndSQL), "the store's implementation knows its contract and SQL"},
		{"the store", []string{w + "/store/..."}, join([]string{w, w + "/store"}, ground), "the contract knows no implementation"},
	}
}

// identityOnly is what Identity has beyond the plan.
func identityOnly() []floor {
	return []floor{
		{"tokens", []string{"internal/identity/token"}, join([]string{"internal/identity"}, ground),
			"what a token says is a value; what it is worth is the use cases' affair"},
	}
}

// imageOnly is what the image service has beyond the plan: where the bytes of images are kept.
func imageOnly() []floor {
	const storage = "internal/image/storage"
	return []floor{
		{"where images are kept", []string{storage + "/..."}, join([]string{storage}, ground),
			"a store of images sees its contract and the ground floor, never another store or the database"},
		{"what reaches into the web", []string{"internal/image/fetch"}, ground, "it gets bytes; what they are for is the use cases' affair"},
	}
}

// blockOnly is what Block Storage has beyond the plan: services that do the work, and what they drive.
func blockOnly() []floor {
	return []floor{
		{"the decisions", []string{"internal/block/scheduler/decide/..."},
			[]string{"internal/block", "internal/fault", "internal/block/scheduler/decide/..."},
			"a decision is a pure function; the scheduler hands it a snapshot"},
		{"the scheduler", []string{"internal/block/scheduler/..."},
			join([]string{"internal/block", "internal/block/scheduler/...", "internal/block/store", "internal/block/rpcapi",
				"internal/block/journal", "internal/block/membership", "internal/block/backupends", "internal/block/workers", "internal/block/notify"}, ground, oslo),
			"the scheduler knows contracts only"},
		{"the manager", []string{"internal/block/manager/...", "internal/block/backup/..."},
			join([]string{"internal/block", "internal/block/manager/...", "internal/block/backup/...", "internal/block/store", "internal/block/rpcapi", "internal/block/driver",
				"internal/block/target", "internal/block/journal", "internal/block/membership", "internal/block/backupends", "internal/block/workers", "internal/block/keymigration", "internal/block/initiator", "internal/block/notify",
				"internal/glance", "internal/nova", "internal/keymanager"}, ground, oslo),
			"a manager knows the contracts of drivers and targets, never one of them"},
		{"a driver", []string{"internal/block/driver/..."},
			join([]string{"internal/block", "internal/block/driver"}, ground),
			"a driver sees its contract, the domain and the ground floor, never another driver or the store"},
		{"a target", []string{"internal/block/target/..."},
			join([]string{"internal/block", "internal/block/target"}, ground),
			"a target sees its contract, the domain and the ground floor"},
		{"the consumer of volumes", []string{"internal/block/initiator"}, join([]string{"internal/block"}, ground),
			"it is told of a connection and knows nothing of who asked for it"},
		{"the messages", []string{"internal/block/rpcapi"},
			[]string{"internal/block", "internal/fault", "internal/oslo/messaging", "internal/oslo/versionedobjects"},
			"messages are values; who handles them is the services' affair"},
		{"the messages on the wire", []string{"internal/block/rpcapi/wire/..."},
			join([]string{"internal/block", "internal/block/rpcapi", "internal/block/rpcapi/wire/...", "internal/block/store"}, ground, oslo),
			"what Python services understand is made of messages and rows; who handles them is the services' affair"},
		{"log levels", []string{"internal/block/loglevels"}, join([]string{"internal/block", "internal/block/rpcapi"}, ground, oslo), "what a service is asked about its log"},
		{"notifications", []string{"internal/block/notify"}, join([]string{"internal/block"}, ground, oslo), "events and payloads are made of the domain alone"},
		{"the migration of keys", []string{"internal/block/keymigration"}, join([]string{"internal/block", "internal/block/store", "internal/keymanager"}, ground),
			"it knows rows and the contract of key managers, and no service"},
		{"journal and membership", []string{"internal/block/journal", "internal/block/membership", "internal/block/backupends", "internal/block/workers"},
			join([]string{"internal/block", "internal/block/store", "internal/block/rpcapi"}, ground),
			"what every service of the wing needs knows the store's contract only"},
	}
}

// implementations are what only cmd and tests may import, and their own parts.
var implementations = []string{"internal/block/store/sqlstore", "internal/identity/store/sqlstore", "internal/image/store/sqlstore",
	"internal/block/driver/*", "internal/block/target/*", "internal/glance/*", "internal/nova/*", "internal/keymanager/*", "internal/image/storage/*", "internal/block/backup/repository/*",
	"internal/oslo/messaging/inproc", "internal/oslo/messaging/rabbit"}

// sqlstores is where the statements of each wing are.
var sqlstores = []string{"internal/block/store/sqlstore/...", "internal/identity/store/sqlstore/...", "internal/image/store/sqlstore/..."}

// libraries says where a library, or a part of the standard library, may be used. What is not listed may be used
// anywhere.
var libraries = map[string][]string{
	"github.com/spf13/cobra":                   {"cmd/..."},
	"github.com/prometheus/client_golang":      {"internal/telemetry"},
	"go.opentelemetry.io/otel":                 {"internal/telemetry"},
	"modernc.org/sqlite":                       {"internal/sqlkit"},
	"github.com/go-sql-driver/mysql":           {"internal/sqlkit/mysql"},
	"github.com/jackc/pgx/v5":                  {"internal/sqlkit/postgresql"},
	"database/sql":                             append([]string{"internal/sqlkit/...", "internal/block/store/schema"}, sqlstores...),
	"github.com/huandu/go-sqlbuilder":          sqlstores,
	"github.com/minio/minio-go/v7":             {"internal/image/storage/s3"},
	"github.com/tinylib/msgp":                  {"internal/identity/token"},
	"golang.org/x/crypto":                      {"internal/identity/app/secrets"},
	"github.com/hashicorp/golang-lru/v2":       {"internal/identity/app/tokens", "internal/oslo/authtoken"},
	"github.com/santhosh-tekuri/jsonschema/v6": {"internal/oslo/bodyschema"},
	"github.com/klauspost/compress":            {"internal/block/backup/chunked"},
	"github.com/dsnet/compress":                {"internal/block/backup/chunked"},
	"github.com/rabbitmq/amqp091-go":           {"internal/oslo/messaging/rabbit/broker"},
	"gopkg.in/yaml.v3":                         {"internal/oslo/policy"},
	"github.com/gophercloud/gophercloud/v2":    {"internal/keystone/...", "internal/glance/...", "internal/nova/...", "internal/keymanager/barbican", "test/..."},
	"os/exec":                                  {"internal/execx", "internal/lock/locktest", "scripts/...", "test/..."},
	"golang.org/x/tools":                       {},
	"math/rand":                                {},
	"io/ioutil":                                {},
	"log":                                      {},
	"net/http":                                 {"cmd/...", "internal/oslo/...", "internal/block/api/...", "internal/identity/api/...", "internal/image/api/...", "internal/image/fetch", "internal/image/storage/s3", "internal/telemetry", "internal/lock/etcdlock", "internal/lock/locktest", "internal/keystone/...", "internal/glance/...", "internal/nova/...", "internal/keymanager/barbican", "test/..."},
}

func matches(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if prefix, ok := strings.CutSuffix(pattern, "/..."); ok {
			return path == prefix || strings.HasPrefix(path, prefix+"/")
		}
		if prefix, ok := strings.CutSuffix(pattern, "/*"); ok {
			rest, below := strings.CutPrefix(path, prefix+"/")
			return below && !strings.Contains(rest, "/")
		}
		return path == pattern
	})
}

// eachImport calls f for every import of every file that is not a test.
func (p pkg) eachImport(f func(place, path string)) {
	for _, file := range p.Syntax {
		for _, spec := range file.Imports {
			if path, err := strconv.Unquote(spec.Path.Value); err == nil {
				f(p.at(spec.Pos()), path)
			}
		}
	}
}

func TestLayers(t *testing.T) {
	forEach(t, func(t *testing.T, p pkg) {
		i := slices.IndexFunc(house(), func(f floor) bool { return matches(f.packages, p.path) })
		if i < 0 {
			t.Errorf("%s is on no floor: give it a place in the table of internal/archtest/layers_test.go", p.path)
			return
		}
		on := house()[i]
		sees := on.sees
		if isTestSupport(p.path) {
			return // a suite may use whatever tests may
		}
		p.eachImport(func(place, imported string) {
			ours, ok := strings.CutPrefix(imported, module+"/")
			if ok && !matches(sees, ours) && !strings.HasPrefix(ours, p.path+"/") { // its own parts it may see
				t.Errorf("%s: %s (%s) must not import %s: %s", place, p.path, on.name, ours, on.why)
			}
		})
	})
}

func TestImplementationsAreWiredInCommandsOnly(t *testing.T) {
	forEach(t, func(t *testing.T, p pkg) {
		if matches([]string{"cmd/...", "test/..."}, p.path) || isTestSupport(p.path) {
			return
		}
		p.eachImport(func(place, imported string) {
			ours, ok := strings.CutPrefix(imported, module+"/")
			if ok && matches(implementations, ours) && !strings.HasPrefix(p.path, ours+"/") {
				t.Errorf("%s: %s must not import the implementation %s: take its contract as a parameter and wire it in cmd/clinker",
					place, p.path, ours)
			}
		})
	})
}

func TestSuitesStayInTests(t *testing.T) {
	forEach(t, func(t *testing.T, p pkg) {
		if isTestSupport(p.path) {
			return
		}
		p.eachImport(func(place, imported string) {
			ours, _ := strings.CutPrefix(imported, module+"/")
			if imported == "testing" || ours != imported && isTestSupport(ours) {
				t.Errorf("%s: %s is for tests, and %s is no test: move what is needed into a _test.go file or a package whose name ends in test or bench",
					place, imported, p.path)
			}
		})
	})
}

func TestLibrariesHaveTheirPlace(t *testing.T) {
	names := slices.SortedFunc(maps.Keys(libraries), func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	forEach(t, func(t *testing.T, p pkg) {
		if isTestSupport(p.path) {
			return
		}
		p.eachImport(func(place, imported string) {
			for _, library := range names {
				exact := !strings.Contains(library, ".") // of the standard library: net/http is not net/http/httptest
				if imported != library && (exact || !strings.HasPrefix(imported, library+"/")) {
					continue
				}
				if where := libraries[library]; !matches(where, p.path) {
					t.Errorf("%s: %s must not use %s: its place is %s", place, p.path, imported, cmp.Or(strings.Join(where, ", "), "tests"))
				}
				return
			}
		})
	})
}

func TestPackageNames(t *testing.T) {
	banned := []string{"util", "utils", "common", "helper", "helpers", "model", "models", "type", "types", "base", "misc", "shared", "lib", "core"}
	forEach(t, func(t *testing.T, p pkg) {
		if last := path.Base(p.path); slices.Contains(banned, last) || slices.Contains(banned, p.Name) {
			t.Errorf("%s: a package called %q says nothing: name it after what it is about", p.path, last)
		}
	})
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"internal/flow", "internal/flow", true}, {"internal/flow", "internal/flow/flowtest", false}, {"internal/flow", "internal/flower", false},
		{"internal/oslo/...", "internal/oslo", true}, {"internal/oslo/...", "internal/oslo/a/b", true}, {"internal/oslo/...", "internal/oslop", false},
		{"x/driver/*", "x/driver/lvm", true}, {"x/driver/*", "x/driver", false}, {"x/driver/*", "x/driver/lvm/thin", false},
	} {
		if got := matches([]string{c.pattern}, c.path); got != c.want {
			t.Errorf("%q on %q: %v", c.pattern, c.path, got)
		}
	}
}
