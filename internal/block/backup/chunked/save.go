package chunked

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/backup/repository"
)

// Save implements repository.Repository.
func (r *Repository) Save(ctx context.Context, s repository.Save) (repository.Saved, error) {
	if err := placed(s.Backup); err != nil {
		return repository.Saved{}, err
	}
	if err := r.Delete(ctx, s.Backup); err != nil {
		return repository.Saved{}, err
	}
	w := &saving{Repository: r, Save: s}
	err := w.run(ctx)
	return repository.Saved{Objects: w.count}, err
}

// saving is a backup that is being written.
type saving struct {
	*Repository
	repository.Save

	method   method
	parent   *document // the parent's sums; nil in a full backup
	sums     *listWriter
	metadata *listWriter
	object   *object // the one that is being written, if any
	count    int64
	zeroSum  sum
}

// object is one object of data that is being written.
type object struct {
	name          string
	offset        int64
	length        int64
	md5           hash.Hash
	out           io.WriteCloser // the object itself
	to            io.WriteCloser // the compressor in front of it
	knownBytes    int64          // below zero if it ends when the changes do
	maxRunBytes   int64
	compressionAs string
}

func (w *saving) run(ctx context.Context) (err error) {
	w.method, _ = methodOf(w.Compression)
	w.zeroSum = sha256.Sum256(make([]byte, w.BlockBytes))
	if err := w.begin(ctx); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.abandon())
		}
	}()
	for piece, err := range pieces(ctx, w.Source, w.SizeBytes, w.ObjectBytes, pieceFor(w.BlockBytes)) {
		if err != nil {
			return err
		}
		if err := w.piece(ctx, piece); err != nil {
			return err
		}
		if end := piece.offset + int64(len(piece.data)); end%w.ObjectBytes == 0 || end == w.SizeBytes {
			if err := w.endObject(); err != nil {
				return err
			}
		}
		if err := w.progress(ctx, piece.offset+int64(len(piece.data))); err != nil {
			return err
		}
	}
	return w.finish(ctx)
}

func (w *saving) progress(ctx context.Context, done int64) error {
	if w.Progress == nil {
		return nil
	}
	return w.Progress(ctx, done, w.SizeBytes)
}

// begin checks the parent and opens the two documents.
func (w *saving) begin(ctx context.Context) (err error) {
	if w.Parent != nil {
		if err := w.compare(ctx); err != nil {
			return err
		}
	}
	if err := w.store.Make(ctx, *w.Backup.Container); err != nil {
		return errors.Join(err, w.abandon())
	}
	head := common(w.Backup)
	head["chunk_size"] = w.BlockBytes
	if w.sums, err = w.list(ctx, sumsName(w.Backup), head, "sha256s"); err == nil {
		w.metadata, err = w.list(ctx, metadataName(w.Backup), common(w.Backup), "objects")
	}
	if err != nil {
		err = errors.Join(err, w.abandon())
	}
	return err
}

func (w *saving) list(ctx context.Context, name string, head map[string]any, key string) (*listWriter, error) {
	out, err := w.store.Create(ctx, *w.Backup.Container, name)
	if err != nil {
		return nil, err
	}
	return newListWriter(out, head, key)
}

// compare opens the parent's sums and refuses a parent that cannot be compared with; upstream's texts.
func (w *saving) compare(ctx context.Context) error {
	const key = "sha256s"
	if w.Backup.SizeGiB > w.Parent.SizeGiB {
		return block.InvalidBackup("Volume size increased since the last backup. Do a full backup.")
	}
	all, err := w.open(ctx, w.Parent, sumsName(w.Parent), key)
	if err != nil {
		return err
	}
	err = all.rest() // upstream sorts chunk_size before the sums, but nothing says it must
	if err = errors.Join(err, all.closer.Close()); err != nil {
		return err
	}
	var blockBytes int64
	if err := json.Unmarshal(all.members["chunk_size"], &blockBytes); err != nil {
		return damaged(w.Parent, err)
	}
	if blockBytes != w.BlockBytes {
		return block.InvalidBackup("Hash block size has changed since the last backup. New hash block size: %d. Old hash block size: %d. "+
			"Do a full backup.", w.BlockBytes, blockBytes)
	}
	w.parent, err = w.open(ctx, w.Parent, sumsName(w.Parent), key)
	return err
}

