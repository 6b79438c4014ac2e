// Package glance is the contract of the image service, upstream's Glance, as its consumers need it: images as values, what can
// be asked of the service, and the faults it answers with. client speaks to a real one over HTTP, fake is one in memory for
// tests, glancetest is the suite that both pass.
//
// What must not live here: HTTP, and anything that only one consumer wants. A consumer declares the part of Service that it
// uses.
package glance

import (
	"context"
	"io"
	"time"

	"github.com/clinker/clinker/internal/fault"
)

// Statuses of images that matter to consumers.
const (
	StatusQueued = "queued" // entered, without bytes
	StatusSaving = "saving" // its bytes are being uploaded
	StatusActive = "active" // it may be used
)

// Image is what the service says of an image. Empty and zero stand for what it does not say (JSON's null).
type Image struct {
	ID, Name, Status, Visibility, Owner string
	Protected                           bool
	ContainerFormat, DiskFormat         string
	SizeBytes, VirtualSizeBytes         int64
	MinDiskGiB, MinRAMMiB               int64
	Checksum                            string // MD5 of the bytes, hexadecimal
	HashAlgorithm, HashValue            string // os_hash_algo ("sha512") and os_hash_value, hexadecimal
	CreatedAt, UpdatedAt                time.Time
	// Locations are the URLs under which the bytes lie in the service's own stores, direct_url first; few services show them.
	Locations []string
	// Properties are all members that the image schema does not name. A value that is no text is kept as its JSON.
	Properties map[string]string
}

// Properties of images that were made of encrypted volumes: the key of their bytes, and when it is to be deleted
// (cinder/api/contrib/volume_actions.py).
const (
	PropertyKeyID          = "cinder_encryption_key_id"
	PropertyKeyDeletion    = "cinder_encryption_key_deletion_policy"
	KeyDeletedWithTheImage = "on_image_deletion"
)

// EncryptionKeyID is the id of the key that an image's bytes are encrypted with, empty if they are not.
func (i *Image) EncryptionKeyID() string { return i.Properties[PropertyKeyID] }

// NewImage is an image to be entered.
type NewImage struct {
	// ID is the image's, a UUID. The caller chooses it, so that an entry whose answer was lost can be found again.
	ID, Name                    string
	ContainerFormat, DiskFormat string
	Visibility                  string // empty: the service's default
	Protected                   *bool  // nil: the service's default
	Properties                  map[string]string
}

// Upload says where an image's bytes go.
type Upload struct {
	SizeBytes int64  // how many there are; negative if that is not known before
	StoreID   string // the store to keep them in; empty: the service's default
	// BaseImageID is the image that these bytes came from originally, empty if there is none: a store may be able to share
	// what both have in common.
	BaseImageID string
}

// Service is what can be asked. Every method asks as whoever ctx says is asking (reqctx), is safe for concurrent use, and
// bounds the time it takes by itself too.
//
// Faults beside those a method names: Forbidden ImageNotAuthorized when the caller may not; Invalid for what the service calls
// a bad request, with its text; OverLimit ImageLimitExceeded for its quotas; Unavailable GlanceConnectionFailed when it does
// not answer, or not sensibly.
type Service interface {
	// Image reads one. NotFound: ImageNotFound.
	Image(ctx context.Context, id string) (*Image, error)
	// ImagesByName reads the images with this very name that the caller may see: two at most, so that it shows whether the
	// name is ambiguous.
	ImagesByName(ctx context.Context, name string) ([]*Image, error)
	// Create enters an image without bytes. Repeating it after an answer that was lost gives the image as it is by then, if
	// it is the caller's own.
	Create(ctx context.Context, i NewImage) (*Image, error)
	// Upload sends the bytes of an image that is queued, which is active afterwards. Conflict: another upload is under way, or
	// it has its bytes. It is not repeated by itself.
	Upload(ctx context.Context, id string, u Upload, body io.Reader) error
	// Download streams the bytes of an image that is active; the caller closes the stream. A stream that breaks off is taken
	// up again where it stopped, a bounded number of times; one that stalls, or ends before the length the service announced,
	// is an Unavailable from Read. NotFound: ImageNotFound, also for an image without bytes.
	Download(ctx context.Context, id string) (io.ReadCloser, error)
	// Delete removes an image and its bytes. NotFound: ImageNotFound.
	Delete(ctx context.Context, id string) error
}

// NotFound is the fault for an image that is not there, or that the caller may not see.
func NotFound(id string) *fault.Error {
	return fault.New(fault.NotFound, "ImageNotFound", "Image %s could not be found.", id)
}

// NotAuthorized is the fault for what the caller may not do with an image; cause may be nil.
func NotAuthorized(cause error, id string) *fault.Error {
	return fault.Wrap(cause, fault.Forbidden, "ImageNotAuthorized", "Not authorized for image %s.", id)
}

// Unacceptable is the fault for an image that cannot be used, in upstream's words.
func Unacceptable(id, format string, args ...any) *fault.Error {
	reason := fault.New(fault.Invalid, "", format, args...).Text
	return fault.New(fault.Invalid, "ImageUnacceptable", "Image %s is unacceptable: %s", id, reason)
}

// TooBig is the fault for an image for which there is no room, in upstream's words.
func TooBig(id, format string, args ...any) *fault.Error {
	reason := fault.New(fault.Invalid, "", format, args...).Text
	return fault.New(fault.Invalid, "ImageTooBig", "Image %s size exceeded available disk space: %s", id, reason)
}

// LimitExceeded is the fault for the service's own quotas; cause may be nil.
func LimitExceeded(cause error) *fault.Error {
	return fault.Wrap(cause, fault.OverLimit, "ImageLimitExceeded", "Image quota exceeded")
}

// ConnectionFailed is the fault for a service that does not answer; cause may be nil.
func ConnectionFailed(cause error, format string, args ...any) *fault.Error {
	reason := fault.New(fault.Unavailable, "", format, args...).Text
	return fault.Wrap(cause, fault.Unavailable, "GlanceConnectionFailed", "Connection to glance failed: %s", reason)
}
