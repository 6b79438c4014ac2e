package api

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image/api/web"
	"github.com/clinker/clinker/internal/image/app/data"
	"github.com/clinker/clinker/internal/image/app/imports"
)

const octets = "application/octet-stream"

// storeHeader names the store that data goes to.
const storeHeader = "X-Image-Meta-Store"

func octetsOnly(r *http.Request) error {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && media == octets {
		return nil
	}
	if r.Header.Get("Content-Type") == "" {
		media = "None"
	}
	return fault.New(fault.UnsupportedMedia, "InvalidContentType", "Invalid content type %s", media)
}

func (a *API) upload(w http.ResponseWriter, r *http.Request) error {
	if err := octetsOnly(r); err != nil {
		return err
	}
	err := a.data.Upload(r.Context(), r.PathValue("image_id"), r.Header.Get(storeHeader), patient(w, r), r.ContentLength)
	if err != nil {
		return err
	}
	return web.NoContent(w)
}

func (a *API) stage(w http.ResponseWriter, r *http.Request) error {
	if !slices.Contains(a.core.Options.ImportMethods, imports.GlanceDirect) {
		return fault.New(fault.NotFound, "", "'glance-direct' method is not available at this site.")
	}
	if err := octetsOnly(r); err != nil {
		return err
	}
	if err := a.data.Stage(r.Context(), r.PathValue("image_id"), patient(w, r)); err != nil {
		return err
	}
	return web.NoContent(w)
}

// stall is how long a client may send or take nothing. The time the server gives to any request does not count for data.
const stall = time.Minute

// patient is the body of a request that may take as long as it likes, if it never stalls; and what is done with the body, too.
func patient(w http.ResponseWriter, r *http.Request) io.Reader {
	return &patientReader{r.Body, http.NewResponseController(w)}
}

type patientReader struct {
	io.Reader
	control *http.ResponseController
}

// Read implements io.Reader.
func (p *patientReader) Read(b []byte) (int, error) {
	// A server of a test may have no deadlines.
	_ = p.control.SetReadDeadline(time.Now().Add(stall))
	n, err := p.Reader.Read(b)
	if err != nil {
		_ = p.control.SetReadDeadline(time.Time{}) // the server waits for the client to go away, and would take this for it
	}
	return n, err
}

// part is what a client asked for of data.
type part struct {
	offset, length int64
	whole          bool
}

func (a *API) download(w http.ResponseWriter, r *http.Request) error {
	i, err := a.data.Downloadable(r.Context(), r.PathValue("image_id"))
	if err != nil {
		return err
	}
	var size int64
	if i.SizeBytes != nil {
		size = *i.SizeBytes
	}
	if len(i.Locations) == 0 {
		return web.NoContent(w)
	}
	p, err := rangeOf(r.Header, size)
	if err != nil {
		return err
	}
	body, err := a.data.Open(r.Context(), i, p.offset, p.length)
	if errors.Is(err, data.ErrNoData) || fault.Is(err, fault.NotFound) {
		return web.NoContent(w)
	}
	if err != nil {
		return err
	}
	defer body.Close()
	h := w.Header()
	h.Set("Content-Type", octets)
	if i.Checksum != "" {
		h.Set("Content-MD5", i.Checksum)
	}
	h.Set("Content-Length", strconv.FormatInt(p.length, 10))
	status := http.StatusOK
	if !p.whole {
		status = http.StatusPartialContent
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", p.offset, p.offset+p.length-1, size))
	}
	w.WriteHeader(status)
	if err := send(w, body, p.length); err != nil && r.Context().Err() == nil {
		a.log.WarnContext(r.Context(), "an image's download broke off", "image_id", i.ID, "error", err)
		panic(http.ErrAbortHandler) // the client must not take what it has for the whole
	}
	return nil
}

// pieceBytes is how much of a download goes out before its deadline is set anew.
const pieceBytes = 8 << 20

// send copies length bytes to a client that may take as long as it likes, if it never stalls.
func send(w http.ResponseWriter, body io.Reader, length int64) error {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // as above
	for length > 0 {
		_ = control.SetWriteDeadline(time.Now().Add(stall))
		n, err := io.CopyN(w, body, min(length, pieceBytes))
		if err != nil {
			return err
		}
		length -= n
	}
	return nil
}

var (
	byteRange    = regexp.MustCompile(`^bytes=\s*(\d*)-(\d*)\s*$`)
	contentRange = regexp.MustCompile(`^bytes (\d+)-(\d+)/(\d+|\*)$`)
)

func unsatisfiable(format string, args ...any) error {
	return fault.New(fault.Invalid, "RangeNotSatisfiable", format, args...)
}

// rangeOf reads Range, and Content-Range, which old clients send in its place. Upstream: Request.get_range_from_request in
// glance/common/wsgi.py.
func rangeOf(h http.Header, size int64) (part, error) {
	whole := part{0, size, true}
	text := h.Get("Range")
	if text == "" {
		return oldRangeOf(h.Get("Content-Range"), whole)
	}
	if strings.Contains(text, ",") {
		return whole, fault.New(fault.Invalid, "", "Requests with multiple ranges are not supported in Glance. You may make multiple "+
			"single-range requests instead.")
	}
	m := byteRange.FindStringSubmatch(text)
	if m == nil || m[1] == "" && m[2] == "" {
		return whole, unsatisfiable("Invalid Range header.")
	}
	first, firstErr := strconv.ParseInt(m[1], 10, 64)
	last, lastErr := strconv.ParseInt(m[2], 10, 64)
	if m[1] == "" { // the last so many bytes
		if lastErr != nil || last == 0 {
			return whole, unsatisfiable("Invalid Range header.")
		}
		length := min(last, size)
		return part{size - length, length, false}, nil
	}
	if m[2] == "" || lastErr != nil || last >= size {
		last = size - 1
	}
	if firstErr != nil || first >= size {
		return whole, unsatisfiable("Invalid start position in Range header. Start position MUST be in the inclusive range [0, %d].", size-1)
	}
	if last < first {
		return whole, unsatisfiable("Invalid Range header.")
	}
	return part{first, last - first + 1, false}, nil
}

func oldRangeOf(text string, whole part) (part, error) {
	if text == "" {
		return whole, nil
	}
	m := contentRange.FindStringSubmatch(text)
	if m == nil {
		return whole, unsatisfiable("Invalid Content-Range header.")
	}
	first, firstErr := strconv.ParseInt(m[1], 10, 64)
	last, lastErr := strconv.ParseInt(m[2], 10, 64)
	if firstErr != nil || first >= whole.length {
		return whole, unsatisfiable("Invalid start position in Content-Range header. Start position MUST be in the inclusive range [0, %d].", whole.length-1)
	}
	if lastErr != nil || last < first || last >= whole.length {
		return whole, unsatisfiable("Invalid stop position in Content-Range header. The stop position MUST be in the inclusive range [0, %d].", whole.length-1)
	}
	return part{first, last - first + 1, false}, nil
}
