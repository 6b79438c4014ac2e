package api_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/api/apitest"
	"github.com/clinker/clinker/internal/image/storage"
	"github.com/clinker/clinker/internal/image/storage/storagetest"
	"github.com/clinker/clinker/internal/image/store"
	"github.com/clinker/clinker/internal/imageformat/imageformattest"
)

// task is the one task of an image, as its project sees it.
func task(t *testing.T, c apitest.Caller, id string) object {
	t.Helper()
	list := c.Get("/v2/images/" + id + "/tasks").OK(200).JSON()["tasks"].([]any)
	if len(list) != 1 {
		t.Fatalf("the image has %d tasks", len(list))
	}
	return list[0].(object)
}

func method(name string, more ...any) object {
	m := object{"name": name}
	for n := 0; n < len(more); n += 2 {
		m[more[n].(string)] = more[n+1]
	}
	return object{"method": m}
}

func TestImportStaged(t *testing.T) {
	c := apitest.New(t)
	me := c.As(t, apitest.Member, mine)
	content := storagetest.Content(3 << 20)
	id := me.Image()
	me.Put("/v2/images/"+id+"/stage", content).Empty(204)
	me.Post("/v2/images/"+id+"/import", method("glance-direct")).Empty(202)
	c.Imports.Wait()
	a := me.Get("/v2/images/" + id).OK(200)
	a.Has(object{"status": "active", "size": float64(3 << 20), "stores": "first", "os_glance_importing_to_stores": "", "os_glance_failed_import": "",
		"os_glance_import_task": nil})
	if got := me.Get("/v2/images/" + id + "/file").OK(200); !bytes.Equal(got.Body, content) {
		t.Errorf("%d bytes", len(got.Body))
	}
	k := task(t, me, id)
	input := k["input"].(object)
	if k["status"] != "success" || k["type"] != "api_image_import" || k["image_id"] != id || k["request_id"] != me.Request.RequestID || k["message"] != "Copied 3 MiB" ||
		k["result"].(object)["image_id"] != id || k["expires_at"] == nil || input["import_req"].(object)["method"].(object)["name"] != "glance-direct" {
		t.Errorf("the task is %v", k)
	}
	if files := dataFiles(t, c); !slices.Equal(files, []string{"first/" + id}) {
		t.Errorf("files are %v", files)
	}
	if left := c.Journal(t); len(left) != 0 {
		t.Errorf("the journal has %+v", left)
	}
	admin := c.As(t, apitest.Admin, theirs)
	list := admin.Get("/v2/tasks?type=api_image_import&status=success").OK(200).JSON()["tasks"].([]any)
	if len(list) != 1 || list[0].(object)["input"] != nil {
		t.Errorf("tasks are %v", list)
	}
	c.As(t, apitest.Member, theirs).Get("/v2/images/" + id + "/tasks").OK(404)
}

func TestImportFromTheWeb(t *testing.T) {
	good, bad := "https://example.org/good", "https://example.org/bad"
	c := apitest.New(t, func(o *apitest.Options) {
		o.Fetcher = apitest.Web{good: string(imageformattest.QCOW2(3, 1<<20)), bad: string(imageformattest.QCOW2WithBackingFile("/etc/passwd")), "http://10.0.0.1/": ""}
		o.App.SizeCapBytes = 400_000
	})
	me := c.As(t, apitest.Member, mine)
	id := me.Image("disk_format", "qcow2")
	me.Post("/v2/images/"+id+"/import", method("web-download", "uri", good), "X-Image-Meta-Store: second").Empty(202)
	c.Imports.Wait()
	me.Get("/v2/images/" + id).OK(200).Has(object{"status": "active", "virtual_size": float64(1 << 20), "stores": "second"})

	for uri, message := range map[string]string{bad: "backing file", "https://example.org/missing": "could not be fetched"} {
		id := me.Image("disk_format", "qcow2")
		me.Post("/v2/images/"+id+"/import", method("web-download", "uri", uri)).Empty(202)
		c.Imports.Wait()
		me.Get("/v2/images/" + id).OK(200).Has(object{"status": "queued", "size": nil, "os_glance_failed_import": "first", "os_glance_importing_to_stores": "",
			"os_glance_import_task": nil})
		if k := task(t, me, id); k["status"] != "failure" || !strings.Contains(k["message"].(string), message) {
			t.Errorf("%s: the task is %v", uri, k)
		}
	}
	if files := dataFiles(t, c); !slices.Equal(files, []string{"second/" + id}) {
		t.Errorf("files are %v", files)
	}
	me.Post("/v2/images/"+me.Image()+"/import", method("web-download", "uri", "http://10.0.0.1/")).Page(400, "URI for web-download does not pass filtering: http://10.0.0.1/")
}

