package clients

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/imageformat/imageformattest"
)

// neighbours stand in for the services that a suite needs beside those under test, and that Clinker does not have:
// Compute and Networking, as far as gophercloud goes to get itself a server to attach volumes to. Its servers are rows and
// nothing else; what is tested is what Block Storage makes of their ids.
type neighbours struct {
	*httptest.Server
	mu      sync.Mutex
	servers map[string]map[string]any // by id, as they were asked for
}

const networkName = "private"

func newNeighbours(t *testing.T) *neighbours {
	n := &neighbours{servers: map[string]map[string]any{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /network/v2.0/networks", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"networks": []any{map[string]any{"id": uuid.NewString(), "name": networkName}}})
	})
	// What gophercloud reads of a service before it uses it.
	for path, newest := range map[string]string{"/compute/{$}": "v2.1", "/network/{$}": "v2.0"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			reply(w, http.StatusOK, map[string]any{"version": map[string]any{"id": newest, "status": "CURRENT", "links": []any{
				map[string]any{"rel": "self", "href": "http://" + r.Host + r.URL.Path}}}})
		})
	}
	mux.HandleFunc("POST /compute/servers", n.create)
	mux.HandleFunc("GET /compute/servers/{id}", n.show)
	mux.HandleFunc("DELETE /compute/servers/{id}", n.remove)
	n.Server = httptest.NewServer(mux)
	t.Cleanup(n.Close)
	return n
}

// newInternet stands in for the image that a suite downloads, for who asks it as a proxy: the machines of this project do not
// reach further than themselves.
func newInternet(t *testing.T) *httptest.Server {
	image := imageformattest.QCOW2(3, 1<<20)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(image))
	}))
	t.Cleanup(server.Close)
	return server
}

func (n *neighbours) create(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Server struct {
			Name      string `json:"name"`
			ImageRef  string `json:"imageRef"`
			FlavorRef string `json:"flavorRef"`
		} `json:"server"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	id := uuid.NewString()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.servers[id] = map[string]any{"id": id, "name": body.Server.Name, "status": "ACTIVE",
		"image": map[string]any{"id": body.Server.ImageRef}, "flavor": map[string]any{"id": body.Server.FlavorRef}}
	reply(w, http.StatusAccepted, map[string]any{"server": map[string]any{"id": id}})
}

func (n *neighbours) show(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	server, ok := n.servers[r.PathValue("id")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	reply(w, http.StatusOK, map[string]any{"server": server})
}

func (n *neighbours) remove(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.servers, r.PathValue("id"))
	w.WriteHeader(http.StatusNoContent)
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
