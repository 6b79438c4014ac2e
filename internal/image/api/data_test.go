package api_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/api/apitest"
	"github.com/clinker/clinker/internal/image/storage"
	"github.com/clinker/clinker/internal/image/storage/storagetest"
	"github.com/clinker/clinker/internal/imageformat"
	"github.com/clinker/clinker/internal/imageformat/imageformattest"
)

// dataFiles are all files of the stores, and those that are staged.
func dataFiles(t *testing.T, c *apitest.Cloud) (files []string) {
	t.Helper()
	for _, dir := range []string{apitest.First, apitest.Second, "staging"} {
		entries, err := os.ReadDir(filepath.Join(c.Dir, dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			files = append(files, dir+"/"+e.Name())
		}
	}
	return files
}

func TestUploadAndDownload(t *testing.T) {
	c := apitest.New(t)
	me := c.As(t, apitest.Member, mine)
	content := storagetest.Content(300_000)
	id := me.Image()
	file := "/v2/images/" + id + "/file"
	me.Get(file).Empty(204)
	me.Put(file, content).Empty(204)
	sum, proof := md5.Sum(content), sha512.Sum512(content)
	me.Get("/v2/images/" + id).OK(200).Has(object{"status": "active", "size": 300000.0, "virtual_size": 300000.0, "checksum": hex.EncodeToString(sum[:]),
		"os_hash_algo": "sha512", "os_hash_value": hex.EncodeToString(proof[:]), "stores": "first"})
	a := me.Get(file).OK(200)
	if !bytes.Equal(a.Body, content) || a.Header.Get("Content-MD5") != hex.EncodeToString(sum[:]) || a.Header.Get("Content-Length") != "300000" ||
		a.Header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("%d bytes, headers %v", len(a.Body), a.Header)
	}
	row := c.Row(t, id)
	if len(row.Locations) != 1 || row.Locations[0].URL != "file://"+c.Dir+"/first/"+id || row.Locations[0].Store() != apitest.First {
		t.Errorf("locations %+v", row.Locations)
	}
	me.Put(file, []byte("again")).Page(409, "Image status transition from active to saving is not allowed")
	if left := c.Journal(t); len(left) != 0 {
		t.Errorf("the journal has %+v", left)
	}
	second := me.Image()
	me.Put("/v2/images/"+second+"/file", []byte("x"), "X-Image-Meta-Store: second").Empty(204)
	me.Get("/v2/images/" + second).OK(200).Has(object{"stores": "second"})
	empty := me.Active([]byte{})
	me.Get("/v2/images/" + empty).OK(200).Has(object{"status": "active", "size": 0.0})
	if a := me.Get("/v2/images/" + empty + "/file").OK(200); len(a.Body) != 0 {
		t.Errorf("%q", a.Body)
	}
}

func TestRanges(t *testing.T) {
	me := apitest.New(t).As(t, apitest.Member, mine)
	content := storagetest.Content(1000)
	file := "/v2/images/" + me.Active(content) + "/file"
	for header, want := range map[string][2]int{
		"Range: bytes=0-0": {0, 1}, "Range: bytes=0-999": {0, 1000}, "Range: bytes=10-19": {10, 20}, "Range: bytes=990-": {990, 1000}, "Range: bytes=990-5000": {990, 1000},
		"Range: bytes=-10": {990, 1000}, "Range: bytes=-5000": {0, 1000}, "Content-Range: bytes 10-19/1000": {10, 20}, "Content-Range: bytes 0-9/*": {0, 10},
	} {
		a := me.Get(file, header).OK(206)
		if !bytes.Equal(a.Body, content[want[0]:want[1]]) || a.Header.Get("Content-Range") != fmt.Sprintf("bytes %d-%d/1000", want[0], want[1]-1) ||
			a.Header.Get("Content-Length") != fmt.Sprint(want[1]-want[0]) {
			t.Errorf("%s gives %d bytes, %v", header, len(a.Body), a.Header)
		}
	}
	for _, header := range []string{"Range: bytes=1000-", "Range: bytes=5-3", "Range: bytes=x-y", "Range: lines=1-2", "Range: bytes=-", "Range: bytes=-0",
		"Range: bytes=99999999999999999999-", "Content-Range: bytes 5-3/1000", "Content-Range: bytes 0-1000/1000", "Content-Range: x"} {
		me.Get(file, header).Page(416, "Invalid")
	}
	me.Get(file, "Range: bytes=0-1,3-4").Page(400, "multiple ranges are not supported")
}