// TestImportTask: operators' older way to import makes the image, too.
func TestImportTask(t *testing.T) {
	c := apitest.New(t, func(o *apitest.Options) {
		o.Fetcher = apitest.Web{"http://web/image": string(storagetest.Content(1000)), "file:///etc/passwd": ""}
	})
	admin, me := c.As(t, apitest.Admin, mine), c.As(t, apitest.Member, mine)
	task := func(from string, more ...any) object {
		properties := object{"name": "new", "disk_format": "raw", "container_format": "bare"}
		for i := 0; i+1 < len(more); i += 2 {
			properties[more[i].(string)] = more[i+1]
		}
		return object{"type": "import", "input": object{"import_from": from, "import_from_format": "raw", "image_properties": properties}}
	}
	me.Post("/v2/tasks", task("http://web/image")).Page(403, "tasks_api_access")
	made := admin.Post("/v2/tasks", task("http://web/image", "visibility", "public", "k", "v")).OK(201)
	made.Has(object{"type": "import", "owner": mine})
	if location := made.Header.Get("Location"); location != "/v2/tasks/"+made.Text("id") {
		t.Errorf("Location %q", location)
	}
	c.Imports.Wait()
	done := admin.Get("/v2/tasks/" + made.Text("id")).OK(200).Has(object{"status": "success"}).JSON()
	id := done["result"].(map[string]any)["image_id"].(string)
	if done["image_id"] != id || done["input"].(map[string]any)["import_from"] != "http://web/image" {
		t.Errorf("the task is %v", done)
	}
	me.Get("/v2/images/" + id).OK(200).Has(object{"status": "active", "size": 1000.0, "visibility": "public", "k": "v", "name": "new"})

	failed := admin.Post("/v2/tasks", task("http://web/nothing")).OK(201)
	c.Imports.Wait()
	admin.Get("/v2/tasks/" + failed.Text("id")).OK(200).Has(object{"status": "failure", "result": nil})
	for want, body := range map[string]object{
		"Task 'input' is required":                               {"type": "import"},
		"Tasks of type 'api_image_import' cannot be created.":    {"type": "api_image_import", "input": object{}},
		"Input does not contain 'import_from' field":             {"type": "import", "input": object{}},
		"URI for legacy import task does not pass filtering":     task("file:///etc/passwd"),
		"'disk_format' needs to be set before import":            task("http://web/image", "disk_format", nil),
		"Provided object does not match schema 'image': 'x' is ": task("http://web/image", "visibility", "x"),
	} {
		if a := admin.Post("/v2/tasks", body); a.Status != 400 && a.Status != 409 || !strings.Contains(a.Text("message"), want) {
			t.Errorf("%s: %d %s", want, a.Status, a.Body)
		}
	}
	if ids := admin.Get("/v2/images").IDs(); len(ids) != 2 {
		t.Errorf("images are %v", ids)
	}
}

func TestImportIntoSeveralStores(t *testing.T) {
	c := apitest.New(t)
	me := c.As(t, apitest.Member, mine)
	for name, body := range map[string]object{"all": {"all_stores": true}, "named": {"stores": []string{"second", "first", "second"}}} {
		id := me.Image()
		me.Put("/v2/images/"+id+"/stage", []byte("data")).Empty(204)
		body["method"] = object{"name": "glance-direct"}
		me.Post("/v2/images/"+id+"/import", body).Empty(202)
		c.Imports.Wait()
		row := c.Row(t, id)
		stores := row.Stores()
		slices.Sort(stores)
		if row.Status != image.Active || !slices.Equal(stores, []string{"first", "second"}) {
			t.Errorf("%s: %s in %v", name, row.Status, stores)
		}
	}
}

