package spelling

import "testing"

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b        string
		limit, want int
	}{
		{"", "", 3, 0}, {"same", "same", 3, 0}, {"volumes", "volume", 3, 1}, {"rbd_pol", "rbd_pool", 3, 1}, {"ab", "ba", 3, 2},
		{"kitten", "sitting", 9, 3}, {"kitten", "sitting", 3, 3}, {"short", "much longer", 3, 3}, {"abc", "xyz", 2, 2},
	} {
		if got := Distance(c.a, c.b, c.limit); got != c.want {
			t.Errorf("%q to %q within %d: %d; want %d", c.a, c.b, c.limit, got, c.want)
		}
		if got := Distance(c.b, c.a, c.limit); got != c.want {
			t.Errorf("%q to %q within %d: %d; want %d", c.b, c.a, c.limit, got, c.want)
		}
	}
}
