package api_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/identity/api/apitest"
)

// TestEC2Signatures logs in with requests that keystoneclient's Ec2Signer signed at the time a Cloud begins at, with the
// secret "a-secret": versions 0, 1, 2, and 4 by parameters and by header.
func TestEC2Signatures(t *testing.T) {
	t.Parallel()
	c := apitest.New(t)
	p := apitest.NewPeople(t, c, apitest.AdminPassword)
	p.Make(t, "credentials", `{"credential": {"user_id": "$member", "project_id": "$project", "type": "ec2", "blob": "{\"access\": \"an-access\", \"secret\": \"a-secret\"}"}}`)
	text, err := os.ReadFile("testdata/ec2.json")
	if err != nil {
		t.Fatal(err)
	}
	var requests []map[string]any
	if err := json.Unmarshal(text, &requests); err != nil {
		t.Fatal(err)
	}
	login := func(request map[string]any) apitest.Answer {
		body, err := json.Marshal(map[string]any{"credentials": request})
		if err != nil {
			t.Fatal(err)
		}
		return p.Send(t, "POST", "/v3/ec2tokens", p.Tokens[apitest.Service], string(body))
	}
	for _, request := range requests {
		answer := login(request)
		token, _ := answer.JSON()["token"].(map[string]any)
		project, _ := token["project"].(map[string]any)
		user, _ := token["user"].(map[string]any)
		if answer.Status != 200 || project["id"] != p.IDs["project"] || user["id"] != p.IDs[apitest.Member] || answer.Header.Get("X-Subject-Token") == "" {
			t.Errorf("%v: %d %s", request, answer.Status, answer.Body)
		}
		for name, value := range map[string]any{"signature": "AAAA", "verb": "DELETE", "host": "elsewhere"} {
			other := maps.Clone(request)
			other[name] = value
			if answer := login(other); answer.Status != 401 && (name == "signature" || request["params"].(map[string]any)["SignatureVersion"] == "2") {
				t.Errorf("with another %s: %d %s", name, answer.Status, answer.Body)
			}
		}
		unknown := maps.Clone(request)
		unknown["access"] = "unknown"
		if answer := login(unknown); answer.Status < 400 {
			t.Errorf("with an unknown access key: %d", answer.Status)
		}
	}
	c.Advance(16 * time.Minute)
	for _, request := range requests {
		if answer := login(request); answer.Status != 401 {
			t.Errorf("a signature of a quarter of an hour ago: %d %s", answer.Status, answer.Body)
		}
	}
}

// TestS3Signatures asks what requests are worth that were signed in the manner of S3: by its first and its fourth version. The
// signatures are those of Amazon's own examples, as far as they go, made anew with the secret "a-secret" by Python's hmac.
func TestS3Signatures(t *testing.T) {
	t.Parallel()
	p := apitest.NewPeople(t, apitest.New(t), apitest.AdminPassword)
	p.Make(t, "credentials", `{"credential": {"user_id": "$member", "project_id": "$project", "type": "ec2", "blob": "{\"access\": \"an-access\", \"secret\": \"a-secret\"}"}}`)
	ask := func(persona, access, signed, signature string) apitest.Answer {
		body, err := json.Marshal(map[string]any{"credentials": map[string]any{"access": access, "signature": signature, "token": base64.URLEncoding.EncodeToString([]byte(signed))}})
		if err != nil {
			t.Fatal(err)
		}
		return p.Send(t, "POST", "/v3/s3tokens", p.Tokens[persona], string(body))
	}
	const first, firstSignature = "GET\n\n\nTue, 27 Mar 2007 19:36:42 +0000\n/bucket/photo.jpg", "iQGArfRzhwLyOxomWaUq8PARHsg="
	const fourth, fourthSignature = "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972", "d661da73f00dfd0c3587a9f76774b39ed06c17cb8824417a67c5b406391435b7"
	for _, r := range [][2]string{{first, firstSignature}, {fourth, fourthSignature}} {
		answer := ask(apitest.Service, "an-access", r[0], r[1])
		token, _ := answer.JSON()["token"].(map[string]any)
		user, _ := token["user"].(map[string]any)
		project, _ := token["project"].(map[string]any)
		if answer.Status != 200 || user["id"] != p.IDs[apitest.Member] || project["id"] != p.IDs["project"] || answer.Header.Get("X-Subject-Token") != "" {
			t.Errorf("%q: %d %s", r[0], answer.Status, answer.Body)
		}
		for what, status := range map[string]int{
			"another text": ask(apitest.Service, "an-access", r[0]+" ", r[1]).Status, "another signature": ask(apitest.Service, "an-access", r[0], "AAAA").Status,
			"no signature": ask(apitest.Service, "an-access", r[0], "").Status, "no text": ask(apitest.Service, "an-access", "", r[1]).Status,
		} {
			if status != 401 {
				t.Errorf("%s: %d", what, status)
			}
		}
		if status := ask(apitest.Service, "unknown", r[0], r[1]).Status; status != 404 {
			t.Errorf("an unknown access key: %d", status)
		}
		if status := ask(apitest.Member, "an-access", r[0], r[1]).Status; status != 403 {
			t.Errorf("asked by a user: %d", status)
		}
	}
	for _, scope := range []string{"20130524/us-east-1/ec2/aws4_request", "20130524/us-east-1/s3/other", "20130524"} {
		if status := ask(apitest.Service, "an-access", "AWS4-HMAC-SHA256\n20130524T000000Z\n"+scope+"\n73", "AAAA").Status; status != 401 {
			t.Errorf("the scope %s: %d", scope, status)
		}
	}
}