func TestCopyAndDeleteFromStore(t *testing.T) {
	c := apitest.New(t)
	me, admin := c.As(t, apitest.Member, mine), c.As(t, apitest.Admin, theirs)
	content := storagetest.Content(100_000)
	id := me.Active(content)
	path := "/v2/images/" + id
	me.Post(path+"/import", method("copy-image")).Page(403, "You are not authorized to complete copy_image action.")
	admin.Post(path+"/import", method("copy-image"), "X-Image-Meta-Store: first").Page(400, "Image is already present at store 'first'")
	admin.Delete("/v2/stores/first/"+id).Page(403, "Cannot delete image data from the only store containing it.")
	admin.Post(path+"/import", object{"method": object{"name": "copy-image"}, "all_stores": true}).Empty(202)
	c.Imports.Wait()
	me.Get(path).OK(200).Has(object{"status": "active", "stores": "first,second"})
	admin.Patch(id, apitest.Op("remove", "/os_glance_importing_to_stores")).OK(403)
	c.Change(t, func(tx store.Tx) error { // as if it had been uploaded to both
		row, err := tx.ImageForUpdate(t.Context(), id)
		if err != nil {
			return err
		}
		delete(row.Properties, image.PropertyImportingStores)
		delete(row.Properties, image.PropertyFailedStores)
		return tx.SaveImage(t.Context(), row)
	})
	admin.Post(path+"/import", object{"method": object{"name": "copy-image"}, "all_stores": true}).Empty(202) // is there already
	me.Get(path).OK(200).Has(object{"os_glance_importing_to_stores": "", "os_glance_failed_import": ""})
	if list := admin.Get(path + "/tasks").JSON()["tasks"].([]any); len(list) != 1 {
		t.Errorf("tasks are %v", list)
	}
	if err := os.Remove(filepath.Join(c.Dir, "second", id)); err != nil {
		t.Fatal(err)
	}
	if got := me.Get(path + "/file").OK(200); !bytes.Equal(got.Body, content) { // the second is heavier, and has lost it
		t.Errorf("%d bytes", len(got.Body))
	}
	me.Delete("/v2/stores/first/"+id).Page(403, "delete_image_location")
	admin.Delete("/v2/stores/third/"+id).Page(409, "The selected store third is not available on this node.")
	admin.Delete("/v2/stores/first/"+uuid.NewString()).Page(404, "Failed to find image")
	admin.Delete("/v2/stores/first/"+me.Image()).Page(409, "not 'active'")
	admin.Delete("/v2/stores/first/" + id).Empty(204)
	me.Get(path).OK(200).Has(object{"stores": "second"})
	admin.Delete("/v2/stores/first/"+id).Page(403, "only store")
	if files := dataFiles(t, c); len(files) != 0 {
		t.Errorf("files are %v", files)
	}
	me.Get(path + "/file").Empty(204)
}

// broken is a store that keeps nothing.
type broken struct{ storage.Store }

func (broken) Put(context.Context, string, io.Reader) (string, int64, error) {
	return "", 0, storage.Unavailable(nil)
}

func TestOneOfSeveralStoresFails(t *testing.T) {
	c := apitest.New(t, func(o *apitest.Options) {
		o.Wrap = func(id string, s storage.Store) storage.Store {
			if id == apitest.Second {
				return broken{s}
			}
			return s
		}
	})
	me := c.As(t, apitest.Member, mine)
	for mustSucceed, want := range map[bool]object{
		true:  {"status": "queued", "stores": nil, "os_glance_failed_import": "first,second", "os_glance_importing_to_stores": ""},
		false: {"status": "active", "stores": "first", "os_glance_failed_import": "second", "os_glance_importing_to_stores": ""},
	} {
		id := me.Image()
		me.Put("/v2/images/"+id+"/stage", []byte("data")).Empty(204)
		me.Post("/v2/images/"+id+"/import", object{"method": object{"name": "glance-direct"}, "all_stores": true, "all_stores_must_succeed": mustSucceed}).Empty(202)
		c.Imports.Wait()
		me.Get("/v2/images/" + id).OK(200).Has(want)
		me.Delete("/v2/images/" + id).Empty(204)
	}
	if files := dataFiles(t, c); len(files) != 0 {
		t.Errorf("files are %v", files)
	}
}

