// Package fault is the one error value of Clinker, made for three readers: a Kind for code, a text that is safe for the
// user, and a cause for the log.
//
// What lives here: the kinds, the constructors and the questions one asks an error. What must not: HTTP statuses or
// OpenStack fault bodies (those are made at the edge, in internal/oslo/wsgi) and anything about one service.
//
// A fault keeps its Kind, Name and text when it crosses a message transport; its cause stays in the process that met it.
package fault

import (
	"errors"
	"fmt"
)

// Kind says what sort of thing went wrong, as far as code has to know.
type Kind uint8

// The kinds. Internal is the zero value, so that an error nobody classified never looks like the user's mistake.
const (
	Internal           Kind = iota // a bug or a broken machine; the user gets a general text
	Invalid                        // the request or the state of the resource does not allow it
	Unauthorized                   // who is asking is not known
	Forbidden                      // who is asking may not
	NotFound                       // there is no such thing, or none this caller may know of
	NotAcceptable                  // a version or representation that is not offered
	Conflict                       // somebody else's use or change stands against it
	PreconditionFailed             // an If-Match did not
	OverLimit                      // a quota or a size limit
	UnsupportedMedia               // a body in a format that is not read
	NotImplemented                 // known, but this service or back end does not do it
	Unavailable                    // a part that is needed does not answer now; trying again may help
	Timeout                        // it took longer than the caller allows
	Busy                           // the back end cannot do it while the resource is in use
)

var kindNames = [...]string{
	"internal", "invalid", "unauthorized", "forbidden", "not found", "not acceptable", "conflict", "precondition failed",
	"over limit", "unsupported media", "not implemented", "unavailable", "timeout", "busy",
}

// String names the kind for logs and metrics.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Error is the error value. Make one with New or Wrap; read one with Of, KindOf, NameOf and UserText.
type Error struct {
	Kind Kind
	// Name is the upstream exception class ("VolumeNotFound") where there is one; Python services rebuild the exception
	// from it, and tests match on it. Empty means none.
	Name string
	// Text is shown to the user as it stands. It says what was wrong, where, and what would be right.
	Text  string
	cause error
}

// New makes a fault. The text is for the user: no secrets, no paths of the server, no SQL.
func New(kind Kind, name, format string, args ...any) *Error {
	return &Error{Kind: kind, Name: name, Text: fmt.Sprintf(format, args...)}
}

// Wrap makes a fault that hides cause from the user and keeps it for the log. A nil cause is allowed and adds nothing.
func Wrap(cause error, kind Kind, name, format string, args ...any) *Error {
	return &Error{Kind: kind, Name: name, Text: fmt.Sprintf(format, args...), cause: cause}
}

// Error is the text for the log: the user's text and then the cause.
func (e *Error) Error() string {
	if e.cause == nil {
		return e.Text
	}
	return e.Text + ": " + e.cause.Error()
}

// Unwrap gives the cause, nil if there is none.
func (e *Error) Unwrap() error { return e.cause }

// Of finds the outermost fault in err's chain; ok is false when there is none.
func Of(err error) (f *Error, ok bool) {
	ok = errors.As(err, &f)
	return f, ok
}

// KindOf is the kind of the outermost fault in err's chain; Internal for every other error.
func KindOf(err error) Kind {
	if f, ok := Of(err); ok {
		return f.Kind
	}
	return Internal
}

// NameOf is the upstream exception class of the outermost fault in err's chain, empty if it has none.
func NameOf(err error) string {
	if f, ok := Of(err); ok {
		return f.Name
	}
	return ""
}

// Is reports whether err's chain holds a fault of this kind as its outermost fault. A nil err is of no kind.
func Is(err error, kind Kind) bool {
	f, ok := Of(err)
	return ok && f.Kind == kind
}

// Unexpected is what a user is told of an error that carries no text for users; upstream's wording.
const Unexpected = "The server has either erred or is incapable of performing the requested operation."

// UserText is what the user may read about err: the outermost fault's text, or Unexpected.
func UserText(err error) string {
	if f, ok := Of(err); ok && f.Text != "" && f.Kind != Internal {
		return f.Text
	}
	return Unexpected
}
