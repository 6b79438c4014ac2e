package wire_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block/backup"
	"github.com/clinker/clinker/internal/block/backup/repository/fake"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/loglevels"
	"github.com/clinker/clinker/internal/block/manager"
	"github.com/clinker/clinker/internal/block/manager/image"
	"github.com/clinker/clinker/internal/block/manager/managertest"
	"github.com/clinker/clinker/internal/block/scheduler"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/flow"
	fakeimages "github.com/clinker/clinker/internal/glance/fake"
	"github.com/clinker/clinker/internal/oslo/log"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/oslo/messaging/inproc"
)

// remarks are what a service of ours makes of a message, where that is not what the name says.
var remarks = map[string]string{
	"volume/accept_transfer":                "nothing to do: no storage of ours keeps to whom a volume belongs",
	"volume/remove_export":                  "nothing to do: an export goes with its last connection",
	"volume/secure_file_operations_enabled": "always false",
	"volume/get_backup_device":              "never a snapshot, always a volume",
	"volume/failover":                       "ends in failover-error: no driver of ours replicates",
	"volume/failover_completed":             "an error, as of a driver that does not replicate",
	"volume/initialize_connection_snapshot": "refused: no driver of ours lets snapshots be attached",
	"volume/terminate_connection_snapshot":  "refused, likewise",
	"volume/remove_export_snapshot":         "refused, likewise",
	"volume/update_migrated_volume":         "between two of ours only",
	"volume/do_cleanup":                     "what Python's services left in `workers`",
	"scheduler/do_cleanup":                  "what Python's schedulers left in `workers`",
	"backup/check_support_to_force_delete":  "always true",
}

// switchboard is a transport that notes which methods are served.
type switchboard struct {
	messaging.Transport
	served map[string]bool // "service/method"
}

func (r switchboard) Serve(ctx context.Context, s messaging.Server) (messaging.Listener, error) {
	service := strings.TrimPrefix(strings.SplitN(s.Topic, ".", 2)[0], "cinder-")
	for name := range s.Methods {
		r.served[service+"/"+name] = true
	}
	return r.Transport.Serve(ctx, s)
}

// servedByOurs starts each service and gives what it serves.
func servedByOurs(t *testing.T) map[string]bool {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(t.TempDir(), "cinder.sqlite"), Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	r := switchboard{inproc.New(inproc.Options{}), map[string]bool{}}
	t.Cleanup(func() { _ = r.Close(context.Background()) })
	quiet := slog.New(slog.DiscardHandler)
	methods := loglevels.Methods(log.Levels{})
	flows := flow.NewEngine(journal.New(s), flow.Options{Stopping: messaging.ErrStopping, Log: quiet})
	sch, err := scheduler.New(scheduler.Options{Host: "node", Methods: methods, Log: quiet}, s, r, nil)
	if err != nil {
		t.Fatal(err)
	}
	volumes := manager.New(manager.Options{Host: managertest.Host, Store: s, Flows: flows, Backend: managertest.NewWorld(t).Backend, Transport: r, Methods: methods,
		Images: image.Settings{Images: fakeimages.New(), ConversionDir: t.TempDir()}, Log: quiet})
	backups := backup.New(backup.Options{Host: "node", Store: s, Flows: flows, Repository: fake.New("fake"), Transport: r, Methods: methods, Log: quiet})
	for _, one := range []struct{ start, stop func(context.Context) error }{{sch.Start, sch.Stop}, {volumes.Start, volumes.Stop}, {backups.Start, backups.Stop}} {
		if err := one.start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = one.stop(context.Background()) })
	}
	return r.served
}

// TestMessagesTable: what Python's clients send is served, and the table in the documents says so.
func TestMessagesTable(t *testing.T) {
	served := servedByOurs(t)
	f, err := os.Open("testdata/python.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	since := map[string]string{}
	var names []string
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var m struct{ Service, Method, Version string }
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		name := m.Service + "/" + m.Method
		if since[name] == "" {
			names = append(names, name)
		}
		since[name] = m.Version
	}
	slices.Sort(names)
	var table strings.Builder
	table.WriteString("| service | method | asks for | a service of ours |\n|---|---|---|---|\n")
	for _, name := range names {
		state := "serves it"
		if remarks[name] != "" {
			state += ": " + remarks[name]
		}
		if !served[name] {
			t.Errorf("no service of ours serves %s", name)
			state = "does not know it"
		}
		delete(served, name)
		service, method, _ := strings.Cut(name, "/")
		fmt.Fprintf(&table, "| %s | `%s` | %s | %s |\n", service, method, since[name], state)
	}
	for name := range served {
		t.Errorf("%s is served, and no client of Python's sends it", name)
	}
	for name := range remarks {
		if since[name] == "" {
			t.Errorf("there is a remark on %s, which nobody sends", name)
		}
	}
	const path = "../../../../docs/conformance.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- messages: written by go test ./internal/block/rpcapi/wire -update -->\n", "<!-- end of messages -->"
	before, rest, found := strings.Cut(string(text), begin)
	got, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for the table of messages", path)
	}
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(path, []byte(before+begin+table.String()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(table.String(), got); diff != "" {
		t.Errorf("the table of messages in %s (-want +got); write it again with -update if this is right:\n%s", path, diff)
	}
}
