package block

import (
	"encoding/json"
	"strconv"
)

// Admin metadata in which upstream keeps what an extend is to come to while Nova works on it.
const (
	ExtendNewSize      = "extend_new_size"
	ExtendReservations = "extend_reservations"
)

// AwaitedExtension is the size that an extend of v waits to be confirmed, and the quota that was reserved for it, by id. InvalidVolume
// if nobody waits.
func (v *Volume) AwaitedExtension() (size int64, reservations []string, err error) {
	if v.Status != VolumeExtending {
		return 0, nil, InvalidVolume("Volume is not being extended.")
	}
	size, err = strconv.ParseInt(v.AdminMetadata[ExtendNewSize], 10, 64)
	var reserved any
	if err != nil || json.Unmarshal([]byte(v.AdminMetadata[ExtendReservations]), &reserved) != nil {
		return 0, nil, InvalidVolume("Required volume admin metadata is malformed or missing.")
	}
	if size <= v.SizeGiB || size > MaxSizeGiB {
		return 0, nil, InvalidVolume("The target volume size provided in volume admin metadata %d is smaller or equal to the current volume size.", size)
	}
	list, is := reserved.([]any)
	if !is {
		return 0, nil, InvalidVolume("The stored quota reservations for extending the volume must be in a list format.")
	}
	for _, one := range list {
		if id, is := one.(string); is {
			reservations = append(reservations, id)
		}
	}
	return size, reservations, nil
}
