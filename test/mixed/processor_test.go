package mixed

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/clinker/clinker/test/lab"
)

// spent is processor time in milliseconds: of the three services together, and of the database. Other than a rate it does not
// depend much on what else the machine does.
type spent struct{ services, database float64 }

// since is what has been spent on each of n requests since before.
func (s spent) since(before spent, n float64) spent {
	return spent{(s.services - before.services) / n, (s.database - before.database) / n}
}

func (c *cloud) spent(t *testing.T) (s spent) {
	t.Helper()
	for _, pid := range c.servicePIDs(t) {
		s.services += processorTime(t, pid)
	}
	for line := range strings.Lines(lab.Do(t, nil, "status")) {
		if pid, is := strings.CutPrefix(strings.TrimSpace(line), "db: pid "); is {
			n, err := strconv.Atoi(pid)
			if err != nil {
				t.Fatal(err)
			}
			s.database = processorTime(t, n)
		}
	}
	return s
}

// servicePIDs are the processes of the services, whosever they are.
func (c *cloud) servicePIDs(t *testing.T) (pids []int) {
	t.Helper()
	for _, service := range services {
		if c.who(service) == ours {
			pids = append(pids, c.pids[service])
		}
	}
	if len(pids) == 0 {
		pids = pythonServices(t)
	}
	return pids
}

// tick is the unit of times in /proc, in milliseconds: the kernel's USER_HZ is 100 on every architecture that Go knows.
const tick = 10

// processorTime is what a process has spent so far, in milliseconds; 0 if it has ended.
func processorTime(t *testing.T, pid int) float64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// After the name in parentheses: state, and from there the 12th and 13th are the time in the process and in the kernel.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	total := 0.0
	for _, field := range fields[11:13] {
		ticks, err := strconv.ParseFloat(field, 64)
		if err != nil {
			t.Fatal(err)
		}
		total += ticks * tick
	}
	return total
}
