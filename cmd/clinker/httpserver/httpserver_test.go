package httpserver

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// TestAttended: a client that closes its sending side after the request gets its answer, and a request has a deadline.
func TestAttended(t *testing.T) {
	closed := make(chan struct{})
	server := httptest.NewServer(Attended(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-closed
		select {
		case <-r.Context().Done():
			w.WriteHeader(http.StatusInternalServerError)
		case <-time.After(50 * time.Millisecond): // longer than the server takes to see the end of the stream
		}
		if _, bounded := r.Context().Deadline(); !bounded {
			t.Error("the request may take for ever")
		}
	})))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	close(closed)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("status %d", resp.StatusCode)
	}
}
