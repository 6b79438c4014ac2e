package s3_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image/storage"
	"github.com/clinker/clinker/internal/image/storage/s3"
	"github.com/clinker/clinker/internal/image/storage/storagetest"
)

const (
	bucket    = "images"
	accessKey = "the-access-key"
	secretKey = "the-secret-key"
)

// fake is as much of S3 as a store of images needs, in memory.
type fake struct {
	mu      sync.Mutex
	buckets map[string]bool
	objects map[string][]byte // by path: /bucket/key
	uploads map[string]*upload
	parts   []int // the sizes of all parts
	fail    func(r *http.Request) string
}

type upload struct {
	path  string
	parts map[int][]byte
	began time.Time
}

func newFake() *fake {
	return &fake{buckets: map[string]bool{bucket: true}, objects: map[string][]byte{}, uploads: map[string]*upload{}}
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
}

var signature = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=` + accessKey + `/\d{8}/us-east-1/s3/aws4_request, ?SignedHeaders=[^ ]*host[^ ]*, ?Signature=[0-9a-f]{64}$`)

// ServeHTTP implements http.Handler.
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client is gone
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		if code := f.fail(r); code != "" {
			refuse(w, map[string]int{"QuotaExceeded": 507, "SlowDown": 503, "AccessDenied": 403}[code], code)
			return
		}
	}
	hash := sha256.Sum256(body)
	said := r.Header.Get("X-Amz-Content-Sha256")
	switch {
	case !signature.MatchString(r.Header.Get("Authorization")):
		refuse(w, 403, "SignatureDoesNotMatch")
	case strings.Count(strings.Trim(r.URL.Path, "/"), "/") == 0:
		f.bucket(w, r)
	case r.Method == "PUT" && said != hex.EncodeToString(hash[:]):
		refuse(w, 400, "XAmzContentSHA256Mismatch")
	case !f.buckets[strings.Split(r.URL.Path, "/")[1]]:
		refuse(w, 404, "NoSuchBucket")
	case r.URL.Query().Has("uploads"), r.URL.Query().Has("uploadId"):
		f.multipart(w, r, body)
	default:
		f.object(w, r, body)
	}
}

func (f *fake) bucket(w http.ResponseWriter, r *http.Request) {
	name := strings.Trim(r.URL.Path, "/")
	switch {
	case r.Method == "PUT":
		f.buckets[name] = true
	case !f.buckets[name]:
		refuse(w, 404, "NoSuchBucket")
	case r.Method == "GET" && r.URL.Query().Has("uploads"):
		fmt.Fprint(w, "<ListMultipartUploadsResult>")
		for id, u := range f.uploads {
			fmt.Fprintf(w, "<Upload><Key>%s</Key><UploadId>%s</UploadId><Initiated>%s</Initiated></Upload>", strings.TrimPrefix(u.path, "/"+name+"/"), id,
				u.began.UTC().Format("2006-01-02T15:04:05.000Z"))
		}
		fmt.Fprint(w, "</ListMultipartUploadsResult>")
	default:
		refuse(w, 405, "MethodNotAllowed")
	}
}

func (f *fake) object(w http.ResponseWriter, r *http.Request, body []byte) {
	switch r.Method {
	case "PUT":
		f.objects[r.URL.Path] = body
		w.Header().Set("ETag", `"whole"`)
	case "GET":
		content, ok := f.objects[r.URL.Path]
		if !ok {
			refuse(w, 404, "NoSuchKey")
			return
		}
		if r.Header.Get("Range") != "" {
			from, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Range"), "bytes="), "-")
			if n, _ := strconv.Atoi(from); n >= len(content) {
				refuse(w, 416, "InvalidRange")
				return
			}
		}
		w.Header().Set("ETag", `"x"`)
		http.ServeContent(w, r, "", time.Unix(1, 0), bytes.NewReader(content))
	case "DELETE":
		delete(f.objects, r.URL.Path)
		w.WriteHeader(204)
	default:
		refuse(w, 405, "MethodNotAllowed")
	}
}

func (f *fake) multipart(w http.ResponseWriter, r *http.Request, body []byte) {
	q := r.URL.Query()
	if q.Has("uploads") {
		id := uuid.NewString()
		f.uploads[id] = &upload{r.URL.Path, map[int][]byte{}, time.Now()}
		fmt.Fprintf(w, "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>", id)
		return
	}
	u, ok := f.uploads[q.Get("uploadId")]
	if !ok || u.path != r.URL.Path {
		refuse(w, 404, "NoSuchUpload")
		return
	}
	switch r.Method {
	case "PUT":
		n, err := strconv.Atoi(q.Get("partNumber"))
		if err != nil || n < 1 || n > 10_000 {
			refuse(w, 400, "InvalidArgument")
			return
		}
		u.parts[n], f.parts = body, append(f.parts, len(body))
		w.Header().Set("ETag", fmt.Sprintf(`"%d"`, n))
	case "POST":
		var list struct {
			Part []struct {
				PartNumber int
				ETag       string
			}
		}
		if err := xml.Unmarshal(body, &list); err != nil {
			refuse(w, 400, "MalformedXML")
			return
		}
		var whole []byte
		for n, p := range list.Part {
			if strings.Trim(p.ETag, `"`) != strconv.Itoa(p.PartNumber) || n < len(list.Part)-1 && len(u.parts[p.PartNumber]) < s3.MinPartBytes {
				refuse(w, 400, "EntityTooSmall")
				return
			}
			whole = append(whole, u.parts[p.PartNumber]...)
		}
		f.objects[r.URL.Path] = whole
		delete(f.uploads, q.Get("uploadId"))
		fmt.Fprintf(w, `<CompleteMultipartUploadResult><Bucket>images</Bucket><Key>x</Key><ETag>"all"</ETag></CompleteMultipartUploadResult>`)
	case "DELETE":
		delete(f.uploads, q.Get("uploadId"))
		w.WriteHeader(204)
	}
}

