package volumes

import (
	"context"

	"github.com/clinker/clinker/internal/block"
)

// readBackup checks that the backup the volume is to be made from can be restored, and settles who is to do it. The volume
// is made empty, and then in the backup service's hands: what becomes of the backup meanwhile shows there.
func (u *Volumes) readBackup(ctx context.Context, s *creation) (err error) {
	if s.backup.Status != block.BackupAvailable {
		return block.InvalidBackup("Originating backup status must be one of 'available' values")
	}
	s.restorer, err = u.BackupHost(ctx, s.backup)
	return err
}
