package client

import (
	"encoding/json"
	"errors"
	"html"
	"net/http"
	"regexp"
	"strings"
	"unicode"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/glance"
)

// translated is the fault for what came of a request about the image id.
func translated(err error, id string) error {
	if err == nil {
		return nil
	}
	if _, ok := fault.Of(err); ok {
		return err
	}
	code, ok := errors.AsType[gophercloud.ErrUnexpectedResponseCode](err)
	if !ok {
		return glance.ConnectionFailed(err, "it does not answer.")
	}
	cause := plain{code.Method, code.URL, code.Actual, said(code.Body)}
	switch code.Actual {
	case http.StatusUnauthorized, http.StatusForbidden:
		return glance.NotAuthorized(cause, id)
	case http.StatusNotFound:
		if id != "" {
			return fault.Wrap(cause, fault.NotFound, "ImageNotFound", "Image %s could not be found.", id)
		}
	case http.StatusBadRequest, http.StatusUnsupportedMediaType:
		return fault.Wrap(cause, fault.Invalid, "Invalid", "The image service refused it: %s", cause.said)
	case http.StatusConflict, http.StatusGone:
		return fault.Wrap(cause, fault.Conflict, "", "The image service refused it: %s", cause.said)
	case http.StatusRequestEntityTooLarge:
		return glance.LimitExceeded(cause)
	}
	return glance.ConnectionFailed(cause, "it answered %d.", code.Actual)
}

// plain is an unexpected answer for the log. Gophercloud's own error holds the headers, and so a token.
type plain struct {
	method, url string
	status      int
	said        string
}

func (p plain) Error() string {
	return p.method + " " + p.url + ": " + http.StatusText(p.status) + ": " + p.said
}

var (
	markup = regexp.MustCompile(`(?s)<(head|title|style|h1)>.*?</(head|title|style|h1)>|<[^>]*>`)
	blanks = regexp.MustCompile(`\s+`)
)

// maxSaid is how much of the service's own words a user gets to read.
const maxSaid = 300

// said is what an answer's body says in words: Glance writes small HTML pages, proxies and newer services JSON.
func said(body []byte) string {
	var message struct {
		Message string `json:"message"`
	}
	text := string(body)
	if json.Unmarshal(body, &message) == nil && message.Message != "" {
		text = message.Message
	}
	text = html.UnescapeString(markup.ReplaceAllString(text, " "))
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	text = strings.TrimSpace(blanks.ReplaceAllString(text, " "))
	if runes := []rune(text); len(runes) > maxSaid {
		text = string(runes[:maxSaid]) + "..."
	}
	if text == "" {
		return "it did not say why"
	}
	return text
}
