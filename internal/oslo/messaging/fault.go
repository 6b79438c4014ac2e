package messaging

import (
	"encoding/json"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/run"
)

// ErrStopping is the cause with which a Listener cancels the handlers that outlast its Stop: run.ErrStopping, so that a
// flow that is cut short leaves its journal as it is.
var ErrStopping = run.ErrStopping

// Names of the faults that a transport makes, oslo.messaging's classes.
const (
	NameTimeout            = "MessagingTimeout"
	NameUnsupportedVersion = "UnsupportedVersion"
	NameNoSuchMethod       = "NoSuchMethod"
)

// maxFaultText bounds, in bytes, the name and the text of a fault that comes from another process.
const maxFaultText = 16 << 10

// wireFault is the form in which a fault travels.
type wireFault struct {
	Kind string `json:"kind"`
	Name string `json:"name,omitempty"`
	Text string `json:"text,omitempty"`
}

// Strip is what is left of err after the trip: its outermost fault's kind, name and text. The cause stays behind, and an
// error that is no fault becomes an Internal one with the general text. A nil err is nil.
func Strip(err error) error {
	if err == nil {
		return nil
	}
	f, ok := fault.Of(err)
	if !ok {
		return fault.New(fault.Internal, "", "%s", fault.Unexpected)
	}
	return &fault.Error{Kind: f.Kind, Name: f.Name, Text: f.Text}
}

// EncodeFault writes what Strip leaves of err as JSON, for transports that leave the process. err must not be nil.
func EncodeFault(err error) []byte {
	f, _ := fault.Of(Strip(err))
	b, merr := json.Marshal(wireFault{Kind: f.Kind.String(), Name: f.Name, Text: f.Text})
	if merr != nil {
		return []byte(`{"kind":"internal"}`)
	}
	return b
}

// DecodeFault reads what EncodeFault wrote. It never fails: whatever is not a fault's wire form, or of a kind this
// version does not know, becomes an Internal one, with the general text if it has none. Over-long texts are cut.
func DecodeFault(b []byte) *fault.Error {
	var w wireFault
	if err := json.Unmarshal(b, &w); err != nil {
		return fault.Wrap(err, fault.Internal, "", "%s", fault.Unexpected)
	}
	e := &fault.Error{Kind: kindNamed(w.Kind), Name: cut(w.Name), Text: cut(w.Text)}
	if e.Text == "" {
		e.Text = fault.Unexpected
	}
	return e
}

// Bounded is f with a name and a text that are no longer than those DecodeFault leaves, for transports that read faults in
// another form.
func Bounded(f *fault.Error) *fault.Error {
	f.Name, f.Text = cut(f.Name), cut(f.Text)
	return f
}

// kindNamed finds a kind by its name; kinds are numbered without a gap, and past the last the names begin with "kind".
func kindNamed(name string) fault.Kind {
	for k := fault.Internal; ; k++ {
		switch s := k.String(); {
		case strings.HasPrefix(s, "kind "):
			return fault.Internal
		case s == name:
			return k
		}
	}
}

// cut bounds s in bytes and makes it valid UTF-8 again.
func cut(s string) string {
	if len(s) > maxFaultText {
		s = s[:maxFaultText]
	}
	return strings.ToValidUTF8(s, "")
}

// Timeout is the fault of a call that got no answer; cause may be nil.
func Timeout(cause error, t Target, method string) error {
	return fault.Wrap(cause, fault.Timeout, NameTimeout, "No answer from %s to %s in time.", t, method)
}

// NobodyServes is the fault of a call to a topic or server that is known not to be there: the same kind and name as
// Timeout, since a caller must treat them alike.
func NobodyServes(t Target, method string) error {
	return fault.New(fault.Timeout, NameTimeout, "No service listens on %s to answer %s.", t, method)
}
