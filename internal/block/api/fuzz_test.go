package api_test

import (
	"fmt"
	"go/format"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/oslo/wsgi"
	"github.com/clinker/clinker/internal/oslo/wsgi/wsgitest"
)

// slowest is how long any answer may take.
const slowest = 5 * time.Second

// fuzz is the target of one operation, on resources that are there.
func fuzz(f *testing.F, operation string) {
	f.Helper()
	for _, r := range inventory(f) {
		if operationName(r) != operation || !r.HasSchema {
			continue
		}
		// Only what calls other services needs them; without, a cloud is made in no time.
		calls := strings.Contains(operation, "tach") || strings.Contains(operation, "connection") || strings.HasPrefix(operation, "POST /groups/") ||
			strings.Contains(operation, "/backups")
		c := apitest.New(f, nil, unlimited, func(o *apitest.Options) { o.Idle, o.API.Settle = !calls, 100*time.Millisecond })
		path := "/abc" + withResources(&fixture{c.As(f, apitest.Member, "p")}, r.Path)
		wsgitest.FuzzBody(f, timely(c.API), r.Method, path, r.Schemas[len(r.Schemas)-1].JSON, versionsOf(r)...)
		return
	}
	f.Skipf("the API has no operation %s with a schema now", operation)
}

// versionsOf is a microversion that each schema of an operation covers.
func versionsOf(r wsgi.RouteInfo) []string {
	var out []string
	for _, s := range r.Schemas {
		if s.Versions.Max.IsZero() {
			out = append(out, "latest")
		} else {
			out = append(out, s.Versions.Max.String())
		}
	}
	return out
}

// withResources puts ids of resources that are there in the place of a path's wildcards.
func withResources(f *fixture, path string) string {
	id := nowhere
	switch strings.Split(path, "/")[1] {
	case "volumes":
		id = f.realVolume()
	case "snapshots":
		id = f.newSnapshot(block.SnapshotAvailable)
	case "attachments":
		id = f.newAttachment()
	case "backups":
		id = f.newBackup(func(b *block.Backup) { b.Host, b.Service = "node", apitest.Repository })
	case "types":
		id = f.newType(false)
	case "groups":
		id = f.newGroup()
	case "group_snapshots":
		id = f.newGroupSnapshot(f.newGroup())
	case "os-quota-sets":
		id = "abc"
	}
	return strings.NewReplacer("{id}", id, "{key}", "key").Replace(path)
}

// timely answers for a handler: what it says it has not got (501) is no error here, and what takes too long is one.
func timely(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, answer := time.Now(), httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		switch {
		case answer.Code == http.StatusNotImplemented:
			w.WriteHeader(http.StatusNoContent)
		case time.Since(began) > slowest:
			http.Error(w, "the answer took "+time.Since(began).String(), http.StatusGatewayTimeout)
		default:
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
		}
	})
}

// TestFuzzTargets writes the fuzz targets, one for each operation with a request schema, and fails when one is missing.
func TestFuzzTargets(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`package api_test

import "testing"

// The fuzz targets, one for each operation with a request schema: whatever the body, the answer is no server error, a
// refusal is a fault body, and it comes in time. "go test" runs the seeds, which are made from the schema; to search, run
// "go test -fuzz=FuzzPostVolumes$ ./internal/block/api". TestFuzzTargets writes this file when it is run with -update.

`)
	done := map[string]bool{}
	for _, r := range inventory(t) {
		name := operationName(r)
		if !r.HasSchema || r.Status == http.StatusNotImplemented || done[name] {
			continue
		}
		done[name] = true
		fmt.Fprintf(&b, "func %s(f *testing.F) { fuzz(f, %q) }\n", targetName(r), name)
	}
	source, err := format.Source([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "fuzz_targets_test.go", string(source))
}

// targetName makes a name of an operation: FuzzPostVolumes, FuzzPutVolumesIdMetadata, FuzzVolumesOsExtend.
func targetName(r wsgi.RouteInfo) string {
	words := "fuzz " + strings.ToLower(r.Method) + r.Path
	if r.Action != "" {
		collection, _, _ := strings.Cut(r.Path[1:], "/")
		words = "fuzz " + collection + " " + r.Action
	}
	var name strings.Builder
	for _, word := range strings.FieldsFunc(words, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }) {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return name.String()
}
