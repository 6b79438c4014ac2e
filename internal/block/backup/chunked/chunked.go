// Package chunked lays backups out as upstream's chunked drivers do (cinder/backup/chunkeddriver.py), over anything that
// keeps named objects in containers, so that a backup made here can be restored there and the other way round.
//
// A backup is some objects of data, each a run of the volume's bytes that may be compressed; an object "<prefix>_metadata"
// that lists them in order; and an object "<prefix>_sha256file" with a SHA-256 sum for each block of the volume, from
// which the next backup learns which blocks have changed. The metadata is written last: without it there is no backup.
//
// Unlike upstream, no object is held in memory, nor any list that grows with the volume.
//
// What must not live here: where objects are kept (package posix has a directory), and what containers and prefixes are
// called.
package chunked

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/backup/repository"
	"github.com/clinker/clinker/internal/fault"
)

// Store keeps objects by name in containers: a directory, a bucket. A name or container that cannot be is a fault.Invalid.
type Store interface {
	// Make makes a container; one that is there is no error.
	Make(ctx context.Context, container string) error
	// List gives the names in a container that begin with prefix, in any order; a container that is not there has none.
	List(ctx context.Context, container, prefix string) ([]string, error)
	// Create writes an object, in the place of one of its name. It is there when Close has returned without an error.
	Create(ctx context.Context, container, name string) (io.WriteCloser, error)
	// Open reads an object; one that is not there is a fault.NotFound.
	Open(ctx context.Context, container, name string) (io.ReadCloser, error)
	// Remove removes an object; one that is gone is no error.
	Remove(ctx context.Context, container, name string) error
	// Settle returns when what was created in the container would survive a power cut, and when nothing is in it, removes
	// the container if it can.
	Settle(ctx context.Context, container string) error
	Check(ctx context.Context) error
}

// Options are the deployment's choices.
type Options struct {
	Name string // see repository.Repository
	// Place names containers and prefixes.
	Place       func(b *block.Backup) (repository.Place, error)
	ObjectBytes int64  // how much of the volume one object holds at most; a multiple of BlockBytes
	BlockBytes  int64  // what a change is looked for in
	Compression string // zlib, bz2, zstd or none, or another of upstream's names of them
}

// Repository implements repository.Repository over a Store.
type Repository struct {
	store Store
	Options
}

var _ repository.Repository = (*Repository)(nil)

// maxBlockBytes bounds what is held in memory for one block.
const maxBlockBytes = 64 << 20

// New makes a repository over a store. Options that cannot be are a fault.Invalid that names the option.
func New(s Store, o Options) (*Repository, error) {
	switch {
	case o.BlockBytes < 1 || o.BlockBytes > maxBlockBytes:
		return nil, fault.New(fault.Invalid, "", "backup_sha_block_size_bytes must be from 1 to %d, and is %d.", maxBlockBytes, o.BlockBytes)
	case o.ObjectBytes < 1 || o.ObjectBytes%o.BlockBytes != 0:
		return nil, fault.New(fault.Invalid, "", "backup_file_size must be a multiple of backup_sha_block_size_bytes (%d), and is %d.",
			o.BlockBytes, o.ObjectBytes)
	}
	if _, known := methodOf(o.Compression); !known {
		return nil, fault.New(fault.Invalid, "", "backup_compression_algorithm must be none, zlib, bz2 or zstd, and is %.40q.", o.Compression)
	}
	o.Compression = strings.ToLower(o.Compression)
	return &Repository{store: s, Options: o}, nil
}

// Name implements repository.Repository.
func (r *Repository) Name() string { return r.Options.Name }

// Check implements repository.Repository.
func (r *Repository) Check(ctx context.Context) error { return r.store.Check(ctx) }

// Place implements repository.Repository.
func (r *Repository) Place(b *block.Backup) (repository.Place, error) { return r.Options.Place(b) }

// Delete implements repository.Repository.
func (r *Repository) Delete(ctx context.Context, b *block.Backup) error {
	if placed(b) != nil {
		return nil // nothing of it can be anywhere
	}
	names, err := r.store.List(ctx, *b.Container, b.ServiceMetadata)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.store.Remove(ctx, *b.Container, name); err != nil {
			return err
		}
	}
	return r.store.Settle(ctx, *b.Container)
}

func metadataName(b *block.Backup) string { return b.ServiceMetadata + "_metadata" }
func sumsName(b *block.Backup) string     { return b.ServiceMetadata + "_sha256file" }

// objectName is the name of the n-th object of data, from 1.
func objectName(b *block.Backup, n int64) string { return fmt.Sprintf("%s-%05d", b.ServiceMetadata, n) }

// placed refuses a backup that has no place, or, as a record that was imported may, one that is not its own: others' objects
// would be read and removed as its. All of upstream's chunked drivers have prefixes end with the id.
func placed(b *block.Backup) error {
	if b.Container == nil || b.ID == "" || !strings.HasSuffix(b.ServiceMetadata, b.ID) {
		return block.InvalidBackup("backup %s says of no place of its own where it lies", b.ID)
	}
	return nil
}

// pieceBytes is how much is read, compared, compressed and written at a time, if blocks are not larger.
const pieceBytes = 1 << 20

// pieceFor is the largest multiple of a block that is no more than pieceBytes, or one block.
func pieceFor(blockBytes int64) int64 { return max(blockBytes, pieceBytes/blockBytes*blockBytes) }
