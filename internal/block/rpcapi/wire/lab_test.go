package wire

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"github.com/clinker/clinker/internal/oslo/messaging"
)

// TestPythonTakesWhatWeSend hands every message and every answer to Python Cinder's own deserialiser, in the lab: if
// CLINKER_LAB_RUN names the lab's script, as "make test-lab" has it (Python's script goes to it on the command line).
func TestPythonTakesWhatWeSend(t *testing.T) {
	run := os.Getenv("CLINKER_LAB_RUN")
	if run == "" {
		t.Skip("make test-lab runs it, or CLINKER_LAB_RUN=/path/to/test/lab/lab")
	}
	script, err := os.ReadFile("testdata/accept.py")
	if err != nil {
		t.Fatal(err)
	}
	type line struct {
		Service service         `json:"service,omitempty"`
		Method  string          `json:"method"`
		Version string          `json:"version,omitempty"`
		Args    json.RawMessage `json:"args,omitempty"`
		Result  json.RawMessage `json:"result,omitempty"`
	}
	var lines []line
	c := newCodec(t, fullWorld())
	for _, s := range samples() {
		e, err := c.EncodeArgs(t.Context(), s.target(), messaging.Message{Method: s.method, Args: s.args})
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line{Service: s.service, Method: s.method, Version: e.Version, Args: e.Args})
		for _, reply := range s.replies {
			r, err := c.EncodeReply(t.Context(), messaging.Incoming{Topic: s.target().Topic, Method: s.method}, reply)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, line{Method: s.method, Result: r.Result})
		}
	}
	var in bytes.Buffer
	for _, l := range lines {
		if err := json.NewEncoder(&in).Encode(l); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), run, "run", "python3", "-W", "ignore", "-c", string(script))
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewScanner(bytes.NewReader(out))
	for _, l := range lines {
		var a struct{ Error *string }
		if !answers.Scan() || json.Unmarshal(answers.Bytes(), &a) != nil {
			t.Fatalf("Python said nothing of %s: %s", l.Method, answers.Bytes())
		}
		if a.Error != nil {
			t.Errorf("Python refuses %s to the %s: %s", l.Method, l.Service, *a.Error)
		}
	}
	t.Logf("Python takes %d messages and answers", len(lines))
}
