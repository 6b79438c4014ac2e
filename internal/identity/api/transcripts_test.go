package api_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/fernet"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/api/apitest"
	"github.com/clinker/clinker/internal/identity/token"
)

var keystone = flag.String("keystone", "", "the URL of a Keystone (its administrator's password in OS_PASSWORD) whose answers the transcripts are held against too; with -update, what differs is noted in them")

// TestTranscripts replays testdata/transcripts: requests, their answers, and the rows that changed.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			var other apitest.Server
			if *keystone != "" && filepath.Base(file) != "ours.txt" {
				other = apitest.Keystone(*keystone)
			} else {
				t.Parallel()
			}
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, file, apitest.Replay(t, string(content), other, os.Getenv("OS_PASSWORD")))
		})
	}
}

var keystoneKeys = flag.String("keystone-keys", "", "the directory of that Keystone's Fernet keys: tokens of either are then shown to the other")

// TestKeystoneTakesOurTokens makes a token with the keys of a Keystone and shows it there, and opens one of its own.
func TestKeystoneTakesOurTokens(t *testing.T) {
	if *keystone == "" || *keystoneKeys == "" {
		t.Skip("it takes a Keystone (-keystone) and its keys (-keystone-keys)")
	}
	keys, err := fernet.OpenRepository(*keystoneKeys)
	if err != nil {
		t.Fatal(err)
	}
	codec := token.Codec{Keys: keys.Keys, Methods: token.DefaultMethods(), DefaultDomainID: identity.DefaultDomainID}
	p := apitest.NewPeople(t, apitest.Keystone(*keystone), os.Getenv("OS_PASSWORD"))
	defer p.Clean(t)
	for _, persona := range apitest.Personas() {
		theirs := p.Tokens[persona]
		if theirs == "" {
			continue
		}
		payload, err := codec.Unpack(theirs)
		if err != nil || payload.UserID != p.IDs[persona] {
			t.Errorf("%s: %+v, %v", persona, payload, err)
			continue
		}
		payload.IssuedAt, payload.ExpiresAt = time.Now().UTC().Truncate(time.Second), time.Now().UTC().Truncate(time.Second).Add(time.Minute)
		ours, err := codec.Pack(payload)
		if err != nil {
			t.Fatal(err)
		}
		answer := p.Send(t, "GET", "/v3/auth/tokens?nocatalog", p.Tokens[apitest.Admin], "", "X-Subject-Token:"+ours)
		user, _ := answer.JSON()["token"].(map[string]any)["user"].(map[string]any)
		if answer.Status != 200 || user["id"] != p.IDs[persona] {
			t.Errorf("%s: %d %s", persona, answer.Status, answer.Body)
		}
	}
}
