package wire

import (
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/oslo/messaging"
	vo "github.com/clinker/clinker/internal/oslo/versionedobjects"
)

var update = flag.Bool("update", false, "write the golden files")

func topicOf(s service) string {
	return map[service]string{scheduler: rpcapi.SchedulerTopic, volume: rpcapi.VolumeTopic + ".node@lvm", backup: rpcapi.BackupTopic}[s]
}

// TestCapturedMessagesAreUnderstood: what Python's clients send is read as the golden says, written again as it was but for
// what Python does not need, and asks for the version Python asks for.
func TestCapturedMessagesAreUnderstood(t *testing.T) {
	type line struct {
		Service service
		Method  string
		Message any
	}
	var got []line
	for _, m := range capturedMessages(t) {
		w := newWorld()
		c := newCodec(t, w)
		w.populate(t, registry(t), m.Args)
		raw, err := json.Marshal(m.Args)
		if err != nil {
			t.Fatal(err)
		}
		args, err := c.DecodeArgs(t.Context(), messaging.Incoming{Topic: topicOf(m.Service), Method: m.Method, Args: raw}, nil)
		if err != nil {
			t.Errorf("%s to the %s: %v", m.Method, m.Service, err)
			continue
		}
		got = append(got, line{m.Service, m.Method, args})
		e, err := c.EncodeArgs(t.Context(), messaging.Target{Topic: topicOf(m.Service)}, messaging.Message{Method: m.Method, Args: args})
		if err != nil {
			t.Errorf("%s to the %s again: %v", m.Method, m.Service, err)
			continue
		}
		var again map[string]any
		if err := json.Unmarshal(e.Args, &again); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(essence(m.Args), essence(again), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s to the %s (-Python +ours):\n%s", m.Method, m.Service, diff)
		}
		if e.Version != m.Version {
			t.Errorf("%s to the %s asks for version %s, and Python for %s", m.Method, m.Service, e.Version, m.Version)
		}
	}
	text, err := json.MarshalIndent(got, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/decoded.json", append(text, '\n'))
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got); write it again with -update if this is right:\n%s", file, diff)
	}
}

// essence is a message without what ours leave for Python to load from its database, and what no receiver needs: names of
// changed fields, views of the same thing, and reservations' traces.
func essence(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = essence(e)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for name, e := range v {
			out[name] = essence(e)
		}
		for _, name := range []string{"versioned_object.changes", "admin_metadata", "glance_metadata", "volume_attachment", "volume_metadata",
			"volume_admin_metadata", "volume_glance_metadata", "name_id", "operation"} {
			delete(out, name)
		}
		if out["_name_id"] != nil || out["display_name"] != nil || out["host"] != nil { // a volume as a dictionary has views
			if text, ok := out["name"].(string); ok && strings.HasPrefix(text, "volume-") {
				delete(out, "name")
			}
		}
		if data, ok := out["versioned_object.data"].(map[string]any); ok {
			switch v["versioned_object.name"] {
			case "RequestSpec":
				delete(data, "group_id") // of a check of room: it is only for a log
				if nested, ok := data["volume"].(map[string]any); ok {
					delete(nested["versioned_object.data"].(map[string]any), "host") // ours has the host it just got
				}
			case "BackupImport":
				for _, name := range []string{"size", "object_count", "num_dependent_backups", "metadata"} {
					delete(data, name) // null or nothing
				}
			}
		}
		if v["versioned_object.name"] == "VolumeProperties" {
			delete(out["versioned_object.data"].(map[string]any), "reservations") // the API has them; the services do not look
		}
		if v["exc"] != nil {
			out["exc"] = []any{lastLine(v["exc"])}
		}
		if vo.IsPrimitive(v) && (v["versioned_object.name"] == "Snapshot" || v["versioned_object.name"] == "GroupSnapshot") {
			data := out["versioned_object.data"].(map[string]any)
			delete(data, "volume")
			delete(data, "group")
		}
		return out
	case string:
		if stamp, ok := strings.CutSuffix(v, ".678901"); ok { // rows keep whole seconds
			return stamp + ".000000"
		}
	}
	return v
}

// TestEveryMethodIsThere: what rpcapi names can be sent, and what Python's clients send is understood.
func TestEveryMethodIsThere(t *testing.T) {
	named := map[string]bool{}
	files, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), "../"+f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if ok && strings.HasPrefix(spec.Names[0].Name, "Method") {
				name, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				named[name] = true
			}
			return true
		})
	}
	served := map[string]bool{}
	for s, methods := range allMethods() {
		for name := range methods {
			delete(named, name)
			served[string(s)+"/"+name] = true
		}
	}
	if len(named) > 0 {
		t.Errorf("rpcapi has methods that cannot be sent: %v", slices.Sorted(maps.Keys(named)))
	}
	seen := map[string]bool{}
	for _, m := range capturedMessages(t) {
		name := string(m.Service) + "/" + m.Method
		seen[name] = true
		if !served[name] {
			t.Errorf("Python sends %s, which is not understood", name)
		}
	}
	for name := range served {
		if !seen[name] {
			t.Errorf("%s was never seen from a Python client", name)
		}
	}
}
