package drivertest

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/fault"
)

func (f *fixture) needImageCloner() {
	if !f.b.Features().ImageCloner || f.AddImage == nil {
		f.t.Skip("the driver cannot clone images")
	}
}

// imageBytes is an image of no round length, with pages of this seed at both ends.
func imageBytes(seed byte) (data []byte, want content) {
	data = make([]byte, 3<<20+512)
	copy(data, page(seed))
	copy(data[2<<20:], page(seed))
	want = empty(1)
	want.pages[0], want.pages[2<<20] = page(seed), page(seed)
	return data, want
}

// cloneOf clones what must be possible to clone.
func (f *fixture) cloneOf(v driver.Volume, path string, sizeBytes int64) {
	f.tb.Helper()
	done, _, err := f.b.CloneImage(f.t.Context(), v, path, sizeBytes)
	f.must("CloneImage", err)
	if !done {
		f.tb.Fatalf("an image of %d bytes was not cloned", sizeBytes)
	}
}

// cloneImage: a volume becomes what the image is, is independent of it, and what is beyond the image reads as zero.
func cloneImage(f *fixture) {
	f.needImageCloner()
	data, want := imageBytes(3)
	path, size := f.AddImage(data), int64(len(data))
	v := newVolume(1)
	for range 2 {
		f.cloneOf(v, path, size)
		f.check("a clone of an image", v, want)
	}
	f.write(v, want, 4, 0)
	f.cloneOf(v, path, size)
	f.check("a volume that was there already", v, want)

	// Of a file that holds more, only the image counts.
	part := newVolume(2)
	f.cloneOf(part, path, 1<<20)
	_, want = imageBytes(3)
	delete(want.pages, 2<<20)
	f.check("a clone of a part", part, want.grown(2))

	missing := newVolume(1)
	for what, c := range map[string]struct {
		path string
		size int64
	}{"a file that is not there": {path + "-missing", 1}, "a file that is too short": {path, size + 1}, "another file system": {"/proc/self/status", 1}} {
		done, _, err := f.b.CloneImage(f.t.Context(), missing, c.path, c.size)
		if f.must("CloneImage of "+what, err); done {
			f.tb.Fatalf("%s was cloned", what)
		}
	}
	_, _, err := f.b.CloneImage(f.t.Context(), missing, path, block.GiB+1)
	f.mustBe("CloneImage of more than the volume holds", err, fault.Invalid)
	_, _, err = f.b.CloneImage(f.t.Context(), missing, "relative", 1)
	f.mustBe("CloneImage of a relative path", err, fault.Invalid)
	f.holds([]string{v.ID, part.ID}, nil)
}

// cloneImageKilled: a clone that was killed leaves no volume, or the whole one, and its repetition succeeds.
func cloneImageKilled(f *fixture) {
	f.needImageCloner()
	data, want := imageBytes(5)
	path := f.AddImage(data)
	verbs := func(c scene) []verb {
		return []verb{{name: "CloneImage", run: func(ctx context.Context, b *driver.Backend) error {
			_, _, err := b.CloneImage(ctx, c.v, path, int64(len(data)))
			return err
		}}}
	}
	f.everyKill(verbs, func(c scene, v verb) {
		f.must(v.name+", then repeated", v.run(f.t.Context(), f.b))
		f.check(v.name+", then repeated", c.v, want.grown(c.v.SizeGiB))
		f.holds([]string{c.source.ID, c.v.ID}, []string{c.taken.ID})
	})
}
