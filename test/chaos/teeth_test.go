package chaos

import (
	"database/sql"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/clinker/clinker/test/harness"
)

// TestChaosInspectionFindsWhatIsWrong breaks a sound state directory in every way that an inspection is for.
func TestChaosInspectionFindsWhatIsWrong(t *testing.T) {
	cloud := harness.Start(t, "")
	c := &client{name: "c", state: cloud.StateDir, done: map[string]int{}, api: api{cloud, "f00"}}
	_, answer, err := c.ask(t.Context(), http.MethodPost, "/volumes", object{"volume": object{"size": 1}}, 202)
	if err != nil {
		t.Fatal(err)
	}
	id := answer.object("volume").text("id")
	if err := c.await(t.Context(), "volume", id, "available"); err != nil {
		t.Fatal(err)
	}
	cloud.Stop(t)
	look := func() string {
		t.Helper()
		found, err := inspect(t.Context(), cloud.StateDir, true)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(found, "\n")
	}
	if found := look(); found != "" {
		t.Fatalf("the service has left: %s", found)
	}

	file := filepath.Join(cloud.StateDir, "volumes", "file", "volumes", "volume-"+id)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Rename(file, file+".tmp"))
	db, err := sql.Open("sqlite", filepath.Join(cloud.StateDir, "cinder.sqlite"))
	must(err)
	defer db.Close()
	for _, change := range []string{
		`UPDATE volumes SET status = 'attaching', migration_status = 'migrating', _name_id = 'another'`,
		`UPDATE quota_usages SET in_use = 7 WHERE resource = 'gigabytes'`,
		`DELETE FROM quota_usages WHERE resource = 'volumes'`,
		`INSERT INTO clinker_flows (id, name, owner, resource_type, resource_id, unwinding, attempts, created_at, updated_at)
			VALUES ('f', 'volume_delete', 'o', 'volume', 'v', FALSE, 2, '', '')`,
	} {
		_, err := db.ExecContext(t.Context(), change)
		must(err)
	}
	found := look()
	for _, want := range []string{
		"volume " + id + " is attaching",
		"volume " + id + " on clinker@file#file is migrating",
		"volume " + id + " on clinker@file#file is kept under the name of another",
		"the file file/volumes/volume-" + id + ".tmp has no row",
		"the row of file/volumes/volume-" + id + " has no file",
		`quota_usages has 7 in use and 0 reserved of f00 gigabytes, the rows "1"`,
		"quota_usages has nothing of f00 volumes, the rows 1",
		"the journal has volume_delete of volume v, owner o, 2 attempts",
	} {
		if !slices.Contains(strings.Split(found, "\n"), want) {
			t.Errorf("not found: %s", want)
		}
	}
	if t.Failed() {
		t.Logf("found:\n%s", found)
	}
}
