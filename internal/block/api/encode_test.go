package api_test

import (
	"encoding/json"
	"testing"
)

// encoded is a value as JSON, for answers that are what was sent.
func encoded(t testing.TB, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
