package api_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/clinker/clinker/internal/identity/api/apitest"
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
