package web

import (
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/jsonview"
)

const notFoundText = "The resource could not be found."

// WriteFault answers with the page of an error.
func WriteFault(w http.ResponseWriter, r *http.Request, err error) {
	if fault.Is(err, fault.Unauthorized) && w.Header().Get("WWW-Authenticate") == "" {
		w.Header().Set("WWW-Authenticate", "Keystone")
	}
	writePage(w, r, Status(err), fault.UserText(err))
}

// writePage answers with a page as webob makes them: HTML, JSON or text, by what the client accepts; HTML for those who accept
// anything, text for those who do not say. Upstream: webob/exc.py, WSGIHTTPException.generate_response.
func writePage(w http.ResponseWriter, r *http.Request, status int, text string) {
	line := fmt.Sprintf("%d %s", status, title(status))
	kind := accepted(r.Header.Get("Accept"))
	var body string
	switch kind {
	case "text/html":
		body = "<html>\n <head>\n  <title>" + line + "</title>\n </head>\n <body>\n  <h1>" + line + "</h1>\n  " +
			html.EscapeString(text) + "<br /><br />\n\n\n\n </body>\n</html>"
	case "application/json":
		v := jsonview.New(len(text) + 128)
		v.Open()
		v.String("message", text+"<br /><br />\n\n\n")
		v.String("code", line)
		v.String("title", title(status))
		v.Close()
		body = string(v.Bytes())
	default:
		body = line + "\n\n" + strings.ReplaceAll(text, "\n", " ") + "\n\n   "
	}
	if kind != "application/json" {
		kind += "; charset=UTF-8"
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, err := w.Write([]byte(body))
		_ = ignored(err)
	}
}

// title is webob's for a status.
func title(status int) string {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return "Request Entity Too Large"
	case http.StatusRequestedRangeNotSatisfiable:
		return "Request Range Not Satisfiable"
	}
	return http.StatusText(status)
}

// accepted chooses the form of a page.
func accepted(accept string) string {
	best, quality := "text/plain", 0.0
	for part := range strings.SplitSeq(accept, ",") {
		media, parameters, _ := strings.Cut(strings.ToLower(strings.TrimSpace(part)), ";")
		q := 1.0
		for p := range strings.SplitSeq(parameters, ";") {
			if text, ok := strings.CutPrefix(strings.TrimSpace(p), "q="); ok {
				if value, err := strconv.ParseFloat(text, 64); err == nil {
					q = value
				}
			}
		}
		kind := ""
		switch strings.TrimSpace(media) {
		case "text/html", "text/*", "*/*":
			kind = "text/html"
		case "application/json", "application/*":
			kind = "application/json"
		}
		if kind != "" && q > quality {
			best, quality = kind, q
		}
	}
	return best
}
