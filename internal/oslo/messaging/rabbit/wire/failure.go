package wire

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// Failure is an exception on its way back to a caller (serialize_remote_exception in oslo_messaging/_drivers/common.py).
type Failure struct {
	Class     string                     `json:"class"`
	Module    string                     `json:"module"`
	Message   string                     `json:"message"`
	Traceback []string                   `json:"tb"`
	Args      []json.RawMessage          `json:"args"`
	Kwargs    map[string]json.RawMessage `json:"kwargs"`
	// Fault is what only another Clinker reads, so that a fault arrives as it was sent.
	Fault *faultExtra `json:"clinker,omitempty"`
}

type faultExtra struct {
	Fault json.RawMessage `json:"fault"` // messaging.EncodeFault
}

// decodeFailure reads the failure of a reply: JSON in a string; the object itself is taken too.
func decodeFailure(raw json.RawMessage) (*Failure, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		raw = json.RawMessage(text)
		if !json.Valid(raw) {
			raw = withoutInfinities(raw)
		}
	}
	var f Failure
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, fmt.Errorf("the reply's failure is not what oslo.messaging writes: %w", err)
	}
	return &f, nil
}

// Exceptions is a wing's classes of exceptions. The zero value knows none: faults travel as builtins.Exception, and what
// comes from Python is Internal unless its HTTP code says otherwise.
type Exceptions struct {
	// Module is where Python finds the classes, "cinder.exception".
	Module string
	// Kinds says of what kind a class is.
	Kinds map[string]fault.Kind
	// Classes gives the class for a fault without a name, by its kind; kinds that are missing travel as the class of
	// fault.Internal.
	Classes map[fault.Kind]string
}

// Modules of classes that belong to no wing.
const (
	moduleBuiltins   = "builtins"
	moduleDispatcher = "oslo_messaging.rpc.dispatcher"
	moduleExceptions = "oslo_messaging.exceptions"
)

// own are the classes that oslo.messaging itself raises, by name.
func own(name string) (module string, kind fault.Kind, ok bool) {
	switch name {
	case messaging.NameUnsupportedVersion, messaging.NameNoSuchMethod:
		return moduleDispatcher, fault.NotImplemented, true
	case messaging.NameTimeout:
		return moduleExceptions, fault.Timeout, true
	}
	return "", 0, false
}

// Of makes the failure that err travels as: what messaging.Strip leaves of it. err must not be nil.
func (e Exceptions) Of(err error) *Failure {
	f, _ := fault.Of(messaging.Strip(err))
	out := &Failure{Class: f.Name, Module: e.Module, Message: f.Text, Traceback: []string{}, Kwargs: map[string]json.RawMessage{},
		Fault: &faultExtra{Fault: messaging.EncodeFault(err)}}
	if out.Class == "" {
		if out.Class = e.Classes[f.Kind]; out.Class == "" {
			out.Class = e.Classes[fault.Internal]
		}
	}
	module, _, isOwn := own(out.Class)
	switch {
	case isOwn:
		out.Module = module
	case out.Class == "" || e.Module == "":
		out.Class, out.Module = "Exception", moduleBuiltins
	default:
		out.Kwargs["code"] = json.RawMessage(fmt.Sprint(codeOf(f.Kind)))
	}
	text, _ := json.Marshal(f.Text)
	out.Args = []json.RawMessage{text}
	return out
}

// Fault is the fault that a failure is here. One that a Clinker sent arrives as it was; of Python's, the class decides the
// kind, or else the HTTP code that Cinder's exceptions carry; unknown classes are Internal and keep their name.
func (e Exceptions) Fault(f *Failure) *fault.Error {
	if f.Fault != nil && len(f.Fault.Fault) > 0 {
		return messaging.DecodeFault(f.Fault.Fault)
	}
	text := strings.TrimSpace(f.Message)
	if text == "" {
		text = fault.Unexpected
	}
	kind, known := e.Kinds[f.Class]
	if !known || f.Module != e.Module {
		kind = fault.Internal
		if module, k, ok := own(f.Class); ok && module == f.Module {
			kind = k
		} else if f.Module == e.Module && e.Module != "" {
			kind = kindOf(f.Kwargs["code"])
		}
	}
	return messaging.Bounded(fault.New(kind, f.Class, "%s", text))
}

// codeOf is the HTTP code that Cinder's exceptions of a kind carry in their kwargs.
func codeOf(k fault.Kind) int {
	switch k {
	case fault.Invalid:
		return 400
	case fault.Unauthorized:
		return 401
	case fault.Forbidden:
		return 403
	case fault.NotFound:
		return 404
	case fault.NotAcceptable:
		return 406
	case fault.Conflict, fault.Busy:
		return 409
	case fault.PreconditionFailed:
		return 412
	case fault.OverLimit:
		return 413
	case fault.UnsupportedMedia:
		return 415
	case fault.NotImplemented:
		return 501
	case fault.Unavailable:
		return 503
	case fault.Timeout:
		return 504
	}
	return 500
}

// kindOf is the kind that an HTTP code stands for; Internal for what is none.
func kindOf(raw json.RawMessage) fault.Kind {
	var code int
	if json.Unmarshal(raw, &code) != nil {
		return fault.Internal
	}
	for k := fault.Internal; k < fault.Busy; k++ { // Busy has Conflict's code
		if codeOf(k) == code {
			return k
		}
	}
	return fault.Internal
}
