// Package repository is the contract between the backup service and what keeps backups: a directory, an object store. It
// speaks of backups and bytes, and knows neither rows nor how a volume is reached. repositorytest holds the suite every
// repository passes; one package per repository implements the contract, with the help of package chunked where backups
// lie as upstream's chunked drivers lay them.
package repository

import (
	"context"
	"io"

	"github.com/clinker/clinker/internal/block"
)

// Repository keeps backups. All methods are safe for concurrent use; none is called twice at once for the same backup.
//
// Error kinds: fault.Invalid with the name InvalidBackup when a backup cannot be made as asked or is damaged;
// fault.NotFound when what belongs to it is gone; fault.OverLimit when the repository is full; fault.Unavailable when
// trying again later may help; anything else is Internal. An error of Progress is returned as it is.
type Repository interface {
	// Name is upstream's class path, by which rows and exported records name it.
	Name() string
	// Check proves that the repository can be reached and written. It is called before anything else, and from time to time.
	Check(ctx context.Context) error
	// Place says where a new backup is to lie: in the container the user chose, if any. It writes nothing. What it says is
	// kept in the backup before anything is saved.
	Place(b *block.Backup) (Place, error)
	// Save writes a backup's bytes. It begins anew: what an earlier run that was killed has left is removed first. When it
	// returns, the backup is complete and would survive a power cut. Memory does not grow with the volume.
	Save(ctx context.Context, s Save) (Saved, error)
	// Restore writes backups into a volume. Doing it again gives the same bytes.
	Restore(ctx context.Context, r Restore) (Restored, error)
	// Delete removes a backup, complete or not. One that is gone, or was never placed, is no error.
	Delete(ctx context.Context, b *block.Backup) error
}

// Place is where in a repository a backup lies, in the words of its row.
type Place struct {
	Container       string
	ServiceMetadata string
}

// Save is what is to be saved.
type Save struct {
	Backup *block.Backup // with its place
	Parent *block.Backup // what it is to be the difference to; nil for a full backup
	// Source is the volume's bytes. They must not change meanwhile.
	Source    io.ReaderAt
	SizeBytes int64
	// VolumeMeta is kept beside the bytes and given back by Restore; a JSON text, empty for none.
	VolumeMeta string
	Progress   Progress
}

// Progress hears how many of the bytes have been dealt with, at least once for each object that was read or written. An
// error ends the work. Nil means nobody listens.
type Progress func(ctx context.Context, doneBytes, totalBytes int64) error

// Saved is what became of it.
type Saved struct {
	Objects int64 // how many objects of data were written: object_count
}

// Restore is what is to be restored.
type Restore struct {
	// Chain is the full backup and the differences up to the one that is wanted, in that order.
	Chain     []*block.Backup
	Target    Target
	SizeBytes int64 // of the target
	// Fresh says that every byte of the target that was never written reads as zero, so that zeroes need not be written.
	Fresh    bool
	Progress Progress
}

// Target is the bytes of the volume that is restored to.
type Target interface {
	io.WriterAt
	// WriteZeroes makes bytes read as zero, with a hole if need be.
	WriteZeroes(offset, length int64) error
	// Flush returns when everything that was written before would survive a power cut.
	Flush() error
}

// Restored is what is known of the volume beside its bytes.
type Restored struct {
	VolumeMeta string // of the newest backup of the chain; empty for none
}