func TestUploadRefusals(t *testing.T) {
	c := apitest.New(t, func(o *apitest.Options) { o.App.SizeCapBytes, o.App.UserStorageQuotaBytes = 1000, 1500 })
	me := c.As(t, apitest.Member, mine)
	id := me.Image()
	file := "/v2/images/" + id + "/file"
	me.Put(file, []byte("x"), "Content-Type: text/plain").Page(415, "Invalid content type text/plain")
	me.Do("PUT", file, "x", "Content-Type:").Page(415, "Invalid content type None")
	me.Put("/v2/images/"+uuid.NewString()+"/file", []byte("x")).Page(404, "No image found")
	c.As(t, apitest.Reader, mine).Put(file, []byte("x")).Page(403, "Not allowed to upload image data for image "+id)
	c.As(t, apitest.Member, theirs).Put(file, []byte("x")).OK(404)
	me.Put(file, []byte("x"), "X-Image-Meta-Store: third").Page(400, "Unknown scheme 'third' found in URI")
	me.Put("/v2/images/"+me.Image("disk_format", nil)+"/file", []byte("x")).Page(400, "Property disk_format must be set prior to saving data.")
	me.Put("/v2/images/"+me.Image("disk_format", nil, "container_format", nil)+"/file", []byte("x")).Page(400,
		"Properties disk_format, container_format must be set prior to saving data.")
	me.Put(file, make([]byte, 1001)).Page(413, "The incoming image is too large: The provided image is too large.")
	me.Active(make([]byte, 900))
	me.Put(file, make([]byte, 601)).Page(413, "Image exceeds the storage quota: The size of the data 601 will exceed the limit. 600 bytes remaining.")
	unknown := struct{ io.Reader }{bytes.NewReader(make([]byte, 601))} // a size that is not announced
	me.Do("PUT", file, unknown, "Content-Type: application/octet-stream").Page(413, "Image exceeds the storage quota")
	row := c.Row(t, id)
	if row.Status != image.Queued || row.SizeBytes != nil || len(row.Locations) != 0 {
		t.Errorf("after refusals the image is %+v", row)
	}
	if files := dataFiles(t, c); len(files) != 1 {
		t.Errorf("files are %v", files)
	}
	me.Put(file, make([]byte, 600)).Empty(204)
}

// TestHostileImages: data is what the image says it is, and leads nowhere, or is refused and not kept. What is what is decided
// by intake.Judge, whose test has all formats.
func TestHostileImages(t *testing.T) {
	c := apitest.New(t)
	me := c.As(t, apitest.Member, mine)
	kept := 0
	for _, sample := range imageformattest.Corpus() {
		if len(sample.Bytes) > 300_000 {
			continue
		}
		declared := "raw"
		if slices.Contains(apitest.Defaults().DiskFormats, string(sample.Format)) {
			declared = string(sample.Format)
		}
		wanted := 204
		if sample.Ambiguous || len(sample.Checks) > 0 && sample.Format != imageformat.GPT {
			wanted = 415
		}
		id := me.Image("disk_format", declared)
		if a := me.Put("/v2/images/"+id+"/file", sample.Bytes); a.Status != wanted {
			t.Errorf("%s as %s: %d %s, want %d", sample.Name, declared, a.Status, a.Body, wanted)
		}
		row := c.Row(t, id)
		if wanted != 204 {
			if row.Status != image.Queued || row.SizeBytes != nil || len(row.Locations) != 0 {
				t.Errorf("%s was refused, and the image is %+v", sample.Name, row)
			}
			continue
		}
		kept++
		if sample.VirtualSize > 0 && (row.VirtualSizeBytes == nil || *row.VirtualSizeBytes != sample.VirtualSize) {
			t.Errorf("%s has the virtual size %v", sample.Name, row.VirtualSizeBytes)
		}
	}
	if files := dataFiles(t, c); len(files) != kept {
		t.Errorf("%d files for %d images", len(files), kept)
	}
	me.Put("/v2/images/"+me.Image("disk_format", "vdi")+"/file", []byte("whatever")).Page(415, "Image disk_format vdi does not match stream data raw")
	other := me.Image("container_format", "ovf", "disk_format", "qcow2") // what is in another container is not looked at
	me.Put("/v2/images/"+other+"/file", []byte("whatever")).Empty(204)

	lenient := apitest.New(t, func(o *apitest.Options) { o.App.RequireFormatMatch, o.App.NonfatalGPTChecks = false, nil })
	me = lenient.As(t, apitest.Member, mine)
	me.Put("/v2/images/"+me.Image("disk_format", "vdi")+"/file", []byte("whatever")).Empty(204)
	me.Put("/v2/images/"+me.Image("disk_format", "qcow2")+"/file", imageformattest.QCOW2WithBackingFile("/etc/passwd")).Page(415, "backing file")
	me.Put("/v2/images/"+me.Image()+"/file", imageformattest.MBR()).Page(415, "the partition table is empty")
}

