package configdoc

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/oslo/config"
)

func options() []config.Option {
	return append([]config.Option{
		config.Int("DEFAULT", "osapi_max_limit", 1000, "The most items in one answer. "+strings.Repeat("Long words break. ", 6), config.Min(1)),
		config.String("backend_defaults", "volume_group", "cinder-volumes", "The LVM volume group.", config.PerBackend()),
		config.MultiString("DEFAULT", "many", []string{"one", " two"}, "Many."),
		config.String("database", "connection", "", "Where the database is.", config.Secret(), config.Required(),
			config.Deprecated("DEFAULT", "sql_connection")),
		config.String("DEFAULT", "node", "vm17", "Its own name.", config.SampleDefault("<this machine>")),
		config.String("DEFAULT", "host", "", "The host's name.", config.NoDefault(), config.Advanced()),
	}, config.Ignored("DEFAULT", "no", "old_thing")...)
}

const wantSample = `# Generated from the options that the code declares; see docs/configuration.md.

[DEFAULT]

# The host's name. (string value)
# Advanced: few installations need to change it.
#host = <None>

# Many. (multi valued)
# May be given many times.
#many = one
#many = " two"

# Its own name. (string value)
#node = <this machine>

# The most items in one answer. Long words break. Long words break. Long words break. Long words
# break. Long words break. Long words break. (integer value)
# Accepted: a whole number of at least 1
#osapi_max_limit = 1000

[backend_defaults]
# What the section of a back end does not set is taken from here.

# The LVM volume group. (string value)
# May be set in the section of each back end.
#volume_group = cinder-volumes

[database]

# Where the database is. (string value)
# Has to be set.
# A secret: never shown in logs and messages.
# Old names that still work: [DEFAULT] sql_connection
#connection = <None>
`

func TestSample(t *testing.T) {
	var b strings.Builder
	if err := WriteSample(&b, options()...); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantSample, b.String()); diff != "" {
		t.Error(diff)
	}
}

// With every option commented in, the sample must load and mean the defaults; only "none" has no text.
func TestSampleIsAConfigurationFile(t *testing.T) {
	list := options()[:3]
	var b strings.Builder
	if err := WriteSample(&b, list...); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for line := range strings.Lines(b.String()) {
		if rest, ok := strings.CutPrefix(line, "#"); ok && !strings.HasPrefix(rest, " ") {
			line = rest
		}
		text.WriteString(line)
	}
	path := filepath.Join(t.TempDir(), "cinder.conf")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	fromFile, err := config.Load(config.Sources{Files: []string{path}}, list...)
	if err != nil {
		t.Fatal(err)
	}
	fromDefaults, err := config.Load(config.Sources{}, list...)
	if err != nil {
		t.Fatal(err)
	}
	a, z := fromFile.Settings(), fromDefaults.Settings()
	for i := range a {
		a[i].Origin = ""
	}
	if diff := cmp.Diff(z, a); diff != "" {
		t.Error(diff)
	}
}

func TestReference(t *testing.T) {
	var b strings.Builder
	if err := WriteReference(&b, options()...); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"\n## [DEFAULT]\n\n### host\n\nThe host's name.\n\n- Type: string value\n- Accepted: any text\n- Default: none\n",
		"- Accepted: a whole number of at least 1\n- Default: `1000`\n",
		"\n## [backend_defaults]\n\nWhat the section of a back end does not set is taken from here.\n",
		"- Old names that still work: [DEFAULT] sql_connection\n",
	} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("missing:\n%s\nin:\n%s", part, b.String())
		}
	}
	if strings.Contains(b.String(), "old_thing") {
		t.Error("an ignored option is documented")
	}
}

type brokenWriter struct{ error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.error }

func TestWritersReportFailure(t *testing.T) {
	full := errors.New("disk full")
	if err := WriteSample(brokenWriter{full}, options()...); !errors.Is(err, full) {
		t.Errorf("sample: %v", err)
	}
	if err := WriteReference(brokenWriter{full}, options()...); !errors.Is(err, full) {
		t.Errorf("reference: %v", err)
	}
}
