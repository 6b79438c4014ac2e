package oauth1

import (
	"strconv"
	"testing"
	"time"
)

// TestBase is the example of RFC 5849, section 3.4.1.1, without its form.
func TestBase(t *testing.T) {
	parameters, err := ParseHeader(`OAuth realm="Example", oauth_consumer_key="9djdj82h48djs9d2", oauth_token="kkk9d7dh3k39sjv7",
		oauth_signature_method="HMAC-SHA1", oauth_timestamp="137131201", oauth_nonce="7d8f3e4a", oauth_signature="bYT5CMsGcbgUdFHObYMEfcx6bsw%3D"`)
	if err != nil {
		t.Fatal(err)
	}
	if parameters[paramSignature] != "bYT5CMsGcbgUdFHObYMEfcx6bsw=" {
		t.Errorf("the signature is read as %q", parameters[paramSignature])
	}
	text, err := Signed{Method: "post", URL: "HTTP://EXAMPLE.com:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b", Parameters: parameters}.base()
	const want = "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26oauth_consumer_key%3D9djdj82h48djs9d2" +
		"%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
	if err != nil || text != want {
		t.Errorf("%v\n%s\nwant\n%s", err, text, want)
	}
}

// TestSignature is the first request of RFC 5849, section 1.2, with the signature that oauthlib, which Keystone uses, gives it: the
// one printed in the RFC is of something else.
func TestSignature(t *testing.T) {
	s := Signed{Method: "POST", URL: "https://photos.example.net/initiate", Parameters: map[string]string{"realm": "Photos", paramConsumer: "dpf43f3p2l4k3l03",
		paramMethod: "HMAC-SHA1", paramTimestamp: "137131200", paramNonce: "wIjqoxSZ", "oauth_callback": "http://printer.example.com/ready",
		paramSignature: "/UvthHqLWsq3QBhDNNbCXRUcFvI="}}
	at := time.Unix(137131200, 0)
	if err := s.check("kd94hf93k423kf44", "", at.Add(maxSkew)); err != nil {
		t.Error(err)
	}
	for what, err := range map[string]error{
		"another secret": s.check("kd94hf93k423kf45", "", at), "a token's secret": s.check("kd94hf93k423kf44", "x", at),
		"too late": s.check("kd94hf93k423kf44", "", at.Add(maxSkew+time.Second)), "too early": s.check("kd94hf93k423kf44", "", at.Add(-maxSkew-time.Second)),
	} {
		if err == nil {
			t.Errorf("%s: it is good", what)
		}
	}
	s.Parameters[paramMethod] = "RSA-SHA1"
	if err := s.check("kd94hf93k423kf44", "", at); err == nil {
		t.Error("a method nobody knows is good")
	}
	plain := Signed{Parameters: map[string]string{paramMethod: "PLAINTEXT", paramSignature: "djr9rjt0jd78jf88&jjd999tj88uiths3", paramTimestamp: "137131200", paramNonce: "n"}}
	if err := plain.check("djr9rjt0jd78jf88", "jjd999tj88uiths3", at); err != nil {
		t.Error(err)
	}
}

func TestNonces(t *testing.T) {
	var n nonces
	at := time.Unix(1e9, 0)
	for i := range 3 {
		request := strconv.Itoa(i)
		if !n.first(request, at) || n.first(request, at) {
			t.Error(request)
		}
		at = at.Add(15 * time.Minute)
	}
	if n.first("2", at) || len(n.newer)+len(n.before) > 3 {
		t.Errorf("%v %v", n.newer, n.before)
	}
}

func FuzzHeader(f *testing.F) {
	f.Add(`OAuth realm="Example", oauth_consumer_key="9djdj82h48djs9d2"`)
	f.Add(`OAuth a="%", a="1"`)
	f.Fuzz(func(t *testing.T, header string) {
		parameters, err := ParseHeader(header)
		if err == nil && (len(parameters) == 0 || len(parameters) > maxParameters) {
			t.Errorf("%d parameters", len(parameters))
		}
		_, _ = Signed{Method: "POST", URL: "http://x/?" + header, Parameters: parameters}.base() // does not panic
	})
}
