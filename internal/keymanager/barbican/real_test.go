package barbican_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/keymanager"
	"github.com/clinker/clinker/internal/keymanager/barbican"
	"github.com/clinker/clinker/internal/keymanager/keymanagertest"
	"github.com/clinker/clinker/internal/keystone"
	"github.com/clinker/clinker/internal/reqctx"
)

// TestReal runs the suite against a Barbican that runs already: at CLINKER_BARBICAN, with the identity service CLINKER_KEYSTONE
// and, in CLINKER_BARBICAN_TOKENS, "demo=<token>,demo-id=<the id of its user>,other=<token of another project>,cinder=<the password of the service's
// user>".
func TestReal(t *testing.T) {
	endpoint, identity := os.Getenv("CLINKER_BARBICAN"), os.Getenv("CLINKER_KEYSTONE")
	if endpoint == "" || identity == "" {
		t.Skip("needs a Barbican: CLINKER_BARBICAN, CLINKER_KEYSTONE and CLINKER_BARBICAN_TOKENS say where and as whom")
	}
	secrets := map[string]string{}
	for pair := range strings.SplitSeq(strings.TrimSpace(os.Getenv("CLINKER_BARBICAN_TOKENS")), ",") {
		name, secret, _ := strings.Cut(pair, "=")
		secrets[name] = secret
	}
	service, err := keystone.NewLogin(keystone.Account{AuthURL: identity, Username: "cinder", Password: secrets["cinder"], ProjectName: "service"})
	if err != nil {
		t.Fatal(err)
	}
	m := open(t, barbican.Options{Endpoint: endpoint, Service: service})
	keymanagertest.Run(t, func(t *testing.T) (keymanager.Manager, func(string) context.Context) {
		return m, func(project string) context.Context {
			return reqctx.With(t.Context(), reqctx.Request{ProjectID: project, UserID: secrets[project+"-id"], AuthToken: secrets[project]})
		}
	})
}
