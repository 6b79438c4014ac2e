package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/clinker/clinker/internal/glance"
)

// Upload implements glance.Service.
func (c *Client) Upload(ctx context.Context, id string, u glance.Upload, body io.Reader) error {
	if err := checkID(id); err != nil {
		return err
	}
	ctx, stall, done := watched(ctx, c.timeout)
	defer done()
	to, err := c.to(ctx)
	if err != nil {
		return err
	}
	header := map[string]string{"Content-Type": "application/octet-stream", "Expect": "100-continue"}
	if u.SizeBytes >= 0 {
		header["Content-Length"] = strconv.FormatInt(u.SizeBytes, 10)
	}
	if u.StoreID != "" {
		header["X-Image-Meta-Store"] = u.StoreID
	}
	if u.BaseImageID != "" {
		header["X-OpenStack-Base-Image-Ref"] = u.BaseImageID
	}
	// Gophercloud closes what it can close; the body is its owner's.
	sent := &sending{body: body, stall: stall}
	_, err = to.Put(ctx, to.ServiceURL("images", id, "file"), sent, nil,
		&gophercloud.RequestOpts{MoreHeaders: header, OkCodes: []int{http.StatusNoContent}})
	switch {
	case err == nil:
		return nil
	case sent.failure != nil:
		return sent.failure // ours, and no fault of the service's
	case errors.Is(context.Cause(ctx), errStalled):
		return glance.ConnectionFailed(errStalled, "it stopped taking the image's bytes.")
	}
	return translated(err, id)
}

// sending is a body on its way; each read of it shows that the service takes what it is sent.
type sending struct {
	body    io.Reader
	stall   *stall
	failure error // of the body itself
}

// Read implements io.Reader.
func (s *sending) Read(p []byte) (int, error) {
	s.stall.rest() // what takes time now is the body's own affair
	n, err := s.body.Read(p)
	s.stall.move()
	switch {
	case errors.Is(err, io.EOF):
		s.stall.timer.Reset(finishTimeout)
	case err != nil:
		s.failure = err
	}
	return n, err
}

// Download implements glance.Service.
func (c *Client) Download(ctx context.Context, id string) (io.ReadCloser, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	d := &download{client: c, ctx: ctx, id: id, length: -1}
	if err := d.open(); err != nil {
		return nil, err
	}
	return d, nil
}

// download is an image's bytes on their way. It is read by one goroutine.
type download struct {
	client *Client
	ctx    context.Context
	id     string

	offset, length int64 // length is -1 if the service has not said it
	tries          int   // of all that failed so far

	body  io.ReadCloser // nil between two connections
	stall *stall
	done  context.CancelFunc
}

// open begins at the offset, and tries again while no server answers.
func (d *download) open() error {
	for {
		err := d.openOnce()
		if err == nil {
			return nil
		}
		if noBytes(err) {
			return glance.NotFound(d.id)
		}
		if !worthAnother(d.ctx, err) {
			return translated(err, d.id)
		}
		if err := d.again(err); err != nil {
			return err
		}
	}
}

// again counts a failure and waits, or gives up.
func (d *download) again(cause error) error {
	if d.tries++; d.tries > d.client.retries || d.ctx.Err() != nil {
		return translated(cause, d.id)
	}
	d.client.log.WarnContext(d.ctx, "the download of an image broke off; going on", "image_id", d.id, "offset", d.offset, "try", d.tries, "error", translated(cause, d.id))
	return d.client.pause(d.ctx)
}

func (d *download) openOnce() error {
	ctx, stall, done := watched(context.WithValue(d.ctx, streaming{}, true), d.client.timeout)
	to, err := d.client.to(ctx)
	if err != nil {
		done()
		return err
	}
	header := map[string]string{"Accept": "*/*"}
	if d.offset > 0 {
		header["Range"] = fmt.Sprintf("bytes=%d-", d.offset)
	}
	answer, err := to.Get(ctx, to.ServiceURL("images", d.id, "file"), nil, &gophercloud.RequestOpts{MoreHeaders: header,
		OkCodes: []int{http.StatusOK, http.StatusPartialContent}, KeepResponseBody: true})
	if err != nil {
		done()
		return err
	}
	d.body, d.stall, d.done = answer.Body, stall, done
	if err := d.place(answer); err != nil {
		d.close()
		return err
	}
	stall.rest()
	return nil
}

// place makes the body begin at the offset: a service that knows no ranges sends everything again.
func (d *download) place(answer *http.Response) error {
	if answer.StatusCode == http.StatusPartialContent {
		var from int64
		if _, err := fmt.Sscanf(answer.Header.Get("Content-Range"), "bytes %d-", &from); err != nil || from != d.offset {
			return fmt.Errorf("asked for bytes from %d on, got %.100q", d.offset, answer.Header.Get("Content-Range"))
		}
		return nil
	}
	if d.length < 0 {
		d.length = answer.ContentLength
	}
	for left := d.offset; left > 0; d.stall.move() {
		n, err := io.CopyN(io.Discard, d.body, min(left, 1<<20))
		if left -= n; err != nil {
			return fmt.Errorf("skipping %d bytes: %w", d.offset, err)
		}
	}
	return nil
}

// Read implements io.Reader.
func (d *download) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if d.body == nil {
			if err := d.open(); err != nil {
				return 0, err
			}
		}
		d.stall.move()
		n, err := d.body.Read(p)
		d.stall.rest()
		d.offset += int64(n)
		switch {
		case n > 0:
			return n, nil // an error is there at the next read too
		case err == nil:
			continue
		case errors.Is(err, io.EOF) && (d.length < 0 || d.offset == d.length):
			return 0, io.EOF
		case errors.Is(err, io.EOF):
			err = io.ErrUnexpectedEOF
		}
		d.close()
		if err := d.again(fmt.Errorf("after %d of %d bytes: %w", d.offset, d.length, err)); err != nil {
			return 0, err
		}
	}
}

// Close implements io.Closer.
func (d *download) Close() error {
	d.close()
	return nil
}

func (d *download) close() {
	if d.body != nil {
		_ = d.body.Close() // nothing was written to it
		d.done()
		d.body = nil
	}
}
