package mixed

import (
	"strings"
	"testing"
	"time"

	"github.com/clinker/clinker/test/harness"
	"github.com/clinker/clinker/test/lab"
)

// across are compositions in which whatever the API asks of a service is asked of the other kind.
var across = []composition{{ours, python, python, "fake"}, {python, ours, ours, "file"}}

// cinder runs a command of python-cinderclient at the newest microversion and gives what it says.
func (c *cloud) cinder(t *testing.T, args ...string) string {
	t.Helper()
	return lab.Do(t, c.admin, append([]string{"run", "cinder", "--os-volume-api-version", "3.70"}, args...)...)
}

// TestLogLevelsAcross: levels are set and told between services of both kinds.
func TestLogLevelsAcross(t *testing.T) {
	for _, c := range across {
		t.Run(c.String(), func(t *testing.T) {
			r := start(t, c)
			loggers := map[kind]string{ours: "clinker", python: "cinder.volume.volume_utils"}
			for _, level := range []string{"DEBUG", "WARNING"} {
				r.cinder(t, "service-set-log", level)
				harness.Within(t, 30*time.Second, "log level "+level, func() (bool, string) {
					out := r.cinder(t, "service-get-log")
					for _, service := range []string{"cinder-scheduler", "cinder-volume"} {
						if !logsAt(out, service, loggers[r.who(service)], level) {
							return false, out
						}
					}
					return true, out
				})
			}
		})
	}
}

// logsAt looks for a row in a table of service-get-log: binary, host, prefix, level.
func logsAt(table, binary, logger, level string) bool {
	for line := range strings.Lines(table) {
		if words := strings.Fields(strings.ReplaceAll(line, "|", " ")); len(words) == 4 && words[0] == binary && words[2] == logger && words[3] == level {
			return true
		}
	}
	return false
}
