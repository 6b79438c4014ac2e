package wsgi

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/jsonview"
)

// Status is the HTTP status of a kind of fault. Nobody's fault (Internal, Timeout) is 500.
func Status(kind fault.Kind) int {
	switch kind {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Unauthorized:
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.NotAcceptable:
		return http.StatusNotAcceptable
	case fault.Conflict, fault.Busy:
		return http.StatusConflict
	case fault.PreconditionFailed:
		return http.StatusPreconditionFailed
	case fault.OverLimit:
		return http.StatusRequestEntityTooLarge
	case fault.UnsupportedMedia:
		return http.StatusUnsupportedMediaType
	case fault.NotImplemented:
		return http.StatusNotImplemented
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// faultName is the member of the fault body for a status; upstream: Fault._fault_names.
func faultName(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "badRequest"
	case http.StatusUnauthorized:
		return "unauthorized"
	case http.StatusForbidden:
		return "forbidden"
	case http.StatusNotFound:
		return "itemNotFound"
	case http.StatusMethodNotAllowed:
		return "badMethod"
	case http.StatusConflict:
		return "conflictingRequest"
	case http.StatusRequestEntityTooLarge:
		return "overLimit"
	case http.StatusUnsupportedMediaType:
		return "badMediaType"
	case http.StatusNotImplemented:
		return "notImplemented"
	case http.StatusServiceUnavailable:
		return "serviceUnavailable"
	}
	return "computeFault"
}

// Plain is err without its name: for conflicts and limits whose text upstream's handlers pass on alone, where the
// filter before them would show "Name: text".
func Plain(err error) error {
	f, ok := fault.Of(err)
	if !ok {
		return err
	}
	return fault.Wrap(errors.Unwrap(f), f.Kind, "", "%s", f.Text)
}

// WriteFault answers a request with the fault body of err. It is for filters before the API; the API itself answers
// through it too. A failed precondition has no body, as upstream.
func WriteFault(w http.ResponseWriter, err error) {
	status := Status(fault.KindOf(err))
	text, retryAfter := fault.UserText(err), ""
	if name := fault.NameOf(err); name != "" && text != fault.Unexpected {
		switch status {
		case http.StatusRequestEntityTooLarge:
			retryAfter = "0" // upstream: QuotaError.headers
			text = name + ": " + text
		case http.StatusConflict:
			text = name + ": " + text
		}
	}
	if status == http.StatusPreconditionFailed {
		w.WriteHeader(status)
		return
	}
	body := jsonview.New(len(text) + 64)
	body.Open()
	body.Key(faultName(status))
	body.Open()
	body.Int("code", int64(status))
	body.String("message", text)
	if retryAfter != "" {
		body.String("retryAfter", retryAfter)
		w.Header().Set("Retry-After", retryAfter)
	}
	body.Close()
	body.Close()
	write(w, status, mediaJSON, body.Bytes())
}

// write sends one complete answer.
func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	header := w.Header()
	if status != http.StatusNoContent {
		header.Set("Content-Type", contentType)
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(status)
	if len(body) > 0 && status != http.StatusNoContent {
		_, _ = w.Write(body) // the client went away: nothing is left to do for it
	}
}

const notFoundText = "The resource could not be found."

// NotFound answers a path that leads nowhere.
func NotFound(w http.ResponseWriter, r *http.Request) {
	ErrorPage(w, r, http.StatusNotFound, "Not Found", notFoundText)
}

// ErrorPage answers what no API has to do with: it is no fault body but what upstream's webob says, in the form the client
// accepts. title is webob's name of the status; text must need no escape.
func ErrorPage(w http.ResponseWriter, r *http.Request, status int, title, text string) {
	accept, code := r.Header.Get("Accept"), strconv.Itoa(status)+" "+title
	switch {
	case strings.Contains(accept, "html"), strings.Contains(accept, "*/*"):
		write(w, status, "text/html; charset=UTF-8", []byte("<html>\n <head>\n  <title>"+code+"</title>\n </head>\n"+
			" <body>\n  <h1>"+code+"</h1>\n  "+text+"<br /><br />\n\n\n\n </body>\n</html>"))
	case strings.Contains(accept, mediaJSON):
		write(w, status, mediaJSON, []byte(`{"message": "`+text+`<br /><br />\n\n\n", "code": "`+code+`", "title": "`+title+`"}`))
	default:
		write(w, status, "text/plain; charset=UTF-8", []byte(code+"\n\n"+text+"\n\n   "))
	}
}
