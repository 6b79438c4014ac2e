// Package volumerows is sqlstore's part for volumes, snapshots, attachments, transfers and what images leave beside volumes.
//
// What must not live here: other resources, and what they all have in common, which is package rows. It is a part of
// sqlstore and imported by nothing else.
package volumerows

import (
	"sync"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/together"
)

// Reader implements store.VolumeReader, store.SnapshotReader, store.AttachmentReader, store.TransferReader and
// store.ImageReader.
type Reader struct {
	conn                                       *rows.Conn
	volumes, snapshots, attachments, transfers *rows.Listing
	gatheredVolume, gatheredSnapshot           string     // what the functions of these names give
	joined                                     *sync.Pool // of *joinedVolumes
	shown                                      *together.Group[string, *block.Volume]
}

// NewReader makes a reader on the database; it is safe for concurrent use.
func NewReader(c *rows.Conn) Reader {
	r := Reader{conn: c, volumes: volumeListing(), snapshots: snapshotListing(), attachments: attachmentListing(),
		transfers: transferListing(), gatheredVolume: gatheredVolume(c.Dialect()),
		gatheredSnapshot: gatheredSnapshot(c.Dialect()), joined: new(sync.Pool)}
	r.shown = together.NewGroup(maxShown, r.show)
	return r
}

// Writer implements store.VolumeWriter, store.SnapshotWriter, store.AttachmentWriter, store.TransferWriter and
// store.ImageWriter, and reads in the same transaction.
type Writer struct{ Reader }

// NewWriter makes a writer in the transaction of c, which has a session; r is any reader of the same database.
func NewWriter(r Reader, c *rows.Conn) Writer {
	r.conn = c
	return Writer{r}
}

func volumeMetadata() rows.Pairs      { return rows.NewPairs("volume_metadata", "volume_id") }
func volumeAdminMetadata() rows.Pairs { return rows.NewPairs("volume_admin_metadata", "volume_id") }
func volumeImageMetadata() rows.Pairs { return rows.NewPairs("volume_glance_metadata", "volume_id") }
func snapshotMetadata() rows.Pairs    { return rows.NewPairs("snapshot_metadata", "snapshot_id") }
func snapshotImageMetadata() rows.Pairs {
	return rows.NewPairs("volume_glance_metadata", "snapshot_id")
}