// open makes a store in f.
func open(t testing.TB, f *fake, change ...func(*s3.Options)) *s3.Store {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	o := s3.Options{Host: server.URL, AccessKey: accessKey, SecretKey: secretKey, Bucket: bucket, PartBytes: s3.MinPartBytes}
	for _, c := range change {
		c(&o)
	}
	s, err := s3.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Store { return open(t, newFake()) })
}

// TestParts: nothing is left of uploads that failed, and what others left is cleaned up when it is old, and an image's.
func TestParts(t *testing.T) {
	f := newFake()
	s := open(t, f)
	content := storagetest.Content(2*s3.MinPartBytes + 1)
	if _, _, err := s.Put(t.Context(), uuid.NewString(), bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	if want := []int{s3.MinPartBytes, s3.MinPartBytes, 1}; !slices.Equal(f.parts, want) {
		t.Errorf("parts of %v bytes", f.parts)
	}
	if _, _, err := s.Put(t.Context(), uuid.NewString(), bytes.NewReader(content[:2*s3.MinPartBytes])); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	f.fail = func(r *http.Request) string {
		if r.URL.Query().Get("partNumber") == "2" {
			cancel()
		}
		return ""
	}
	if _, _, err := s.Put(ctx, uuid.NewString(), bytes.NewReader(content)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	f.fail = nil
	if len(f.uploads) != 0 {
		t.Errorf("left are %v", f.uploads)
	}
	day := 25 * time.Hour
	for id, u := range map[string]*upload{"old": {path: "/images/" + uuid.NewString(), began: time.Now().Add(-day)}, "new": {path: "/images/" + uuid.NewString(), began: time.Now()},
		"another's": {path: "/images/backups/1", began: time.Now().Add(-day)}} {
		f.uploads[id] = u
	}
	if err := s.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if f.uploads["old"] != nil || f.uploads["new"] == nil || f.uploads["another's"] == nil {
		t.Errorf("left are %v", f.uploads)
	}
}

// TestFaults: what S3 says has its meaning, never with a key in it, and what passes is tried again.
func TestFaults(t *testing.T) {
	f := newFake()
	s := open(t, f)
	id := uuid.NewString()
	for code, want := range map[string]string{"AccessDenied": "StorageWriteDenied", "QuotaExceeded": "StorageFull"} {
		f.fail = func(*http.Request) string { return code }
		for _, size := range []int{1, 2 * s3.MinPartBytes} {
			_, _, err := s.Put(t.Context(), id, bytes.NewReader(make([]byte, size)))
			if fault.NameOf(err) != want || strings.Contains(fmt.Sprint(err, fault.UserText(err)), secretKey) {
				t.Errorf("%s: %v", code, err)
			}
		}
		if _, err := s.Open(t.Context(), s.URL(id), 0, -1); fault.NameOf(err) != want {
			t.Errorf("%s: %v", code, err)
		}
	}
	slow := true
	f.fail = func(*http.Request) string {
		if slow {
			slow = false
			return "SlowDown"
		}
		return ""
	}
	if _, _, err := s.Put(t.Context(), id, strings.NewReader("x")); err != nil {
		t.Error(err)
	}
	gone := open(t, f, func(o *s3.Options) { o.Host = "http://127.0.0.1:1" })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, _, err := gone.Put(ctx, id, strings.NewReader("x")); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("nobody there: %v", err)
	}
}

func TestBucketIsMade(t *testing.T) {
	f := newFake()
	delete(f.buckets, bucket)
	s := open(t, f)
	if err := s.Tidy(t.Context()); err != nil {
		t.Error(err)
	}
	id := uuid.NewString()
	if _, _, err := s.Put(t.Context(), id, strings.NewReader("x")); fault.KindOf(err) != fault.NotFound {
		t.Errorf("without a bucket: %v", err)
	}
	for _, size := range []int{1, 2 * s3.MinPartBytes} {
		delete(f.buckets, bucket)
		s = open(t, f, func(o *s3.Options) { o.CreateBucket = true })
		if _, _, err := s.Put(t.Context(), id, bytes.NewReader(make([]byte, size))); err != nil {
			t.Error(err)
		}
	}
}

// TestURLs: upstream's have the keys in them and mean the same object; others' do not.
func TestURLs(t *testing.T) {
	f := newFake()
	s := open(t, f)
	id := uuid.NewString()
	location, _, err := s.Put(t.Context(), id, strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(location, "s3://127.0.0.1:") || !strings.HasSuffix(location, "/images/"+id) {
		t.Errorf("%s", location)
	}
	r, err := s.Open(t.Context(), strings.Replace(location, "s3://", "s3://key:secret@", 1), 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	secure, err := s3.New(s3.Options{Host: "https://s3.eu-central-1.amazonaws.com", AccessKey: "a", SecretKey: "b", Bucket: bucket})
	if err != nil || secure.URL(id) != "s3+https://s3.eu-central-1.amazonaws.com/images/"+id {
		t.Errorf("%v, %v", secure, err)
	}
	if p := fmt.Sprint(s.Properties()); strings.Contains(p, "key") {
		t.Errorf("%s", p)
	}
}

func TestRefusals(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*s3.Options){
		"no host":     func(o *s3.Options) { o.Host = "" },
		"a path":      func(o *s3.Options) { o.Host = "http://s3.example.org/below" },
		"no key":      func(o *s3.Options) { o.AccessKey = "" },
		"no secret":   func(o *s3.Options) { o.SecretKey = "" },
		"no bucket":   func(o *s3.Options) { o.Bucket = "" },
		"bad bucket":  func(o *s3.Options) { o.Bucket = "../up" },
		"small parts": func(o *s3.Options) { o.PartBytes = 1 << 20 },
		"addressing":  func(o *s3.Options) { o.Addressing = "both" },
		"no CA":       func(o *s3.Options) { o.Host, o.CAFile = "https://s3.example.org", empty },
	} {
		o := s3.Options{Host: "s3.example.org", AccessKey: accessKey, SecretKey: secretKey, Bucket: bucket}
		change(&o)
		if _, err := s3.New(o); fault.KindOf(err) != fault.Invalid || strings.Contains(fmt.Sprint(err), secretKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
