package tempest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/clinker/clinker/test/harness"
	"github.com/clinker/clinker/test/lab"
)

// wanted is the variable that "make test-tempest" sets.
const wanted = "CLINKER_TEMPEST"

var update = flag.Bool("update", false, "write what the tests came to anew")

func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv(wanted) == "" {
		os.Exit(m.Run())
	}
	if err := lab.Install(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(harness.Main(m))
}
