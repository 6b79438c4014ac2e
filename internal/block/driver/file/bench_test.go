package file

import (
	"os"
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block/driver"
)

// benchmarkDirs are a directory with the flushes of a real file system, and one in memory where a flush costs nothing: the
// difference is the price of durability.
func benchmarkDirs(b *testing.B, run func(b *testing.B, d *Driver)) {
	b.Run("disk", func(b *testing.B) { run(b, setUp(b, b.TempDir())) })
	b.Run("memory", func(b *testing.B) {
		dir, err := os.MkdirTemp("/dev/shm", "clinker")
		if err != nil {
			b.Skip(err)
		}
		b.Cleanup(func() { _ = os.RemoveAll(dir) })
		run(b, setUp(b, dir))
	})
}

func BenchmarkCreate(b *testing.B) {
	benchmarkDirs(b, func(b *testing.B, d *Driver) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := d.CreateVolume(b.Context(), driver.Volume{ID: uuid.NewString(), SizeGiB: 1}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkCreateParallel(b *testing.B) {
	benchmarkDirs(b, func(b *testing.B, d *Driver) {
		b.SetParallelism(16)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := d.CreateVolume(b.Context(), driver.Volume{ID: uuid.NewString(), SizeGiB: 1}); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkCreateDelete(b *testing.B) {
	benchmarkDirs(b, func(b *testing.B, d *Driver) {
		for b.Loop() {
			v := driver.Volume{ID: uuid.NewString(), SizeGiB: 1}
			if _, err := d.CreateVolume(b.Context(), v); err != nil {
				b.Fatal(err)
			}
			if err := d.DeleteVolume(b.Context(), v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkClone clones a volume with 16 MiB of data, by copying it and, where it can be mounted, by reflink.
func BenchmarkClone(b *testing.B) {
	clone := func(b *testing.B, d *Driver) {
		source, _ := withData(b, d, 16<<20)
		b.SetBytes(16 << 20)
		for b.Loop() {
			v := driver.Volume{ID: uuid.NewString(), SizeGiB: 1}
			if _, err := d.CloneVolume(b.Context(), v, source); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			if err := d.DeleteVolume(b.Context(), v); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	}
	benchmarkDirs(b, clone)
	for _, fs := range []string{"xfs", "btrfs"} {
		b.Run(fs, func(b *testing.B) { clone(b, setUp(b, mount(b, fs))) })
	}
}

func BenchmarkStats(b *testing.B) {
	d := setUp(b, b.TempDir())
	for b.Loop() {
		if _, err := d.Stats(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
