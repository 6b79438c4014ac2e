package s3

import "testing"

// TestPartsAreEnough: the largest image Glance takes unless it is told otherwise has room in the parts of an object.
func TestPartsAreEnough(t *testing.T) {
	var all int64
	for n := range maxParts {
		all += partBytes(defaultPartBytes, n)
	}
	if all < 1<<40 {
		t.Errorf("an object has at most %d GiB", all>>30)
	}
	if first, last := partBytes(MinPartBytes, 0), partBytes(MinPartBytes, maxParts-1); first != MinPartBytes || last != maxPartBytes {
		t.Errorf("parts of %d to %d bytes", first, last)
	}
}
