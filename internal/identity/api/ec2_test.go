package api_test

import (
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
