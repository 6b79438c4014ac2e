package chunked

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/backup/repository"
)

// Restore implements repository.Repository. Each backup of the chain is laid over the ones before.
func (r *Repository) Restore(ctx context.Context, j repository.Restore) (repository.Restored, error) {
	total := int64(0)
	documents := make([]*document, len(j.Chain))
	for i, b := range j.Chain {
		d, bytes, err := r.describe(ctx, b)
		if err != nil {
			return repository.Restored{}, err
		}
		documents[i], total = d, total+bytes
	}
	var restored repository.Restored
	w := &restoring{Repository: r, Restore: j, totalBytes: total, buffer: make([]byte, pieceBytes)}
	for i, b := range j.Chain {
		// Only where nothing was laid over yet, a zero is where nothing was written.
		w.skipZeroes = j.Fresh && i == 0
		if err := w.backup(ctx, b); err != nil {
			return restored, err
		}
		restored.VolumeMeta = documents[i].text("volume_meta")
	}
	return restored, j.Target.Flush()
}

// describe reads a backup's metadata without its objects, which it counts and adds up, and refuses what cannot be restored
// before anything is written.
func (r *Repository) describe(ctx context.Context, b *block.Backup) (_ *document, bytes int64, err error) {
	d, err := r.open(ctx, b, metadataName(b), "objects")
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, d.closer.Close()) }()
	for {
		_, o, more, err := d.nextObject()
		if err != nil {
			return nil, 0, err
		}
		if !more {
			break
		}
		if _, known := methodOf(o.Compression); !known {
			return nil, 0, block.InvalidBackup("unsupported compression algorithm: %.40q", o.Compression)
		}
		bytes += o.Length
	}
	if err := d.rest(); err != nil {
		return nil, 0, err
	}
	if v := d.text("version"); v != version {
		return nil, 0, block.InvalidBackup("No support to restore backup version %.40s", v)
	}
	return d, bytes, nil
}

// nextObject reads the next item of the list as an object's name and description.
func (d *document) nextObject() (name string, o objectMeta, more bool, err error) {
	var item map[string]objectMeta
	if more, err = d.next(&item); err != nil || !more {
		return "", o, false, err
	}
	if len(item) != 1 {
		return "", o, false, damaged(d.backup, fmt.Errorf("an object with %d names", len(item)))
	}
	for name, o = range item {
		if o.Offset < 0 || o.Length < 0 || o.Offset > 1<<62-o.Length {
			return "", o, false, damaged(d.backup, fmt.Errorf("an object of %d bytes at %d", o.Length, o.Offset))
		}
	}
	return name, o, true, nil
}

// restoring is a chain that is being written into a volume.
type restoring struct {
	*Repository
	repository.Restore

	totalBytes, doneBytes int64
	skipZeroes            bool
	buffer                []byte
}

// backup lays one backup over what is there.
func (w *restoring) backup(ctx context.Context, b *block.Backup) (err error) {
	d, err := w.open(ctx, b, metadataName(b), "objects")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.closer.Close()) }()
	for {
		name, o, more, err := d.nextObject()
		if err != nil || !more {
			return err
		}
		if o.Offset+o.Length > w.SizeBytes {
			return block.InvalidBackup("backup %s has bytes up to %d, and the volume has %d", b.ID, o.Offset+o.Length, w.SizeBytes)
		}
		if err := w.object(ctx, b, name, o); err != nil {
			return err
		}
	}
}

// object writes one object into the volume. That its bytes are the ones that were saved shows only at its end: then they
// are in the volume already, which is why a failed restore leaves a volume in error.
func (w *restoring) object(ctx context.Context, b *block.Backup, name string, o objectMeta) (err error) {
	in, err := w.store.Open(ctx, *b.Container, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	data, err := decompressorFor(o.Compression, in)
	if err != nil {
		return damaged(b, err)
	}
	defer func() { err = errors.Join(err, data.Close()) }()
	digest := md5.New()
	for done := int64(0); done < o.Length; {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		p := w.buffer[:min(int64(len(w.buffer)), o.Length-done)]
		if _, err := io.ReadFull(data, p); err != nil {
			return damaged(b, fmt.Errorf("%s at %d: %w", name, done, err))
		}
		digest.Write(p)
		if err := w.put(p, o.Offset+done); err != nil {
			return err
		}
		done += int64(len(p))
		w.doneBytes += int64(len(p))
		if w.Progress != nil {
			if err := w.Progress(ctx, w.doneBytes, w.totalBytes); err != nil {
				return err
			}
		}
	}
	switch _, err := io.ReadFull(data, w.buffer[:1]); err {
	case io.EOF:
	case nil:
		return damaged(b, fmt.Errorf("%s is longer than %d bytes", name, o.Length))
	default:
		return damaged(b, fmt.Errorf("the end of %s: %w", name, err))
	}
	if o.MD5 != "" && hex.EncodeToString(digest.Sum(nil)) != o.MD5 {
		return damaged(b, fmt.Errorf("%s has another MD5 sum than %s", name, o.MD5))
	}
	return nil
}

// put writes bytes into the volume, zeroes as zeroes.
func (w *restoring) put(p []byte, offset int64) (err error) {
	switch {
	case !isZero(p):
		_, err = w.Target.WriteAt(p, offset)
	case !w.skipZeroes:
		err = w.Target.WriteZeroes(offset, int64(len(p)))
	}
	if err != nil {
		return fmt.Errorf("writing %d bytes into the volume at %d: %w", len(p), offset, err)
	}
	return nil
}
