package app

import (
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/clinker/clinker/internal/fault"
)

// maxMetadataLength is how many characters a metadata key or value may have: the width of the column.
const maxMetadataLength = 255

// CheckMetadata refuses keys that are empty and keys or values that are longer than 255 characters, with upstream's
// InvalidVolumeMetadata and InvalidVolumeMetadataSize.
func CheckMetadata(md map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(md)) {
		value := md[key]
		switch {
		case key == "":
			return fault.New(fault.Invalid, "InvalidVolumeMetadata",
				"Invalid metadata: Invalid input received: Metadata key:  has 0 characters, less than 1.")
		case utf8.RuneCountInString(key) > maxMetadataLength:
			return fault.New(fault.Invalid, "InvalidVolumeMetadataSize",
				"Invalid metadata size: Metadata property key %s greater than 255 characters.", key)
		case utf8.RuneCountInString(value) > maxMetadataLength:
			return fault.New(fault.Invalid, "InvalidVolumeMetadataSize",
				"Invalid metadata size: Metadata property key %s value greater than 255 characters.", key)
		}
	}
	return nil
}