// TestClientGoesAway: what it had sent is not kept, and the image can be uploaded again.
func TestClientGoesAway(t *testing.T) {
	c := apitest.New(t)
	me := c.As(t, apitest.Member, mine)
	for _, cause := range []error{io.ErrUnexpectedEOF, errors.New("connection reset by peer")} {
		id := me.Image()
		body := io.MultiReader(bytes.NewReader(make([]byte, 100_000)), iotest.ErrReader(cause))
		for path, status := range map[string]image.Status{"/file": image.Queued, "/stage": image.Queued} {
			if a := me.Do("PUT", "/v2/images/"+id+path, body, "Content-Type: application/octet-stream"); a.Status < 400 {
				t.Errorf("%s: %d", path, a.Status)
			}
			if row := c.Row(t, id); row.Status != status {
				t.Errorf("after %s the image is %s", path, row.Status)
			}
		}
		if files := dataFiles(t, c); len(files) != 0 {
			t.Errorf("files are %v", files)
		}
		me.Put("/v2/images/"+id+"/file", []byte("again")).Empty(204)
		me.Delete("/v2/images/" + id).Empty(204)
	}
}

// connection notes how long the server lets it be silent.
type connection struct {
	*httptest.ResponseRecorder
	reading []time.Time
}

// SetReadDeadline is called by http.ResponseController.
func (c *connection) SetReadDeadline(t time.Time) error {
	c.reading = append(c.reading, t)
	return nil
}

// TestDataMayTakeLong: the server gives each byte of an upload its time, and when a deadline to read passes during a download,
// or while what was uploaded is put away, it takes the client for gone.
func TestDataMayTakeLong(t *testing.T) {
	c := apitest.New(t)
	me := c.As(t, apitest.Member, mine)
	file := "/v2/images/" + me.Image() + "/file"
	put := httptest.NewRequest("PUT", file, bytes.NewReader(storagetest.Content(100_000)))
	put.Header.Set("Content-Type", "application/octet-stream")
	for _, r := range []*http.Request{put, httptest.NewRequest("GET", file, nil)} {
		conn := &connection{ResponseRecorder: httptest.NewRecorder()}
		me.ServeHTTP(conn, r)
		if conn.Code >= 300 || len(conn.reading) == 0 || !conn.reading[len(conn.reading)-1].IsZero() {
			t.Errorf("%s: %d, deadlines %v", r.Method, conn.Code, conn.reading)
		}
		if r.Method == "PUT" && time.Until(conn.reading[0]) < 30*time.Second {
			t.Errorf("the first deadline is %v", conn.reading[0])
		}
	}
}

// hook is a store that calls fn when data has been put into it.
type hook struct {
	storage.Store
	fn func(id string)
}

