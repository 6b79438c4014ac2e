package wsgi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/bodyschema"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/microversion"
)

// Object is a decoded JSON object with accessors that never fail.
type Object = bodyschema.Object

// ParseBool reads a boolean as oslo.utils does (1, t, true, on, y, yes and their opposites in any case); known is false
// for every other text.
func ParseBool(text string) (truth, known bool) { return bodyschema.ParseBool(text) }

// Request is what a Handler gets: one decoded, validated request. It lives as long as the call of the Handler.
type Request struct {
	HTTP    *http.Request        // with the path after the project id; its body has been read
	Version microversion.Version // negotiated; in the context too
	// Body is the decoded JSON object, nil when the request has none. Numbers are json.Number, exact.
	Body Object

	api         *API
	original    *http.Request
	raw         any    // the decoded body of any type
	rawBody     []byte // as sent
	projectPath string // the project id in the path, "" when there was none
	query       url.Values
	prefixes    *linkPrefixes
}

// PathValue is the decoded value of a {wildcard} of the route's path, "" when it has none of that name. It never holds
// a NUL or bytes that are not UTF-8 (such requests are 400 before any handler), but it may hold a slash that was sent
// as %2F.
func (r *Request) PathValue(name string) string { return r.HTTP.PathValue(name) }

// Query gives the query parameters; pairs that do not parse are left out.
func (r *Request) Query() url.Values {
	if r.query == nil {
		r.query = r.HTTP.URL.Query()
	}
	return r.query
}

// Extensions lists the extensions of the API the request came to, by alias.
func (r *Request) Extensions() []Extension { return r.api.Extensions() }

// Header gives one request header.
func (r *Request) Header(name string) string { return r.HTTP.Header.Get(name) }

// RawBody is the body as it was sent; the slice must not be changed.
func (r *Request) RawBody() []byte { return r.rawBody }

// Decode reads the body into a struct with encoding/json's rules, for handlers that prefer one to Object. A value that
// does not fit is fault.Invalid.
func (r *Request) Decode(into any) error {
	if err := json.Unmarshal(r.rawBody, into); err != nil {
		return fault.Wrap(err, fault.Invalid, "MalformedRequestBody", bodyschema.Malformed)
	}
	return nil
}

// ProjectInPath reports whether the client wrote the project id in the URL; links then carry it too.
func (r *Request) ProjectInPath() bool { return r.projectPath != "" }

// IfMatch reports whether the request may go on for an entity with this tag: no If-Match header, "*", or the tag in it.
// When it reports false, answer fault.PreconditionFailed.
func (r *Request) IfMatch(etag string) bool {
	header := r.HTTP.Header.Get("If-Match")
	if header == "" || header == "*" {
		return true
	}
	for tag := range strings.SplitSeq(header, ",") {
		if strings.Trim(strings.TrimPrefix(strings.TrimSpace(tag), "W/"), `"`) == etag {
			return true
		}
	}
	return false
}

// Response is what a Handler answers. Make one with JSON, Value, Text or Empty, and change what differs.
type Response struct {
	Status int         // 0: the route's
	Header http.Header // added to the answer; may be nil
	Body   []byte      // nil: no body
	Type   string      // Content-Type; "" is the negotiated JSON type

	writer *jsonview.Writer // whose bytes the body is, to be used again when the answer has been written
}

// JSON answers what a jsonview.Writer holds. The Writer must not be used afterwards.
func JSON(w *jsonview.Writer) *Response { return &Response{Body: w.Bytes(), writer: w} }

// Writer gives an empty writer for an answer of about so many bytes: for answers that are asked for all the time, or are
// large. It has the buffer of an answer that has been sent.
func (r *Request) Writer(size int) *jsonview.Writer {
	if w, ok := r.api.writers.Get().(*jsonview.Writer); ok {
		w.Reset(size)
		return w
	}
	return jsonview.New(size)
}

// maxRecycled bounds the buffer of a writer that is kept for another answer.
const maxRecycled = 4 << 20

func (a *API) recycle(w *jsonview.Writer) {
	if cap(w.Bytes()) <= maxRecycled {
		a.writers.Put(w)
	}
}

// Value answers any value by encoding/json, without HTML escapes: for answers that are not hot. A value that cannot be
// encoded is an internal fault.
func Value(value any) (*Response, error) {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "", "encode the answer")
	}
	return &Response{Body: []byte(strings.TrimSuffix(out.String(), "\n"))}, nil
}

// Empty answers with no body and the route's status.
func Empty() *Response { return &Response{} }

// With adds a header and returns the Response.
func (a *Response) With(name, value string) *Response {
	if a.Header == nil {
		a.Header = make(http.Header, 1)
	}
	a.Header.Set(name, value)
	return a
}
