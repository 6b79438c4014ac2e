package messaging

import "testing"

func TestPlainCodec(t *testing.T) {
	type pair struct {
		Text string
		N    int
	}
	var codec PlainCodec
	e, err := codec.EncodeArgs(t.Context(), Target{Topic: "t"}, Message{Method: "m", Args: &pair{"x", 1}})
	if err != nil || string(e.Args) != `{"Text":"x","N":1}` || e.Method != "" || e.Version != "" {
		t.Fatalf("encoded as %+v, %v", e, err)
	}
	got, err := codec.DecodeArgs(t.Context(), Incoming{Args: e.Args}, new(pair))
	if p, ok := got.(*pair); !ok || *p != (pair{"x", 1}) || err != nil {
		t.Errorf("decoded as %#v, %v", got, err)
	}
	if _, err := codec.DecodeArgs(t.Context(), Incoming{Args: []byte(`[]`)}, new(pair)); err == nil {
		t.Error("a list was taken for arguments")
	}
	r, err := codec.EncodeReply(t.Context(), Incoming{}, nil)
	if err != nil || string(r.Result) != "null" {
		t.Errorf("no reply is written as %s, %v", r.Result, err)
	}
	reply := pair{"before", 7}
	if err := codec.DecodeReply(t.Context(), Target{}, Message{}, r, &reply); err != nil || reply.Text != "before" {
		t.Errorf("no reply became %+v, %v", reply, err)
	}
	if err := codec.DecodeReply(t.Context(), Target{}, Message{}, EncodedReply{Result: []byte(`{"N":2}`)}, &reply); err != nil || reply.N != 2 {
		t.Errorf("the reply became %+v, %v", reply, err)
	}
}
