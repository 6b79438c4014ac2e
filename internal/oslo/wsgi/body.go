package wsgi

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/bodyschema"
)

const mediaJSON = "application/json"

// NotComplied is upstream's text about a request its code cannot make sense of, and says no more of.
const NotComplied = "The server could not comply with the request since it is either malformed or otherwise incorrect."

// readBody reads the body, bounded. hasBody is false when there is nothing to decode: no bytes, or bytes without a
// Content-Type, which upstream ignores. A Content-Type that is not JSON is fault.UnsupportedMedia.
func (a *API) readBody(w http.ResponseWriter, r *http.Request) (body []byte, hasBody bool, err error) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil, false, nil
	}
	if r.ContentLength > a.maxBody {
		return nil, false, tooLarge()
	}
	body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, a.maxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, false, tooLarge()
	}
	if err != nil {
		return nil, false, fault.Wrap(err, fault.Invalid, "", bodyschema.Malformed)
	}
	contentType := r.Header.Get("Content-Type")
	if len(body) == 0 || contentType == "" {
		return nil, false, nil
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil || media != mediaJSON && media != a.vendorMedia {
		return nil, false, fault.New(fault.UnsupportedMedia, "", "Unsupported Content-Type")
	}
	return body, true, nil
}

func tooLarge() error { return fault.New(fault.OverLimit, "", "Request is too large.") }

// actionOf finds the one member of an action's body.
func actionOf(value any) (string, error) {
	body, ok := value.(map[string]any)
	if !ok || len(body) != 1 {
		return "", fault.New(fault.Invalid, "MalformedRequestBody", bodyschema.Malformed)
	}
	for name := range body {
		return name, nil
	}
	return "", nil
}

func noSuchAction(name string) error {
	return fault.New(fault.Invalid, "",
		"There is no such action: %s. Verify the request body and Content-Type header and try again.", name)
}

// responseType chooses between plain and vendor JSON; anything else a client accepts gets plain JSON, as upstream.
func (a *API) responseType(accept string) string {
	if accept == "" || !strings.Contains(accept, a.vendorMedia) ||
		strings.Contains(accept, mediaJSON) || strings.Contains(accept, "*/*") {
		return mediaJSON
	}
	return a.vendorMedia
}
