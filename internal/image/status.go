package image

import (
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/fault"
)

// Status is where an image is in its life.
type Status string

// The statuses. Upstream's killed and pending_delete are never used here.
const (
	Queued      Status = "queued"      // entered, without data
	Saving      Status = "saving"      // data is being uploaded
	Uploading   Status = "uploading"   // data is being staged, or is staged
	Importing   Status = "importing"   // a task brings the data in
	Active      Status = "active"      // it may be used
	Deactivated Status = "deactivated" // only administrators may download it
	Deleted     Status = "deleted"     // only ever together with the row's removal
)

// transitions says which status may follow which; upstream: valid_state_targets in glance/domain/__init__.py.
func transitions(from Status) []Status {
	switch from {
	case Queued:
		return []Status{Saving, Uploading, Importing, Active, Deleted}
	case Saving:
		return []Status{Active, Deleted, Queued}
	case Uploading:
		return []Status{Importing, Queued, Deleted}
	case Importing:
		return []Status{Active, Deleted, Queued}
	case Active:
		return []Status{Deleted, Deactivated}
	case Deactivated:
		return []Status{Active, Deleted}
	}
	return nil
}

// Become changes the status. A change that is not allowed is a fault.Conflict InvalidImageStatusTransition; data for an image
// whose formats are not said is a fault.Invalid. An image that goes back to queued forgets its sizes.
func (i *Image) Become(to Status) error {
	if !slices.Contains(transitions(i.Status), to) {
		return fault.New(fault.Conflict, "InvalidImageStatusTransition", "Image status transition from %s to %s is not allowed", i.Status, to)
	}
	if (i.Status == Queued || i.Status == Uploading) && (to == Saving || to == Active || to == Importing) {
		if err := i.formatsSaid(); err != nil {
			return err
		}
	}
	if to == Queued {
		i.SizeBytes, i.VirtualSizeBytes = nil, nil
	}
	i.Status = to
	return nil
}

func (i *Image) formatsSaid() error {
	var missing []string
	if i.DiskFormat == "" {
		missing = append(missing, "disk_format")
	}
	if i.ContainerFormat == "" {
		missing = append(missing, "container_format")
	}
	switch len(missing) {
	case 0:
		return nil
	case 1:
		return fault.New(fault.Invalid, "", "Property %s must be set prior to saving data.", missing[0])
	}
	return fault.New(fault.Invalid, "", "Properties %s must be set prior to saving data.", strings.Join(missing, ", "))
}

// Deactivate takes an active image out of use; one that is so already stays so. Any other is a fault.Forbidden.
func (i *Image) Deactivate() error { return i.toggle("deactivate", Active, Deactivated) }

// Reactivate takes back Deactivate.
func (i *Image) Reactivate() error { return i.toggle("reactivate", Deactivated, Active) }

func (i *Image) toggle(verb string, from, to Status) error {
	switch i.Status {
	case to:
		return nil
	case from:
		i.Status = to
		return nil
	}
	return fault.New(fault.Forbidden, "", "Not allowed to %s image in status '%s'", verb, i.Status)
}

// FormatsFixed reports whether container_format and disk_format may no longer be changed.
func (i *Image) FormatsFixed() bool { return i.Status != Queued && i.Status != Importing }

// NotFound: there is no such image, or none the caller may know of.
func NotFound(id string) *fault.Error {
	return fault.New(fault.NotFound, "ImageNotFound", "No image found with ID %s", id)
}

// MemberNotFound: the image is not shared with this project.
func MemberNotFound(imageID, memberID string) *fault.Error {
	return fault.New(fault.NotFound, "NotFound", "%s not found in the member list of the image %s.", memberID, imageID)
}

// TaskNotFound: there is no such task, or none the caller may know of.
func TaskNotFound(id string) *fault.Error {
	return fault.New(fault.NotFound, "TaskNotFound", "Task with the given id %s was not found", id)
}
