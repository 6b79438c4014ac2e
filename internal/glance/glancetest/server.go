package glancetest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/glance"
	"github.com/clinker/clinker/internal/glance/fake"
	"github.com/clinker/clinker/internal/reqctx"
)

// Server serves a fake over HTTP as far as glance.Service asks for it, in the words of the Image API v2.
type Server struct {
	*httptest.Server
	// Before, if set before the first request, sees every request first; when it returns true, it has answered.
	Before func(w http.ResponseWriter, r *http.Request) (answered bool)
	images *fake.Images
}

// Serve starts a server; it ends with the test. A token "user:project" is a caller of that project, and an administrator if the
// user is "admin"; no token at all is 401.
func Serve(t testing.TB, images *fake.Images) *Server {
	s := &Server{images: images}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/images", s.list)
	mux.HandleFunc("POST /v2/images", s.create)
	mux.HandleFunc("GET /v2/images/{id}", s.show)
	mux.HandleFunc("DELETE /v2/images/{id}", s.delete)
	mux.HandleFunc("GET /v2/images/{id}/file", s.download)
	mux.HandleFunc("PUT /v2/images/{id}/file", s.upload)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.Before != nil && s.Before(w, r) {
			return
		}
		user, project, ok := strings.Cut(r.Header.Get("X-Auth-Token"), ":")
		if !ok {
			refuse(w, http.StatusUnauthorized, "This server could not verify that you are authorized to access the document you requested.")
			return
		}
		mux.ServeHTTP(w, r.WithContext(reqctx.With(r.Context(), reqctx.Request{UserID: user, ProjectID: project, IsAdmin: user == "admin"})))
	}))
	t.Cleanup(s.Close)
	return s
}

// refuse answers as Glance's WebOb does.
func refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.WriteHeader(status)
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	fmt.Fprintf(w, "<html>\n <head>\n  <title>%s</title>\n </head>\n <body>\n  <h1>%s</h1>\n  %s<br /><br />\n\n\n\n </body>\n</html>", title, title, text)
}

func fail(w http.ResponseWriter, err error) {
	status := map[fault.Kind]int{fault.NotFound: http.StatusNotFound, fault.Forbidden: http.StatusForbidden, fault.Invalid: http.StatusBadRequest,
		fault.Conflict: http.StatusConflict, fault.OverLimit: http.StatusRequestEntityTooLarge,
		fault.Unavailable: http.StatusServiceUnavailable}[fault.KindOf(err)]
	if status == 0 {
		status = http.StatusInternalServerError
	}
	refuse(w, status, strings.TrimPrefix(fault.UserText(err), "The image service refused it: "))
}

func (s *Server) show(w http.ResponseWriter, r *http.Request) {
	i, err := s.images.Image(r.Context(), r.PathValue("id"))
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusOK, view(i))
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	found, err := s.images.ImagesByName(r.Context(), r.URL.Query().Get("name"))
	if err != nil {
		fail(w, err)
		return
	}
	views := []any{}
	for _, i := range found {
		views = append(views, view(i))
	}
	answer(w, http.StatusOK, map[string]any{"images": views, "schema": "/v2/schemas/images", "first": "/v2/images"})
}

func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		refuse(w, http.StatusBadRequest, "Malformed JSON in request body.")
		return
	}
	take := func(name string) string {
		text, _ := body[name].(string)
		delete(body, name)
		return text
	}
	n := glance.NewImage{ID: take("id"), Name: take("name"), ContainerFormat: take("container_format"), DiskFormat: take("disk_format"),
		Visibility: take("visibility"), Properties: map[string]string{}}
	if protected, ok := body["protected"].(bool); ok {
		n.Protected = &protected
		delete(body, "protected")
	}
	for name, value := range body {
		n.Properties[name] = fmt.Sprint(value)
	}
	if _, there := s.images.All()[n.ID]; there {
		refuse(w, http.StatusConflict, "Image ID "+n.ID+" already exists!")
		return
	}
	i, err := s.images.Create(r.Context(), n)
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusCreated, view(i))
}

func (s *Server) delete(w http.ResponseWriter, r *http.Request) {
	if err := s.images.Delete(r.Context(), r.PathValue("id")); err != nil {
		fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	err := s.images.Upload(r.Context(), r.PathValue("id"), glance.Upload{SizeBytes: r.ContentLength}, r.Body)
	if err != nil {
		fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	body, err := s.images.Download(r.Context(), r.PathValue("id"))
	if fault.Is(err, fault.NotFound) {
		if _, err := s.images.Image(r.Context(), r.PathValue("id")); err == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	if err != nil {
		fail(w, err)
		return
	}
	content, err := io.ReadAll(body)
	if err != nil {
		fail(w, err)
		return
	}
	var from int
	status := http.StatusOK
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
		status = http.StatusPartialContent
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(content)-from))
	w.WriteHeader(status)
	_, _ = w.Write(content[from:]) // a client that has gone wants no more
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the same
}

// view is an image as the API shows it, with null for what is not known.
func view(i *glance.Image) map[string]any {
	v := map[string]any{}
	for name, value := range i.Properties {
		v[name] = value
	}
	text := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	number := func(n int64, known bool) any {
		if !known {
			return nil
		}
		return n
	}
	maps.Copy(v, map[string]any{"id": i.ID, "name": text(i.Name), "status": i.Status, "visibility": i.Visibility, "owner": text(i.Owner),
		"protected": i.Protected, "container_format": text(i.ContainerFormat), "disk_format": text(i.DiskFormat),
		"size": number(i.SizeBytes, i.Status == glance.StatusActive), "virtual_size": number(i.VirtualSizeBytes, i.VirtualSizeBytes != 0),
		"min_disk": i.MinDiskGiB, "min_ram": i.MinRAMMiB, "checksum": text(i.Checksum), "os_hash_algo": text(i.HashAlgorithm),
		"os_hash_value": text(i.HashValue), "created_at": i.CreatedAt.Format(time.RFC3339), "updated_at": i.UpdatedAt.Format(time.RFC3339),
		"tags": []string{}, "os_hidden": false, "self": "/v2/images/" + i.ID, "file": "/v2/images/" + i.ID + "/file", "schema": "/v2/schemas/image"})
	if len(i.Locations) > 0 {
		v["direct_url"] = i.Locations[0]
		list := []any{}
		for _, l := range i.Locations {
			list = append(list, map[string]any{"url": l, "metadata": map[string]any{}})
		}
		v["locations"] = list
	}
	return v
}