// piece sums the blocks of a piece and writes the runs of blocks that have to be written.
func (w *saving) piece(ctx context.Context, p piece) error {
	run := -1 // where in the piece the run begins that is to be written
	for at := 0; at < len(p.data); at += int(w.BlockBytes) {
		block := p.data[at:min(len(p.data), at+int(w.BlockBytes))]
		changed, err := w.changed(block)
		if err != nil {
			return err
		}
		switch {
		case changed && run < 0:
			run = at
		case !changed:
			if run >= 0 {
				if err := w.write(ctx, p.data[run:at], p.offset+int64(run)); err != nil {
					return err
				}
				run = -1
			}
			if err := w.endObject(); err != nil {
				return err
			}
		}
	}
	if run < 0 {
		return nil
	}
	return w.write(ctx, p.data[run:], p.offset+int64(run))
}

// changed notes a block's sum, and says whether the block has to be written.
func (w *saving) changed(data []byte) (bool, error) {
	now := w.zeroSum
	if int64(len(data)) != w.BlockBytes || !isZero(data) {
		now = sha256.Sum256(data)
	}
	if err := w.sums.addSum(now); err != nil {
		return false, err
	}
	if w.parent == nil {
		return true, nil
	}
	before, more, err := w.parent.nextSum()
	return !more || before != now, err
}

// write appends to the object under way, or begins one.
func (w *saving) write(ctx context.Context, data []byte, offset int64) error {
	if w.object != nil && w.object.length+int64(len(data)) > w.object.maxRunBytes {
		if err := w.endObject(); err != nil {
			return err
		}
	}
	if w.object == nil {
		if err := w.beginObject(ctx, offset); err != nil {
			return err
		}
	}
	o := w.object
	o.length += int64(len(data))
	o.md5.Write(data)
	_, err := o.to.Write(data)
	return err
}

func (w *saving) beginObject(ctx context.Context, offset int64) error {
	w.count++
	o := &object{name: objectName(w.Backup, w.count), offset: offset, md5: md5.New(), knownBytes: -1, maxRunBytes: w.method.maxRun(),
		compressionAs: w.Compression}
	if w.parent == nil {
		o.knownBytes, o.maxRunBytes = min(w.ObjectBytes, w.SizeBytes-offset), w.ObjectBytes
	}
	if w.method == plain {
		o.compressionAs = "none"
	}
	var err error
	if o.out, err = w.store.Create(ctx, *w.Backup.Container, o.name); err != nil {
		return err
	}
	if o.to, err = w.method.compressor(o.out, o.knownBytes); err != nil {
		return errors.Join(err, o.out.Close())
	}
	w.object = o
	return nil
}

// endObject ends the object under way, if there is one, and enters it in the metadata.
func (w *saving) endObject() error {
	o := w.object
	if o == nil {
		return nil
	}
	w.object = nil
	if err := errors.Join(o.to.Close(), o.out.Close()); err != nil {
		return err
	}
	item, err := json.Marshal(map[string]objectMeta{o.name: {Compression: o.compressionAs, Length: o.length, MD5: hex.EncodeToString(o.md5.Sum(nil)),
		Offset: o.offset}})
	if err != nil {
		return err
	}
	return w.metadata.add(item)
}

// finish ends the documents, the metadata last.
func (w *saving) finish(ctx context.Context) error {
	sums, metadata := w.sums, w.metadata
	w.sums, w.metadata = nil, nil
	tail := map[string]any{"version": version, "volume_id": w.Backup.VolumeID}
	if err := sums.finish(tail); err != nil {
		return errors.Join(err, metadata.to.Close())
	}
	tail["parent_id"], tail["volume_meta"] = nil, nil
	if w.Parent != nil {
		tail["parent_id"] = w.Parent.ID
		if err := w.parent.closer.Close(); err != nil {
			return errors.Join(err, metadata.to.Close())
		}
		w.parent = nil
	}
	if w.VolumeMeta != "" {
		tail["volume_meta"] = w.VolumeMeta
	}
	if err := metadata.finish(tail); err != nil {
		return err
	}
	return w.store.Settle(ctx, *w.Backup.Container)
}

// abandon lets go of what is open when something has failed. What was written is the caller's to delete.
func (w *saving) abandon() error {
	var errs []error
	if w.object != nil {
		errs = append(errs, w.object.to.Close(), w.object.out.Close())
	}
	for _, l := range []*listWriter{w.sums, w.metadata} {
		if l != nil {
			errs = append(errs, l.to.Close())
		}
	}
	if w.parent != nil {
		errs = append(errs, w.parent.closer.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("letting go of a backup that failed: %w", err)
	}
	return nil
}

// isZero says whether all bytes are zero.
func isZero(p []byte) bool {
	return len(p) == 0 || p[0] == 0 && bytes.Equal(p[1:], p[:len(p)-1])
}
