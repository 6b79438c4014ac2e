package nbd_test

import (
	"net"
	"testing"

	"go.uber.org/goleak"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/target"
	"github.com/clinker/clinker/internal/block/target/nbd"
	"github.com/clinker/clinker/internal/block/target/targettest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// freePort is a port that nobody used a moment ago.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestContract(t *testing.T) {
	ports := map[string]int{} // by state directory, so that a restart gets the same
	targettest.Run(t, targettest.Harness{
		New: func(t testing.TB, stateDir string) target.Target {
			if ports[stateDir] == 0 {
				ports[stateDir] = freePort(t)
			}
			tgt, err := nbd.New(nbd.Config{ListenAddress: "127.0.0.1", Port: ports[stateDir], StateDir: stateDir})
			if err != nil {
				t.Fatal(err)
			}
			return tgt
		},
		URIs: func(info block.ConnectionInfo) []string {
			return []string{info.Data["unix_uri"].(string), info.Data["uri"].(string)}
		},
	})
}
