package token_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/fernet"
	"github.com/clinker/clinker/internal/identity/token"
)

// recordedKey is the key that testdata/keystone.jsonl was made with, by Keystone 27's own formatter; see
// testdata/README.md.
const recordedKey = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="

func codec(t testing.TB) (token.Codec, fernet.Keys) {
	t.Helper()
	k, err := fernet.ParseKey(recordedKey)
	if err != nil {
		t.Fatal(err)
	}
	keys := fernet.Keys{k}
	return token.Codec{Keys: func() fernet.Keys { return keys }, Methods: token.DefaultMethods(), DefaultDomainID: "default"}, keys
}

// recorded gives Keystone's tokens by name.
func recorded(t testing.TB) map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/keystone.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	tokens := map[string]string{}
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		var line struct{ Name, Token string }
		if err := json.Unmarshal(s.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		tokens[line.Name] = line.Token
	}
	return tokens
}

const (
	user    = "b319e9294d5d49b5a6df5dc44e905de8"
	project = "cb88d283431a4ff0af7491bd01a1f1fa"
	other   = "3ffe7fe3e2b644849cdc01609f4a744c"
	audit   = "8x_wTtInT0yuRfXtsoT6eg"
	chain   = "lH8lYORtRVeCEX0I3OwhmA"
)

// TestKeystonesTokens opens tokens that Keystone made, and makes the same ones of what they say.
func TestKeystonesTokens(t *testing.T) {
	c, keys := codec(t)
	tokens := recorded(t)
	at := time.Date(2033, 5, 18, 3, 33, 20, 123456000, time.UTC)
	byPassword := []string{"password"}
	for name, want := range map[string]token.Payload{
		"unscoped":                      {UserID: user, Methods: byPassword},
		"project":                       {UserID: user, Methods: []string{"token", "password"}, ProjectID: project, AuditIDs: []string{audit, chain}},
		"project whose user is no UUID": {UserID: "someone@example", Methods: byPassword, ProjectID: "not-a-uuid"},
		"default domain":                {UserID: user, Methods: byPassword, DomainID: "default"},
		"domain":                        {UserID: user, Methods: byPassword, DomainID: other},
		"system":                        {UserID: user, Methods: byPassword, System: "all"},
		"trust":                         {UserID: user, Methods: byPassword, ProjectID: project, TrustID: other},
		"application credential":        {UserID: user, Methods: []string{"application_credential"}, ProjectID: project, ApplicationCredentialID: other},
		"oauth":                         {UserID: user, Methods: []string{"oauth1"}, ProjectID: project, AccessTokenID: other},
		"ec2":                           {UserID: user, Methods: []string{"ec2credential"}, ProjectID: project},
	} {
		t.Run(name, func(t *testing.T) {
			plain, issued, err := keys.Open(tokens[name])
			if err != nil {
				t.Fatal(err)
			}
			want.ExpiresAt, want.IssuedAt = at, issued
			if want.AuditIDs == nil {
				want.AuditIDs = []string{audit}
			}
			got, err := c.Unpack(tokens[name])
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("unpacked (-want +got):\n%s", d)
			}
			ours, err := c.Pack(got)
			if err != nil {
				t.Fatal(err)
			}
			if packed, _, err := keys.Open(ours); err != nil || !bytes.Equal(packed, plain) {
				t.Errorf("packed as\n%x, Keystone packs\n%x (%v)", packed, plain, err)
			}
		})
	}
	if p, err := c.Unpack(tokens["federated"]); err != token.ErrUnrecognized {
		t.Errorf("a kind that is not issued here: %+v, %v", p, err)
	}
}

func TestPackAndUnpack(t *testing.T) {
	c, _ := codec(t)
	id := rapid.OneOf(rapid.StringMatching(`[0-9a-f]{32}`), rapid.StringMatching(`[0-9A-Fa-f]{8}-[0-9a-f]{4}`), rapid.StringN(1, 60, -1))
	rapid.Check(t, func(t *rapid.T) {
		want := token.Payload{UserID: id.Draw(t, "user"), Methods: []string{"password"}, AuditIDs: []string{audit},
			ExpiresAt: time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "expires")).UTC(),
			IssuedAt:  time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "issued"), 0).UTC()}
		switch rapid.IntRange(0, 3).Draw(t, "scope") {
		case 0:
			want.ProjectID = id.Draw(t, "project")
		case 1:
			want.ProjectID, want.ApplicationCredentialID = id.Draw(t, "project"), id.Draw(t, "credential")
		case 2:
			want.System = "all"
		}
		text, err := c.Pack(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Unpack(text)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, d)
		}
	})
}

func TestPackRefuses(t *testing.T) {
	c, _ := codec(t)
	for name, p := range map[string]token.Payload{
		"domain":   {UserID: user, DomainID: "elsewhere", AuditIDs: []string{audit}},
		"audit id": {UserID: user, AuditIDs: []string{"short"}},
		"trust":    {UserID: user, ProjectID: project, TrustID: "short", AuditIDs: []string{audit}},
	} {
		if text, err := c.Pack(p); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

// FuzzUnpack opens sealed nonsense: who has the key may still have a bug.
func FuzzUnpack(f *testing.F) {
	c, keys := codec(f)
	for _, text := range recorded(f) {
		plain, _, err := keys.Open(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(plain)
	}
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, plain []byte) {
		got, err := c.Unpack(keys.Seal(plain, time.Unix(1, 0)))
		if err != nil {
			if err != token.ErrUnrecognized {
				t.Error(err)
			}
			return
		}
		if got.UserID == "" || len(got.AuditIDs) == 0 {
			t.Errorf("%x: %+v", plain, got)
		}
	})
}