func (h hook) Put(ctx context.Context, id string, r io.Reader) (string, int64, error) {
	url, n, err := h.Store.Put(ctx, id, r)
	h.fn(id)
	return url, n, err
}

// TestDeletedDuringUpload: the data does not stay.
func TestDeletedDuringUpload(t *testing.T) {
	var deleting func(id string)
	c := apitest.New(t, func(o *apitest.Options) {
		o.Wrap = func(id string, s storage.Store) storage.Store {
			if id == apitest.First {
				return hook{s, func(id string) { deleting(id) }}
			}
			return s
		}
	})
	me := c.As(t, apitest.Member, mine)
	deleting = func(id string) { me.Delete("/v2/images/" + id).Empty(204) }
	id := me.Image()
	me.Put("/v2/images/"+id+"/file", []byte("data")).Page(410, "Image "+id+" could not be found after upload.")
	if files := dataFiles(t, c); len(files) != 0 {
		t.Errorf("files are %v", files)
	}
}

// full is a store without room.
type full struct{ storage.Store }

func (full) Put(context.Context, string, io.Reader) (string, int64, error) {
	return "", 0, storage.Full(nil)
}

func TestFullStore(t *testing.T) {
	c := apitest.New(t, func(o *apitest.Options) { o.Wrap = func(_ string, s storage.Store) storage.Store { return full{s} } })
	me := c.As(t, apitest.Member, mine)
	id := me.Image()
	me.Put("/v2/images/"+id+"/file", []byte("x")).Page(413, "Image storage media is full: There is not enough disk space on the image storage media.")
	if row := c.Row(t, id); row.Status != image.Queued {
		t.Errorf("the image is %s", row.Status)
	}
	me.Put("/v2/images/"+id+"/stage", []byte("x")).Page(413, "Image storage media is full")
}

func TestStage(t *testing.T) {
	c := apitest.New(t)
	me := c.As(t, apitest.Member, mine)
	id := me.Image()
	me.Put("/v2/images/"+id+"/stage", []byte("12345")).Empty(204)
	me.Get("/v2/images/" + id).OK(200).Has(object{"status": "uploading", "size": 5.0, "checksum": nil})
	me.Put("/v2/images/"+id+"/stage", []byte("x")).Page(409, "Image status transition from uploading to uploading is not allowed")
	me.Put("/v2/images/"+id+"/file", []byte("x")).Page(409, "Image status transition from uploading to saving is not allowed")
	me.Get("/v2/images/" + id + "/file").Empty(204)
	c.As(t, apitest.Member, theirs).Put("/v2/images/"+id+"/stage", []byte("x")).OK(404)
	me.Delete("/v2/images/" + id).Empty(204)
	if files := dataFiles(t, c); len(files) != 0 {
		t.Errorf("files are %v", files)
	}
	without := apitest.New(t, func(o *apitest.Options) { o.App.ImportMethods = []string{"web-download"} })
	me = without.As(t, apitest.Member, mine)
	me.Put("/v2/images/"+me.Image()+"/stage", []byte("x")).Page(404, "'glance-direct' method is not available at this site.")
}

// TestNoSecretsInLogs: whatever happens, neither a token nor what a URL proves itself with is logged.
func TestNoSecretsInLogs(t *testing.T) {
	c := apitest.New(t)
	me := c.As(t, apitest.Member, mine)
	id := me.Active([]byte("data"))
	me.Get("/v2/images/" + id + "/file").OK(200)
	me.Put("/v2/images/"+me.Image("disk_format", "qcow2")+"/file", []byte("no qcow2")).OK(415)
	me.Post("/v2/images/"+me.Image()+"/import", object{"method": object{"name": "web-download", "uri": "https://user:pass-word@example.org/?signature=sig-nature"}}).OK(202)
	c.Imports.Wait()
	me.Get("/v2/images/" + id + "?token=in-a-query").OK(200)
	me.Delete("/v2/images/" + id).Empty(204)
	log := c.Log.String()
	if log == "" {
		t.Error("nothing was logged")
	}
	for _, secret := range []string{me.Request.AuthToken, "pass-word", "sig-nature", "in-a-query"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}
