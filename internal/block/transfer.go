package block

import "github.com/clinker/clinker/internal/fault"

// Transfer is the offer of a volume to whoever knows its key. Of the key only a salted hash is kept.
type Transfer struct {
	ID       string
	VolumeID string
	Timestamps

	Name        *string
	Salt        string // secret
	CryptHash   string // secret: hexadecimal HMAC-SHA1 of the key under the salt, as upstream writes it
	NoSnapshots bool   // the volume goes without its snapshots

	SourceProjectID      string
	DestinationProjectID string // empty until it is accepted
	Accepted             bool
}

// TransferNotFound: there is no such transfer, or none the caller may know of.
func TransferNotFound(id string) *fault.Error {
	return fault.New(fault.NotFound, "TransferNotFound", "Transfer %s could not be found.", id)
}
