package api_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/store"
)

// newBackup makes a backup of project p right in the database; no repository knows of it.
func (f *fixture) newBackup(change ...func(b *block.Backup)) string {
	f.TB.Helper()
	b := &block.Backup{ID: uuid.NewString(), VolumeID: uuid.NewString(), ProjectID: "p", UserID: "user-of-p", Status: block.BackupAvailable, SizeGiB: 1,
		AvailabilityZone: apitest.Zone, Metadata: map[string]string{"k": "v"}}
	for _, fn := range change {
		fn(b)
	}
	f.Change(func(tx store.Tx) error { return tx.CreateBackup(f.TB.Context(), b) })
	return b.ID
}

func backupRow(t *testing.T, c *apitest.Cloud, id string) *block.Backup {
	t.Helper()
	b, err := c.Store.Backup(t.Context(), id, "")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func backupRequests() map[string]matrixRequest {
	const c = "/backups/"
	backup := func(f *fixture) string {
		return f.newBackup(func(b *block.Backup) { b.Host, b.Service = "node", apitest.Repository })
	}
	record := func(f *fixture) (string, any) {
		b := &block.Backup{ID: uuid.NewString(), VolumeID: uuid.NewString(), SizeGiB: 1, Status: block.BackupAvailable, Service: apitest.Repository}
		text, err := b.EncodeRecord(nil)
		if err != nil {
			f.TB.Fatal(err)
		}
		return c + "import_record", object("backup-record", object("backup_service", b.Service, "backup_url", text))
	}
	return map[string]matrixRequest{
		"GET /backups":        at("/backups"),
		"GET /backups/detail": at("/backups/detail"),
		"GET /backups/{id}":   on(c, backup, ""),
		"PUT /backups/{id}":   on(c, backup, "", "backup", object("name", "n")),
		"POST /backups": func(f *fixture) (string, any) {
			return "/backups", object("backup", object("volume_id", f.realVolume()))
		},
		"DELETE /backups/{id}":                      on(c, backup, ""),
		"POST /backups/{id}/restore":                on(c, backup, "/restore", "restore", object()),
		"GET /backups/{id}/export_record":           on(c, backup, "/export_record"),
		"POST /backups/import_record":               record,
		"POST /backups/{id}/action os-reset_status": on(c, backup, "/action", "os-reset_status", object("status", "error")),
		"POST /backups/{id}/action os-force_delete": on(c, backup, "/action", "os-force_delete", object()),
	}
}

func TestBackupViews(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m, admin := c.As(t, apitest.Member, "p"), c.As(t, apitest.Admin, "ops")
	f := &fixture{m}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	id := f.newBackup(func(b *block.Backup) {
		b.VolumeID, b.Name, b.Description, b.Container, b.FailReason = "v", new("n"), new("d"), new("c"), "no"
		b.ObjectCount, b.ParentID, b.Dependents, b.SnapshotID, b.DataTimestamp = 3, "parent", 2, "s", at
		b.EncryptionKeyID = "key"
	})
	of := func(project string) string {
		return fill(`"id": "<B>", "name": "n", "links": [{"rel": "self", "href": "http://cloud/<P>/backups/<B>"}, {"rel": "bookmark", "href": "http://cloud/<P>/backups/<B>"}]`,
			"<B>", id, "<P>", project)
	}
	const detail = `, "status": "available", "size": 1, "object_count": 3, "availability_zone": "nova", "container": "c", "created_at": "<time>", "updated_at": null,
		"description": "d", "fail_reason": "no", "volume_id": "v", "is_incremental": true, "has_dependent_backups": true, "snapshot_id": "s", "data_timestamp": "<time>"`
	const owner, user = `, "os-backup-project-attr:project_id": "p"`, `, "user_id": "user-of-p"`
	const metadata, key = `, "metadata": {"k": "v"}`, `, "encryption_key_id": "key"`
	for version, fields := range map[string]struct{ member, admin string }{
		"3.0": {detail, detail}, "3.17": {detail, detail}, "3.18": {detail, detail + owner}, "3.43": {detail + metadata, detail + metadata + owner},
		"3.56": {detail + metadata, detail + metadata + owner + user}, "3.64": {detail + metadata + key, detail + metadata + key + owner + user},
	} {
		m.At(version).Get("/backups/"+id).Is(200, `{"backup": {`+of("p")+fields.member+`}}`)
		m.At(version).Get("/backups/detail").Is(200, `{"backups": [{`+of("p")+fields.member+`}]}`)
		admin.At(version).Get("/backups/"+id).Is(200, `{"backup": {`+of("ops")+fields.admin+`}}`)
		admin.At(version).Get("/backups/detail?all_tenants=1").Is(200, `{"backups": [{`+of("ops")+fields.admin+`}]}`)
	}
	m.Get("/backups").Is(200, `{"backups": [{`+of("p")+`}]}`)
	admin.Get("/backups").Is(200, `{"backups": []}`)
	c.As(t, apitest.Member, "q").Get("/backups/"+id).Fault(404, "Backup "+id+" could not be found.")
}

func TestBackupLists(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p")
	f := &fixture{m}
	ids := map[string]string{}
	for _, name := range []string{"a", "b", "c"} {
		ids[name] = f.newBackup(func(b *block.Backup) { b.Name, b.VolumeID = &name, "volume of "+name })
	}
	f.newBackup(func(b *block.Backup) { b.ProjectID = "q" })
	names := func(a apitest.Answer) (out []string) {
		t.Helper()
		for _, one := range a.OK(200).At("backups").([]any) {
			out = append(out, one.(map[string]any)["name"].(string))
		}
		return out
	}
	for query, want := range map[string][]string{
		"": {"c", "b", "a"}, "?sort=name:asc": {"a", "b", "c"}, "?sort_key=name&sort_dir=desc": {"c", "b", "a"}, "?name=b": {"b"},
		"?status=error": nil, "?volume_id=volume%20of%20a": {"a"}, "?limit=2": {"c", "b"}, "?marker=" + ids["b"]: {"a"},
		"?limit=1&offset=1": {"b"}, "?limit=0": nil,
	} {
		if d := cmp.Diff(want, names(m.At("3.71").Get("/backups"+query))); d != "" {
			t.Errorf("%s (-want +got):\n%s", query, d)
		}
	}
	m.At("3.36").Get("/backups?sort=name:asc").Fault(400, "Invalid sort key")
	m.At("3.45").Get("/backups?with_count=true&limit=1").OK(200)
	if n := m.At("3.45").Get("/backups?with_count=true&limit=1").At("count"); n != 3.0 {
		t.Errorf("counted %v", n)
	}
	m.At("3.71").Get("/backups?parent_id=x").Fault(400, "Invalid filters parent_id are found in query options.")
	if d := cmp.Diff([]string{"b"}, names(c.As(t, apitest.Admin, "p").At("3.71").Get("/backups?name~=B"))); d != "" {
		t.Errorf("like a name (-want +got):\n%s", d)
	}
	m.Get("/backups?marker="+nowhere).Fault(404, "Backup "+nowhere+" could not be found.")
}

func TestBackupUpdate(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p")
	id := (&fixture{m}).newBackup(func(b *block.Backup) { b.Name = new("before") })
	path := "/backups/" + id
	put := func(version string, pairs ...any) apitest.Answer {
		return m.At(version).Put(path, object("backup", object(pairs...)))
	}
	put("3.8", "name", "n").Fault(404, "The resource could not be found.")
	put("3.42", "metadata", object("a", "b")).Fault(400, "Additional properties are not allowed ('metadata' was unexpected)")
	if a := put("3.9", "name", " n "); a.OK(200).Text("backup", "name") != "n" {
		t.Errorf("%s", a.Body)
	}
	put("3.43", "description", "d", "metadata", object("a", "b")).OK(200)
	put("3.43").OK(200)
	m.At("3.43").Put(path, object("backup", nil)).OK(200)
	b := backupRow(t, c, id)
	if *b.Name != "n" || *b.Description != "d" || !cmp.Equal(b.Metadata, map[string]string{"a": "b"}) {
		t.Errorf("the row is %+v", b)
	}
	put("3.71", "name", nil, "metadata", object()).OK(200)
	if b := backupRow(t, c, id); b.Name != nil || len(b.Metadata) != 0 || *b.Description != "d" {
		t.Errorf("the row is %+v", b)
	}
	c.As(t, apitest.Reader, "p").At("3.9").Put(path, object("backup", object("name", "x"))).Fault(403, "Policy doesn't allow backup:update to be performed.")
	m.At("3.9").Put("/backups/"+nowhere, object("backup", object("name", "x"))).Fault(404, "Backup "+nowhere+" could not be found.")
}