func TestImportRefusals(t *testing.T) {
	c := apitest.New(t, func(o *apitest.Options) { o.Idle = true })
	me := c.As(t, apitest.Member, mine)
	queued, active, staged := me.Image(), me.Active([]byte("x")), me.Image()
	me.Put("/v2/images/"+staged+"/stage", []byte("x")).Empty(204)
	unsaid := me.Image("disk_format", nil)
	for _, r := range []struct {
		id     string
		body   any
		status int
		text   string
	}{
		{queued, nil, 400, "Body expected"}, {queued, object{}, 400, "Import request requires a 'method' field."}, {queued, object{"method": object{}}, 400, "requires a 'name' field."},
		{queued, method("glance-download"), 400, "Unknown import method name 'glance-download'."}, {queued, method("glance-direct"), 409, "Image needs to be staged"},
		{active, method("glance-direct"), 409, "Image with status active cannot be target for import"}, {queued, method("copy-image"), 409, "Only images with status active can be targeted for copying"},
		{staged, method("web-download", "uri", "http://x"), 409, "Image needs to be in 'queued' state to use 'web-download' method"},
		{unsaid, method("web-download", "uri", "http://x"), 409, "'disk_format' needs to be set before import"}, {uuid.NewString(), method("glance-direct"), 404, "No image found"},
		{staged, object{"method": object{"name": "glance-direct"}, "all_stores": "yes"}, 400, "'all_stores' must be boolean value only"},
		{staged, object{"method": object{"name": "glance-direct"}, "all_stores_must_succeed": 1}, 400, "'all_stores_must_succeed' must be boolean value only"},
		{staged, object{"method": object{"name": "glance-direct"}, "all_stores": true, "stores": []string{"first"}}, 400, "All_stores parameter can't be used"},
		{staged, object{"method": object{"name": "glance-direct"}, "stores": []string{"third"}}, 409, "Unknown scheme 'third'"},
		{staged, object{"method": object{"name": "glance-direct"}, "stores": []int{1}}, 400, "'stores' must be a list"},
	} {
		me.Post("/v2/images/"+r.id+"/import", r.body).Page(r.status, r.text)
	}
	c.As(t, apitest.Member, theirs).Post("/v2/images/"+staged+"/import", method("glance-direct")).OK(404)
	c.As(t, apitest.Reader, mine).Post("/v2/images/"+staged+"/import", method("glance-direct")).Page(403, "modify_image")
	me.Post("/v2/images/"+staged+"/import", method("glance-direct")).Empty(202)
	c.Change(t, func(tx store.Tx) error { // as while a second request comes
		i, err := tx.ImageForUpdate(t.Context(), staged)
		if err != nil {
			return err
		}
		i.Status = image.Uploading
		return tx.SaveImage(t.Context(), i)
	})
	me.Post("/v2/images/"+staged+"/import", method("glance-direct")).Page(409, "Image has active task")
}

// TestImportAfterDeath: an import that a dead process left is finished at the next start.
func TestImportAfterDeath(t *testing.T) {
	c := apitest.New(t, func(o *apitest.Options) { o.Idle = true })
	me := c.As(t, apitest.Member, mine)
	id := me.Image()
	me.Put("/v2/images/"+id+"/stage", []byte("data")).Empty(204)
	me.Post("/v2/images/"+id+"/import", method("glance-direct")).Empty(202)
	me.Get("/v2/images/" + id).OK(200).Has(object{"status": "importing", "os_glance_importing_to_stores": "first"})
	if k := task(t, me, id); k["status"] != "pending" {
		t.Errorf("the task is %v", k)
	}
	c.Recover(t)
	me.Get("/v2/images/" + id).OK(200).Has(object{"status": "active", "stores": "first"})

	gone := me.Image()
	me.Put("/v2/images/"+gone+"/stage", []byte("data")).Empty(204)
	me.Post("/v2/images/"+gone+"/import", method("glance-direct")).Empty(202)
	me.Delete("/v2/images/" + gone).Empty(204)
	c.Recover(t)
	if files := dataFiles(t, c); !slices.Equal(files, []string{"first/" + id}) {
		t.Errorf("files are %v", files)
	}
	list := c.As(t, apitest.Admin, mine).Get("/v2/tasks?status=failure").OK(200).JSON()["tasks"].([]any)
	if len(list) != 1 {
		t.Errorf("failed tasks are %v", list)
	}
	if left := c.Journal(t); len(left) != 0 {
		t.Errorf("the journal has %+v", left)
	}
}

// TestRemovalIsMadeUpFor: data that a store would not remove when the image was deleted is removed later.
func TestRemovalIsMadeUpFor(t *testing.T) {
	refuse := true
	c := apitest.New(t, func(o *apitest.Options) {
		o.Wrap = func(id string, s storage.Store) storage.Store {
			if id == apitest.First {
				return stubborn{s, &refuse}
			}
			return s
		}
	})
	me := c.As(t, apitest.Member, mine)
	id := me.Active([]byte("data"))
	me.Delete("/v2/images/" + id).Empty(204)
	if files := dataFiles(t, c); len(files) != 1 {
		t.Fatalf("files are %v", files)
	}
	refuse = false
	c.Recover(t)
	if files := dataFiles(t, c); len(files) != 0 {
		t.Errorf("files are %v", files)
	}
	if left := c.Journal(t); len(left) != 0 {
		t.Errorf("the journal has %+v", left)
	}
}

// stubborn is a store that removes nothing as long as refuse is set.
type stubborn struct {
	storage.Store
	refuse *bool
}

func (s stubborn) Delete(ctx context.Context, url string) error {
	if *s.refuse {
		return fault.New(fault.Unavailable, "", "not now")
	}
	return s.Store.Delete(ctx, url)
}
