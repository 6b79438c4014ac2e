// Package image is the domain of the image service, upstream's Glance: images, who they are shared with, and the tasks that
// bring their data in; their states and what may become what. It is values and rules without I/O.
//
// What must not live here: SQL, HTTP, bytes of images, or who may do what; those are in the packages below.
package image

import (
	"maps"
	"slices"
	"time"
)

// Image is one image with all that a show needs. What the store gives is the caller's own.
type Image struct {
	ID                   string
	CreatedAt, UpdatedAt time.Time

	Name                        *string // nil is JSON's null
	Owner                       string  // the project; empty: nobody, which only an administrator can make
	Status                      Status
	Visibility                  Visibility
	ContainerFormat, DiskFormat string // empty is null: not said yet
	Protected, Hidden           bool
	MinDiskGiB, MinRAMMiB       int64

	SizeBytes, VirtualSizeBytes *int64 // nil is null: not known yet
	Checksum                    string // MD5, hexadecimal; empty is null
	HashAlgorithm, HashValue    string // os_hash_algo and os_hash_value; empty is null

	Properties map[string]string // those of users and, under names that begin with ReservedPrefix, the service's own
	Tags       []string          // sorted
	Locations  []Location        // in the order they were added
}

// ReservedPrefix begins the names of properties that only the service itself sets.
const ReservedPrefix = "os_glance"

// Properties that the service keeps about imports, in upstream's words.
const (
	PropertyImportTask      = "os_glance_import_task"         // the task that has the image in hand: a lock
	PropertyImportingStores = "os_glance_importing_to_stores" // where data is being brought, separated by commas
	PropertyFailedStores    = "os_glance_failed_import"       // where that failed
)

// Location says where a copy of the data is.
type Location struct {
	URL string
	// Metadata is a JSON object; "store" names the store among those configured.
	Metadata map[string]any
}

// StoreMetadata is the key of Location.Metadata under which the store's name is.
const StoreMetadata = "store"

// Store is the name of the location's store, empty for one that was added by hand.
func (l Location) Store() string {
	name, _ := l.Metadata[StoreMetadata].(string)
	return name
}

// Stores are the names of the stores that have the data, in the order of the locations.
func (i *Image) Stores() (names []string) {
	for _, l := range i.Locations {
		if name := l.Store(); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// Clone is a copy that shares nothing with the image.
func (i *Image) Clone() *Image {
	c := *i
	c.Properties = maps.Clone(i.Properties)
	c.Tags = slices.Clone(i.Tags)
	c.Locations = slices.Clone(i.Locations)
	for n := range c.Locations {
		c.Locations[n].Metadata = maps.Clone(c.Locations[n].Metadata)
	}
	return &c
}

// SetTags makes these the image's tags, each once and sorted.
func (i *Image) SetTags(tags []string) {
	sorted := slices.Clone(tags)
	slices.Sort(sorted)
	i.Tags = slices.Compact(sorted)
}

// UserProperties counts the properties that are not the service's own.
func (i *Image) UserProperties() int {
	n := 0
	for name := range i.Properties {
		if !Reserved(name) {
			n++
		}
	}
	return n
}

// Reserved reports whether a property's name is the service's own.
func Reserved(name string) bool {
	return len(name) >= len(ReservedPrefix) && name[:len(ReservedPrefix)] == ReservedPrefix
}

// Visibility says who can see an image.
type Visibility string

// The visibilities.
const (
	Public    Visibility = "public"    // everybody, and in everybody's list
	Community Visibility = "community" // everybody who knows its id or asks for community images
	Shared    Visibility = "shared"    // the owner and the members
	Private   Visibility = "private"   // the owner
)

// Visibilities lists them as upstream's schema does.
func Visibilities() []string {
	return []string{string(Community), string(Public), string(Private), string(Shared)}
}

// Member is a project that a shared image is shared with.
type Member struct {
	ImageID, MemberID    string
	Status               MemberStatus
	CreatedAt, UpdatedAt time.Time
}

// MemberStatus is what a member thinks of the image: only accepted ones are in its list.
type MemberStatus string

// The member statuses.
const (
	MemberPending  MemberStatus = "pending"
	MemberAccepted MemberStatus = "accepted"
	MemberRejected MemberStatus = "rejected"
)

// MemberStatuses lists them.
func MemberStatuses() []MemberStatus {
	return []MemberStatus{MemberPending, MemberAccepted, MemberRejected}
}

// Task is something the service does for an image in its own time.
type Task struct {
	ID                   string
	Type                 string // TaskImport
	Status               TaskStatus
	Owner                string // the project that asked
	ImageID              string
	RequestID, UserID    string
	Input                []byte // JSON
	Result               []byte // JSON; nil until it succeeded
	Message              string // how far it is, or why it failed
	CreatedAt, UpdatedAt time.Time
	ExpiresAt            time.Time // zero while it runs; after it the row is removed
}

// The types of tasks.
const (
	TaskImport    = "api_image_import" // brings data into an image
	TaskImportNew = "import"           // makes an image, and brings data into it
)

// TaskStatus is how far a task is.
type TaskStatus string

// The task statuses.
const (
	TaskPending    TaskStatus = "pending"
	TaskProcessing TaskStatus = "processing"
	TaskSuccess    TaskStatus = "success"
	TaskFailure    TaskStatus = "failure"
)

// TaskStatuses lists them.
func TaskStatuses() []TaskStatus {
	return []TaskStatus{TaskPending, TaskProcessing, TaskSuccess, TaskFailure}
}

// Ended reports whether nothing more will come of the task.
func (t *Task) Ended() bool { return t.Status == TaskSuccess || t.Status == TaskFailure }
