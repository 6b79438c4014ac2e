// Package store is the persistence contract of the image service: what its use cases may ask of a database, in the words of
// the domain. storetest holds the suite that every implementation passes; sqlstore is the implementation.
//
// What must not live here: SQL, bytes of images, policy, or a decision about which change of state is allowed.
//
// A missing row is a fault.NotFound with upstream's exception name. A failing database is a fault.Unavailable.
package store

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/image"
)

// Store is the database. Its Reader methods run outside a transaction, each on the newest committed rows.
type Store interface {
	Reader
	// Update runs fn in one read-write transaction and commits unless fn fails. A deadlock, a lost certification or a
	// busy database makes it run again, a bounded number of times: fn must have no effect but through tx.
	Update(ctx context.Context, fn func(tx Tx) error) error
	// Ping proves that the database answers.
	Ping(ctx context.Context) error
	Close() error
}

// Reader is everything that can be read.
type Reader interface {
	ImageReader
	TaskReader
	MetadefReader
	FlowReader
}

// Tx is a read-write transaction. It sees its own writes. It must not be used after the function it was given to ends.
type Tx interface {
	Reader
	ImageWriter
	MemberWriter
	TaskWriter
	MetadefWriter
	FlowWriter
}

// ImageReader reads images with properties, tags and locations, in a fixed number of queries whatever their number.
type ImageReader interface {
	// Image reads one, whoever it belongs to. NotFound: ImageNotFound.
	Image(ctx context.Context, id string) (*image.Image, error)
	// Images lists those that q chooses. A marker that is not an image is an ImageNotFound.
	Images(ctx context.Context, q ImageQuery) ([]*image.Image, error)
	// Members are the projects an image is shared with, oldest first.
	Members(ctx context.Context, imageID string) ([]*image.Member, error)
	// Member reads one. NotFound: NotFound.
	Member(ctx context.Context, imageID, memberID string) (*image.Member, error)
	// StorageUsage is how many bytes a project's images take, each counted for each of its locations; one image may be left
	// out.
	StorageUsage(ctx context.Context, owner, exceptImageID string) (bytes int64, err error)
}

// ImageWriter changes images.
type ImageWriter interface {
	// ImageForUpdate is Image, and makes other transactions that ask so for this image wait until this one ends.
	ImageForUpdate(ctx context.Context, id string) (*image.Image, error)
	// CreateImage inserts the image with properties, tags and locations; CreatedAt and UpdatedAt are set if zero. Conflict:
	// Duplicate, when the id was ever used.
	CreateImage(ctx context.Context, i *image.Image) error
	// SaveImage writes all of an image that ImageForUpdate gave in the same transaction, and sets its UpdatedAt.
	SaveImage(ctx context.Context, i *image.Image) error
	// DestroyImage removes an image with all that hangs on it but its tasks. Its id stays taken. A missing one is no error.
	DestroyImage(ctx context.Context, id string) error
}

// MemberWriter changes who images are shared with.
type MemberWriter interface {
	// CreateMember inserts m; CreatedAt and UpdatedAt are set. Conflict: Duplicate.
	CreateMember(ctx context.Context, m *image.Member) error
	// SaveMember writes the status of m and sets its UpdatedAt. NotFound: NotFound.
	SaveMember(ctx context.Context, m *image.Member) error
	// DestroyMember removes it. NotFound: NotFound.
	DestroyMember(ctx context.Context, imageID, memberID string) error
}

// Viewer says for whom images are listed.
type Viewer struct {
	ProjectID string // empty: nobody's own images are seen
	All       bool   // an administrator: sees the images of all
	// MemberStatus is what the viewer must have said of a shared image that is not its own; empty is whatever it said.
	MemberStatus image.MemberStatus
}

// ImageQuery chooses images. Zero fields do not restrict, but that community images of others are left out unless
// Visibility asks for them.
type ImageQuery struct {
	Viewer     Viewer
	Visibility string // AnyVisibility, or one
	Hidden     *bool
	Protected  *bool
	// In accepts any of the values of a text column: id, name, status, owner, container_format, disk_format, checksum,
	// os_hash_algo, os_hash_value.
	In map[string][]string
	// Equal, Min and Max compare numbers: size, virtual_size, min_disk, min_ram.
	Equal, Min, Max map[string]int64
	Times           []TimeFilter
	Tags            []string // all of them must be there
	Properties      map[string]string
	Page            Page
}

// AnyVisibility, as an ImageQuery's Visibility, shows community images of others too.
const AnyVisibility = "all"

// TimeFilter compares created_at or updated_at; Op is gt, gte, eq, neq, lt or lte.
type TimeFilter struct {
	Key, Op string
	At      time.Time
}

// Page is keyset paging: at most Limit rows after the row whose id is Marker, in the order of Sort, then created_at and id in
// the direction of Sort's last key. NULL is smaller than every value. Limit 0 gives nothing.
type Page struct {
	Limit  int
	Marker string
	Sort   []Sort // empty: created_at descending
}

// Sort is one key of an order; an unknown key is a fault.Invalid.
type Sort struct {
	Key  string
	Desc bool
}

// TaskReader reads tasks.
type TaskReader interface {
	// Task reads one. NotFound: TaskNotFound.
	Task(ctx context.Context, id string) (*image.Task, error)
	// Tasks lists those that q chooses; a marker that is not a task is a TaskNotFound.
	Tasks(ctx context.Context, q TaskQuery) ([]*image.Task, error)
}

// TaskQuery chooses tasks. Zero fields do not restrict, but for the page.
type TaskQuery struct {
	Owner, ImageID, Type string
	Status               image.TaskStatus
	Page                 Page
}

// TaskWriter changes tasks.
type TaskWriter interface {
	// CreateTask inserts t; CreatedAt and UpdatedAt are set if zero.
	CreateTask(ctx context.Context, t *image.Task) error
	// SaveTask writes status, result, message and expiry of t, and sets its UpdatedAt. NotFound: TaskNotFound.
	SaveTask(ctx context.Context, t *image.Task) error
	// DestroyExpiredTasks removes tasks whose expiry has passed and says how many.
	DestroyExpiredTasks(ctx context.Context) (int64, error)
}

// FlowReader reads the journal; see flow.Record.
type FlowReader interface {
	// Flows lists records of an owner that have not changed for minAge, longest first, at most limit.
	Flows(ctx context.Context, owner string, minAge time.Duration, limit int) ([]flow.Record, error)
}

// FlowWriter writes the journal; see flow.Journal.
type FlowWriter interface {
	PutFlow(ctx context.Context, r flow.Record) error
	ClaimFlow(ctx context.Context, r flow.Record) (bool, error)
	DeleteFlow(ctx context.Context, id string) error
}
