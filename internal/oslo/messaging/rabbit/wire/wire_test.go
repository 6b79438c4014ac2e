package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/reqctx"
)

// captured is a message that Python's services sent to each other in the reference lab, see testdata/README.md of rabbit.
type captured struct {
	Message json.RawMessage `json:"message"`
}

func eachCaptured(t *testing.T, prefix string, f func(t *testing.T, inner []byte)) {
	files, err := filepath.Glob("../testdata/python/*.json")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if strings.HasPrefix(name, "reply_") != (prefix == "reply_") {
			continue
		}
		n++
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var c captured
			if err := json.Unmarshal(b, &c); err != nil {
				t.Fatal(err)
			}
			f(t, c.Message)
		})
	}
	if n < 20 {
		t.Errorf("only %d captured messages", n)
	}
}

// sameJSON compares two JSON texts by what they say.
func sameJSON(t *testing.T, want, got []byte) {
	t.Helper()
	read := func(b []byte) any {
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%v: %s", err, b)
		}
		return v
	}
	if diff := cmp.Diff(read(want), read(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPythonsRequests(t *testing.T) {
	eachCaptured(t, "", func(t *testing.T, inner []byte) {
		opened, err := Unseal(Seal(inner))
		if err != nil {
			t.Fatal(err)
		}
		r, err := DecodeRequest(opened)
		if err != nil {
			t.Fatal(err)
		}
		if r.Context.Request.RequestID == "" || len(r.UniqueID) != 32 {
			t.Errorf("no request id or no unique id: %+v", r.Context.Request)
		}
		again, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		sameJSON(t, inner, again)
	})
}

func TestPythonsReplies(t *testing.T) {
	eachCaptured(t, "reply_", func(t *testing.T, inner []byte) {
		r, err := DecodeReply(inner)
		if err != nil {
			t.Fatal(err)
		}
		if !r.Ending {
			t.Error("the reply is not the last one")
		}
		failure := r.Failure
		again, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if failure == nil {
			sameJSON(t, inner, again)
			return
		}
		// A failure is JSON in a string, where the order of keys and spaces are Python's.
		back, err := DecodeReply(again)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, back); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

var full = reqctx.Request{RequestID: "req-1", GlobalRequestID: "req-2", UserID: "u", UserName: "user", ProjectID: "p", ProjectName: "project",
	DomainID: "d", UserDomainID: "ud", ProjectDomainID: "pd", SystemScope: "all", Roles: []string{"member"}, ServiceRoles: []string{"service"},
	IsAdmin: true, AuthToken: "token", RemoteAddress: "192.0.2.1", ServiceCatalog: `[{"type":"image"}]`}

func TestRequestSurvives(t *testing.T) {
	want := &Request{Method: "m", Args: json.RawMessage(`{"a":1}`), Version: "3.1", Namespace: "n", UniqueID: "1", MsgID: "2", ReplyQueue: "reply_3",
		MonitorSeconds: 5, Context: Context{Request: full, ReadDeleted: "yes", Timestamp: "2026-01-01T00:00:00+00:00", QuotaClass: "q", ResourceUUID: "r",
			MessageResourceID: "1", MessageResourceType: "VOLUME", MessageAction: json.RawMessage(`["001","x"]`), ReadOnly: true, ShowDeleted: true, NotAdminProject: true,
			TraceInfo: json.RawMessage(`{"base_id":"b"}`)},
		Extra: map[string]string{"flow": "f"}, Trace: map[string]string{"traceparent": "t"}}
	inner, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeRequest(inner)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCatalogThatTravels(t *testing.T) {
	r := Request{Method: "m", UniqueID: "1", Context: Context{Request: reqctx.Request{ServiceCatalog: `[{"type":"volumev3"},{"type":"image","name":"glance"},7]`}}}
	inner, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := DecodeRequest(inner)
	if err != nil || back.Context.Request.ServiceCatalog != `[{"type":"image","name":"glance"}]` {
		t.Errorf("the catalog came as %s, %v", back.Context.Request.ServiceCatalog, err)
	}
}

func TestContextOfNobody(t *testing.T) {
	inner, err := (&Request{Method: "m", UniqueID: "1"}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	var f map[string]any
	if err := json.Unmarshal(inner, &f); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{"_context_user": nil, "_context_user_identity": "- - - - -", "_context_read_deleted": "no",
		"_context_is_admin": false, "_context_is_admin_project": true, "args": map[string]any{}} {
		if diff := cmp.Diff(want, f[key]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", key, diff)
		}
	}
	for _, key := range []string{"version", "namespace", "_msg_id", "_reply_q", "_timeout", "clinker"} {
		if _, ok := f[key]; ok {
			t.Errorf("%s is there", key)
		}
	}
}

func TestUnseal(t *testing.T) {
	for body, want := range map[string]string{
		`{"oslo.version":"2.0","oslo.message":"{\"a\":1}"}`:   `{"a":1}`,
		`{"oslo.version":"2.7","oslo.message":"{}","more":1}`: `{}`,
		`{"method":"m"}`: `{"method":"m"}`,
		`{"oslo.version":"2.0","oslo.message":"{\"a\":[Infinity,-Infinity,NaN,-1,\"NaN \\\\\\\" Infinity\"]}"}`: `{"a":[null,null,null,-1,"NaN \\\" Infinity"]}`,
		`{"a":NaN}`: `{"a":null}`,
	} {
		got, err := Unseal([]byte(body))
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v, want %s", body, got, err, want)
		}
	}
	for _, body := range []string{``, `nonsense`, `{"oslo.version":"3.0","oslo.message":"{}"}`, `{"oslo.version":"1.0","oslo.message":"{}"}`} {
		if got, err := Unseal([]byte(body)); err == nil {
			t.Errorf("%s became %s", body, got)
		}
	}
}

func TestBadMessages(t *testing.T) {
	for _, inner := range []string{`[]`, `{}`, `{"method":7}`, `{"method":"m","args":[]}`, `{"method":"m","clinker":7}`} {
		if r, err := DecodeRequest([]byte(inner)); err == nil {
			t.Errorf("%s became %+v", inner, r)
		}
	}
	for _, inner := range []string{`7`, `{}`, `{"_msg_id":"1","failure":"nonsense"}`, `{"_msg_id":"1","failure":[1]}`} {
		if r, err := DecodeReply([]byte(inner)); err == nil {
			t.Errorf("%s became %+v", inner, r)
		}
	}
	if _, err := (&Request{Method: "m", Args: json.RawMessage(`{`)}).Encode(); err == nil {
		t.Error("arguments that are no JSON were written")
	}
}

var cinder = Exceptions{Module: "cinder.exception", Kinds: map[string]fault.Kind{"VolumeNotFound": fault.NotFound, "VolumeIsBusy": fault.Busy},
	Classes: map[fault.Kind]string{fault.Internal: "CinderException", fault.Invalid: "Invalid"}}

func TestFailuresOut(t *testing.T) {
	for _, tt := range []struct {
		err                  error
		e                    Exceptions
		class, module, kwarg string
	}{
		{fault.New(fault.NotFound, "VolumeNotFound", "gone"), cinder, "VolumeNotFound", "cinder.exception", "404"},
		{fault.New(fault.Invalid, "", "bad"), cinder, "Invalid", "cinder.exception", "400"},
		{errors.New("secret"), cinder, "CinderException", "cinder.exception", "500"},
		{fault.New(fault.NotImplemented, messaging.NameNoSuchMethod, "none"), cinder, "NoSuchMethod", "oslo_messaging.rpc.dispatcher", ""},
		{fault.New(fault.NotFound, "", "gone"), Exceptions{}, "Exception", "builtins", ""},
	} {
		f := tt.e.Of(tt.err)
		if f.Class != tt.class || f.Module != tt.module || string(f.Kwargs["code"]) != tt.kwarg || len(f.Args) != 1 || strings.Contains(f.Message, "secret") {
			t.Errorf("%v travels as %+v", tt.err, f)
		}
		b, err := (&Reply{MsgID: "1", Failure: f, Ending: true}).Encode()
		if err != nil {
			t.Fatal(err)
		}
		r, err := DecodeReply(b)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := fault.Of(messaging.Strip(tt.err))
		if diff := cmp.Diff(want, tt.e.Fault(r.Failure), cmpopts.IgnoreUnexported(fault.Error{})); diff != "" {
			t.Errorf("%v, back again (-want +got):\n%s", tt.err, diff)
		}
	}
}

func TestFailuresIn(t *testing.T) {
	for failure, want := range map[string]fault.Error{
		`{"class":"VolumeNotFound","module":"cinder.exception","message":"gone","kwargs":{"code":500}}`:      {Kind: fault.NotFound, Name: "VolumeNotFound", Text: "gone"},
		`{"class":"VolumeIsBusy","module":"cinder.exception","message":"busy","kwargs":{}}`:                  {Kind: fault.Busy, Name: "VolumeIsBusy", Text: "busy"},
		`{"class":"Strange","module":"cinder.exception","message":"x","kwargs":{"code":409}}`:                {Kind: fault.Conflict, Name: "Strange", Text: "x"},
		`{"class":"Strange","module":"cinder.exception","message":"x","kwargs":{"code":"409"}}`:              {Name: "Strange", Text: "x"},
		`{"class":"VolumeNotFound","module":"somewhere.else","message":"x","kwargs":{"code":404}}`:           {Name: "VolumeNotFound", Text: "x"},
		`{"class":"KeyError","module":"builtins","message":"'x'","tb":["a"],"args":["x"],"kwargs":{}}`:       {Name: "KeyError", Text: "'x'"},
		`{"class":"UnsupportedVersion","module":"oslo_messaging.rpc.dispatcher","message":"","kwargs":null}`: {Kind: fault.NotImplemented, Name: "UnsupportedVersion", Text: fault.Unexpected},
		`{"class":"MessagingTimeout","module":"oslo_messaging.exceptions","message":"late"}`:                 {Kind: fault.Timeout, Name: "MessagingTimeout", Text: "late"},
		`{}`: {Text: fault.Unexpected},
	} {
		text, _ := json.Marshal(failure)
		f, err := decodeFailure(text)
		if err != nil {
			t.Errorf("%s: %v", failure, err)
			continue
		}
		if diff := cmp.Diff(&want, cinder.Fault(f), cmpopts.IgnoreUnexported(fault.Error{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", failure, diff)
		}
	}
}

func FuzzDecodeRequest(f *testing.F) {
	f.Add([]byte(`{"oslo.version":"2.0","oslo.message":"{\"method\":\"m\",\"args\":{\"a\":NaN},\"_context_roles\":[\"a\"],\"_context_service_catalog\":[{}]}"}`))
	f.Add([]byte(`{"method":"m","args":{},"clinker":{"codec":{"a":"b"}},"_timeout":7,"_msg_id":"1","_reply_q":"q"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		inner, err := Unseal(body)
		if err != nil {
			return
		}
		if r, err := DecodeReply(inner); err == nil {
			cinder.Fault(&Failure{})
			if _, err := r.Encode(); err != nil {
				t.Errorf("a reply that was read cannot be written: %v", err)
			}
		}
		r, err := DecodeRequest(inner)
		if err != nil {
			return
		}
		r.Context.Timestamp = "t"
		b, err := r.Encode()
		if err != nil {
			t.Fatalf("a request that was read cannot be written: %v", err)
		}
		again, err := DecodeRequest(b)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		b2, err := again.Encode()
		if err != nil || !bytes.Equal(b, b2) {
			t.Errorf("a second trip changes it (%v):\n%s\n%s", err, b, b2)
		}
	})
}
