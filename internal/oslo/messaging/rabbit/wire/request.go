package wire

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// Request is a message that asks for a method.
type Request struct {
	Method    string
	Args      json.RawMessage // a JSON object; empty is {}
	Version   string          // "" is left out
	Namespace string          // "" is left out; Cinder uses none
	Context   Context
	UniqueID  string // 32 hexadecimal digits; the same when a message is sent again
	// Of calls only.
	MsgID, ReplyQueue string
	// MonitorSeconds is the client's call_monitor_timeout: it wants a sign of life twice as often. 0 is none.
	MonitorSeconds int
	// Extra and Trace reach another Clinker only: the codec's, and W3C's trace headers.
	Extra map[string]string
	Trace map[string]string
}

// IsCall says whether a reply is waited for.
func (r *Request) IsCall() bool { return r.MsgID != "" && r.ReplyQueue != "" }

// Encode writes the message, without its envelope. It fails for Args that are no JSON.
func (r *Request) Encode() ([]byte, error) {
	var o object
	o.field("method", r.Method)
	args := r.Args
	if len(args) == 0 {
		args = json.RawMessage("{}")
	}
	if !json.Valid(args) {
		return nil, fmt.Errorf("the arguments of %s are no JSON", r.Method)
	}
	o.field("args", args)
	if r.Namespace != "" {
		o.field("namespace", r.Namespace)
	}
	if r.Version != "" {
		o.field("version", r.Version)
	}
	if r.IsCall() {
		o.field("_msg_id", r.MsgID)
		o.field("_reply_q", r.ReplyQueue)
		var monitor any
		if r.MonitorSeconds > 0 {
			monitor = r.MonitorSeconds
		}
		o.field("_timeout", monitor)
	}
	o.field("_unique_id", r.UniqueID)
	r.Context.write(&o)
	extra{Codec: r.Extra, Trace: r.Trace, UserName: r.Context.Request.UserName, ServiceRoles: r.Context.Request.ServiceRoles}.write(&o)
	return o.done()
}

// DecodeRequest reads a message, without its envelope. A message without a method or with arguments that are no object is
// refused.
func DecodeRequest(inner []byte) (*Request, error) {
	var f fields
	if err := json.Unmarshal(inner, &f); err != nil {
		return nil, fmt.Errorf("the message is no JSON object: %w", err)
	}
	e, err := readExtra(f)
	if err != nil {
		return nil, err
	}
	r := &Request{Method: f.text("method"), Args: f["args"], Version: f.text("version"), Namespace: f.text("namespace"), Context: readContext(f),
		UniqueID: f.text("_unique_id"), MsgID: f.text("_msg_id"), ReplyQueue: f.text("_reply_q"), Extra: e.Codec, Trace: e.Trace}
	r.Context.Request.UserName, r.Context.Request.ServiceRoles = e.UserName, e.ServiceRoles
	if !f.present("args") {
		r.Args = json.RawMessage("{}")
	}
	if r.Method == "" {
		return nil, fmt.Errorf("the message names no method")
	}
	if r.Args[0] != '{' {
		return nil, fmt.Errorf("the arguments of %.64s are no JSON object", r.Method)
	}
	if seconds, err := strconv.Atoi(string(f["_timeout"])); err == nil && seconds > 0 {
		r.MonitorSeconds = seconds
	}
	return r, nil
}

// EncodeNotification writes a notification, without its envelope: message, a JSON object, with the context of who asked for what it
// tells of (notify/notifier.py).
func EncodeNotification(message json.RawMessage, c Context, uniqueID string) ([]byte, error) {
	n := len(message)
	if n < 2 || message[0] != '{' || message[n-1] != '}' || !json.Valid(message) {
		return nil, fmt.Errorf("a notification is a JSON object")
	}
	o := object{bytes: append([]byte(nil), message[:n-1]...)}
	if n == 2 {
		o.bytes = nil
	}
	o.field("_unique_id", uniqueID)
	c.write(&o)
	return o.done()
}

// Reply is the answer to a call, or a sign of life while it is worked on (not Ending, neither Result nor Failure).
type Reply struct {
	MsgID    string
	Result   json.RawMessage // empty is null
	Failure  *Failure
	Ending   bool
	UniqueID string
	Extra    map[string]string
}

// Encode writes the reply, without its envelope.
func (r *Reply) Encode() ([]byte, error) {
	var o object
	if len(r.Result) > 0 && !json.Valid(r.Result) {
		return nil, fmt.Errorf("the result is no JSON")
	}
	o.field("result", r.Result)
	var failure any
	if r.Failure != nil {
		text, err := json.Marshal(r.Failure)
		if err != nil {
			return nil, err
		}
		failure = string(text) // JSON within a string, as upstream has it
	}
	o.field("failure", failure)
	o.field("ending", r.Ending)
	o.field("_msg_id", r.MsgID)
	o.field("_unique_id", r.UniqueID)
	extra{Codec: r.Extra}.write(&o)
	return o.done()
}

// DecodeReply reads a reply, without its envelope. Result is null if there is none.
func DecodeReply(inner []byte) (*Reply, error) {
	var f fields
	if err := json.Unmarshal(inner, &f); err != nil {
		return nil, fmt.Errorf("the reply is no JSON object: %w", err)
	}
	e, err := readExtra(f)
	if err != nil {
		return nil, err
	}
	r := &Reply{MsgID: f.text("_msg_id"), Result: f["result"], Ending: f.flag("ending"), UniqueID: f.text("_unique_id"), Extra: e.Codec}
	if r.MsgID == "" {
		return nil, fmt.Errorf("the reply says not to which call it belongs")
	}
	if len(r.Result) == 0 {
		r.Result = json.RawMessage("null")
	}
	if f.present("failure") {
		if r.Failure, err = decodeFailure(f["failure"]); err != nil {
			return nil, err
		}
	}
	return r, nil
}
