package posix_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/backup/repository"
	"github.com/clinker/clinker/internal/block/backup/repository/posix"
	"github.com/clinker/clinker/internal/block/backup/repository/repositorytest"
	"github.com/clinker/clinker/internal/fault"
)

const blockBytes = 512

func open(t testing.TB, change func(c *posix.Config)) (repository.Repository, string) {
	t.Helper()
	c := posix.Config{Path: filepath.Join(t.TempDir(), "backup"), FileBytes: 16 * blockBytes, BlockBytes: blockBytes, Compression: "zlib",
		Now: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }}
	if change != nil {
		change(&c)
	}
	r, err := posix.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return r, c.Path
}

func TestRepository(t *testing.T) {
	for _, method := range []string{"zlib", "bz2", "zstd", "none"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			repositorytest.Run(t, repositorytest.Kit{BlockBytes: blockBytes, Open: func(t *testing.T) (repository.Repository, func() int) {
				r, path := open(t, func(c *posix.Config) { c.Compression = method })
				return r, func() int { return len(tree(t, path)) }
			}})
		})
	}
}

// tree is the paths of everything below a directory, with their modes.
func tree(t testing.TB, dir string) map[string]fs.FileMode {
	t.Helper()
	all := map[string]fs.FileMode{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		all[rel] = info.Mode()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

const (
	id       = "5f1a0c6e-0000-4000-8000-000000000001"
	volumeID = "7b1a0c6e-0000-4000-8000-000000000002"
	prefix   = "volume_" + volumeID + "_20260102030405_backup_" + id
)

func placed(t testing.TB, r repository.Repository, b *block.Backup) *block.Backup {
	t.Helper()
	p, err := r.Place(b)
	if err != nil {
		t.Fatal(err)
	}
	b.Container, b.ServiceMetadata = &p.Container, p.ServiceMetadata
	return b
}

// TestLayout holds what lies in the directory against what upstream puts there.
func TestLayout(t *testing.T) {
	r, path := open(t, nil)
	if err := r.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := placed(t, r, &block.Backup{ID: id, VolumeID: volumeID, SizeGiB: 1, Name: new("n"),
		Timestamps: block.Timestamps{CreatedAt: time.Date(2026, 1, 2, 3, 4, 6, 7000, time.UTC)}})
	data := append(bytes.Repeat([]byte("x"), 16*blockBytes), "end"...)
	saved, err := r.Save(t.Context(), repository.Save{Backup: b, Source: bytes.NewReader(data), SizeBytes: int64(len(data)), VolumeMeta: `{"version": 2}`})
	if err != nil || saved.Objects != 2 {
		t.Fatalf("%+v, %v", saved, err)
	}
	dir := "5f/1a/" + id
	want := map[string]fs.FileMode{"5f": 0o700 | fs.ModeDir, "5f/1a": 0o700 | fs.ModeDir, dir: 0o700 | fs.ModeDir}
	for _, name := range []string{"-00001", "-00002", "_metadata", "_sha256file"} {
		want[dir+"/"+prefix+name] = 0o600
	}
	if d := cmp.Diff(want, tree(t, path)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for name, want := range map[string]string{
		"_metadata": `{"backup_description": null, "backup_id": "` + id + `", "backup_name": "n", "created_at": "2026-01-02 03:04:06.000007+00:00",
			"objects": [{"` + prefix + `-00001": {"compression": "zlib", "length": 8192, "md5": "94303bc70972121e4f1c88deb6521f1b", "offset": 0}},
				{"` + prefix + `-00002": {"compression": "zlib", "length": 3, "md5": "7f021a1415b86f2d013b2618fb31ae53", "offset": 8192}}],
			"parent_id": null, "version": "1.0.0", "volume_id": "` + volumeID + `", "volume_meta": "{\"version\": 2}"}`,
		"_sha256file": `{"backup_description": null, "backup_id": "` + id + `", "backup_name": "n", "chunk_size": 512, "created_at": "2026-01-02 03:04:06.000007+00:00",
			"sha256s": [` + strings.Repeat(`"<block>", `, 16) + `"<end>"], "version": "1.0.0", "volume_id": "` + volumeID + `"}`,
	} {
		text, err := os.ReadFile(filepath.Join(path, dir, prefix+name))
		if err != nil {
			t.Fatal(err)
		}
		want = strings.NewReplacer("<block>", sumOfBlock, "<end>", sumOfEnd).Replace(want)
		var wanted, got any
		if err := json.Unmarshal([]byte(want), &wanted); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if d := cmp.Diff(wanted, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// SHA-256 of 512 times "x", and of "end".
const (
	sumOfBlock = "64164443bb63e338ef1cfdb12a57117cd1212270cc935a798f6e8a665cdf4659"
	sumOfEnd   = "361e48d0308f20e32dba5fb56328baf18d72ef0ccb43b84f5c262d2a6a1fc6c8"
)

func TestPlace(t *testing.T) {
	r, _ := open(t, nil)
	own, _ := open(t, func(c *posix.Config) { c.Container = "all/of/them" })
	for name, tc := range map[string]struct {
		r         repository.Repository
		container *string
		want      string
	}{
		"its own":        {r, nil, "5f/1a/" + id},
		"none":           {r, new(""), "5f/1a/" + id},
		"the user's":     {r, new("a/b"), "a/b"},
		"the operator's": {own, nil, "all/of/them"},
		"user first":     {own, new("c"), "c"},
	} {
		p, err := tc.r.Place(&block.Backup{ID: id, VolumeID: volumeID, Container: tc.container})
		if err != nil || p.Container != tc.want || p.ServiceMetadata != prefix {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	for _, bad := range []string{"..", "../x", "/etc", "a/../../x"} {
		if _, err := r.Place(&block.Backup{ID: id, VolumeID: volumeID, Container: &bad}); fault.NameOf(err) != "InvalidBackup" {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// TestNothingOutside: an imported record may say anything about where a backup lies, and links may lead anywhere.
func TestNothingOutside(t *testing.T) {
	r, path := open(t, nil)
	if err := r.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(filepath.Dir(path), "outside")
	if err := os.Mkdir(outside, 0o700); err != nil {
		t.Fatal(err)
	}
	precious := filepath.Join(outside, "precious_"+id+"_metadata")
	if err := os.WriteFile(precious, []byte(`{"objects": [], "version": "1.0.0"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(path, "link")); err != nil {
		t.Fatal(err)
	}
	for _, container := range []string{"../outside", outside, "link", "x/../../outside"} {
		b := &block.Backup{ID: id, VolumeID: volumeID, Container: &container, ServiceMetadata: "precious_" + id}
		if err := r.Delete(t.Context(), b); err == nil {
			t.Errorf("%s: deleted", container)
		}
		_, err := r.Restore(t.Context(), repository.Restore{Chain: []*block.Backup{b}})
		if err == nil {
			t.Errorf("%s: restored", container)
		}
		if _, err := r.Save(t.Context(), repository.Save{Backup: b, Source: bytes.NewReader(nil)}); err == nil {
			t.Errorf("%s: saved", container)
		}
	}
	if _, err := r.Restore(t.Context(), repository.Restore{Chain: []*block.Backup{{ID: id, Container: new("x"), ServiceMetadata: "../../outside/precious_" + id}}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a name that is a path: %v", err)
	}
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
}

// TestContainersComeAndGo: a container that is removed, because the last backup in it is, while another backup is about to be written into it,
// or into one beside it, is made again for that one.
func TestContainersComeAndGo(t *testing.T) {
	r, path := open(t, func(c *posix.Config) { c.Container, c.Compression = "all/of/them", "none" })
	if err := r.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 60 {
				b := &block.Backup{ID: uuid.NewString(), VolumeID: volumeID, SizeGiB: 1}
				place, err := r.Place(b)
				if err != nil {
					t.Error(err)
					return
				}
				b.Container, b.ServiceMetadata = &place.Container, place.ServiceMetadata
				if _, err := r.Save(t.Context(), repository.Save{Backup: b, Source: bytes.NewReader([]byte("x")), SizeBytes: 1}); err != nil {
					t.Error(err)
					return
				}
				if err := errors.Join(r.Check(t.Context()), r.Delete(t.Context(), b)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if left := tree(t, path); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestNotItsOwn: a record that was imported may speak of others' objects as its own; they are neither removed nor read.
func TestNotItsOwn(t *testing.T) {
	r, _ := open(t, nil)
	if err := r.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := &block.Backup{ID: id, VolumeID: volumeID}
	place, err := r.Place(b)
	if err != nil {
		t.Fatal(err)
	}
	b.Container, b.ServiceMetadata = &place.Container, place.ServiceMetadata
	v := repositorytest.NewVolume(1024, 512, 1)
	if _, err := r.Save(t.Context(), repository.Save{Backup: b, Source: v, SizeBytes: 1024}); err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{"", b.ServiceMetadata, strings.TrimSuffix(b.ServiceMetadata, id), "az"} {
		thief := &block.Backup{ID: strings.Replace(id, "5f", "6f", 1), VolumeID: volumeID, Container: b.Container, ServiceMetadata: prefix}
		if err := r.Delete(t.Context(), thief); err != nil {
			t.Errorf("%q: %v", prefix, err)
		}
		if _, err := r.Restore(t.Context(), repository.Restore{Chain: []*block.Backup{thief}, Target: v, SizeBytes: 1024}); fault.NameOf(err) != "InvalidBackup" {
			t.Errorf("%q: %v", prefix, err)
		}
	}
	if _, err := r.Restore(t.Context(), repository.Restore{Chain: []*block.Backup{b}, Target: v, SizeBytes: 1024}); err != nil {
		t.Errorf("what was another's: %v", err)
	}
}

func TestDamage(t *testing.T) {
	const meta = `{"objects": [%s], "version": "1.0.0", "volume_meta": null}`
	object := func(fields string) string { return strings.Replace(meta, "%s", `{"p-`+id+`-00001": {`+fields+`}}`, 1) }
	const good = `"compression": "none", "length": 3, "md5": "900150983cd24fb0d6963f7d28e17f72", "offset": 0`
	for name, tc := range map[string]struct {
		metadata, object string
		ok               bool
	}{
		"good":                 {object(good), "abc", true},
		"other bytes":          {object(good), "abd", false},
		"too short":            {object(good), "ab", false},
		"too long":             {object(good), "abcd", false},
		"no JSON":              {`{"objects": [`, "abc", false},
		"no object":            {`[]`, "abc", false},
		"no list":              {`{"objects": 1}`, "abc", false},
		"another version":      {strings.Replace(object(good), "1.0.0", "2.0.0", 1), "abc", false},
		"unknown compression":  {object(strings.Replace(good, "none", "lzma", 1)), "abc", false},
		"not compressed":       {object(strings.Replace(good, "none", "zlib", 1)), "abc", false},
		"a negative offset":    {object(strings.Replace(good, `"offset": 0`, `"offset": -1`, 1)), "abc", false},
		"a negative length":    {object(strings.Replace(good, `"length": 3`, `"length": -3`, 1)), "abc", false},
		"beyond the volume":    {object(strings.Replace(good, `"offset": 0`, `"offset": 9`, 1)), "abc", false},
		"beyond all numbers":   {object(strings.Replace(good, `"offset": 0`, `"offset": 9223372036854775807`, 1)), "abc", false},
		"an object elsewhere":  {strings.Replace(object(good), "p-"+id+"-00001", "../p", 1), "abc", false},
		"an object not there":  {strings.Replace(object(good), id+"-00001", id+"-00002", 1), "abc", false},
		"two names":            {strings.Replace(meta, "%s", `{"p-`+id+`-00001": {}, "p-`+id+`-00002": {}}`, 1), "abc", false},
		"an item that is none": {strings.Replace(meta, "%s", `7`, 1), "abc", false},
	} {
		r, path := open(t, nil)
		dir := filepath.Join(path, "c")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{"p-" + id + "_metadata": tc.metadata, "p-" + id + "-00001": tc.object} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		v := repositorytest.NewVolume(10, 10, 1)
		_, err := r.Restore(t.Context(), repository.Restore{Chain: []*block.Backup{{ID: id, Container: new("c"), ServiceMetadata: "p-" + id}}, Target: v, SizeBytes: 10})
		if tc.ok != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
		if kind := fault.KindOf(err); err != nil && kind != fault.Invalid && kind != fault.NotFound {
			t.Errorf("%s: kind %v: %v", name, kind, err)
		}
	}
}

func TestParentsSums(t *testing.T) {
	for name, sums := range map[string]string{
		"another size":      `{"chunk_size": 1024, "sha256s": []}`,
		"size behind":       `{"sha256s": ["x"], "chunk_size": 1024}`,
		"no size":           `{"sha256s": []}`,
		"no sums":           `{"chunk_size": 512}`,
		"a sum that's none": `{"chunk_size": 512, "sha256s": ["` + strings.Repeat("g", 64) + `"]}`,
		"a short sum":       `{"chunk_size": 512, "sha256s": ["ab"]}`,
		"cut short":         `{"chunk_size": 512, "sha256s": [`,
	} {
		r, path := open(t, nil)
		if err := os.MkdirAll(filepath.Join(path, "c"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(path, "c", "p_sha256file"), []byte(sums), 0o600); err != nil {
			t.Fatal(err)
		}
		parent := &block.Backup{ID: id, Container: new("c"), ServiceMetadata: "p", SizeGiB: 1}
		b := placed(t, r, &block.Backup{ID: id, VolumeID: volumeID, SizeGiB: 1})
		_, err := r.Save(t.Context(), repository.Save{Backup: b, Parent: parent, Source: bytes.NewReader(make([]byte, 512)), SizeBytes: 512})
		if fault.NameOf(err) != "InvalidBackup" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConfiguration(t *testing.T) {
	good := posix.Config{Path: "/x", FileBytes: 1024, BlockBytes: 512, Compression: "zlib"}
	for text, change := range map[string]func(c *posix.Config){
		"backup_posix_path":            func(c *posix.Config) { c.Path = "x" },
		"backup_container":             func(c *posix.Config) { c.Container = "../x" },
		"backup_file_size":             func(c *posix.Config) { c.FileBytes = 1000 },
		"backup_sha_block_size_bytes":  func(c *posix.Config) { c.BlockBytes = 0 },
		"backup_compression_algorithm": func(c *posix.Config) { c.Compression = "lzma" },
	} {
		c := good
		change(&c)
		if _, err := posix.New(c); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
	r, _ := open(t, func(c *posix.Config) { c.Path = "/dev/null/x" })
	if err := r.Check(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
}

func BenchmarkSave(b *testing.B) {
	for _, method := range []string{"zlib", "zstd", "none"} {
		for name, fill := range map[string]func([]byte){"zeroes": func([]byte) {}, "text": func(p []byte) { copy(p, bytes.Repeat([]byte("some text 0123456789\n"), len(p)/21+1)) }} {
			b.Run(method+"/"+name, func(b *testing.B) {
				r, _ := open(b, func(c *posix.Config) { c.FileBytes, c.BlockBytes, c.Compression = 61035*32768, 32768, method })
				if err := r.Check(b.Context()); err != nil {
					b.Fatal(err)
				}
				data := make([]byte, 64<<20)
				fill(data)
				b.SetBytes(int64(len(data)))
				for b.Loop() {
					one := placed(b, r, &block.Backup{ID: id, VolumeID: volumeID, SizeGiB: 1})
					if _, err := r.Save(b.Context(), repository.Save{Backup: one, Source: bytes.NewReader(data), SizeBytes: int64(len(data))}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
