package block

import (
	"maps"
	"slices"
	"strconv"

	"github.com/clinker/clinker/internal/fault"
)

// Who enforces QoS specs: the hypervisor (front end), the storage (back end), or both.
const (
	QoSFrontEnd = "front-end"
	QoSBackEnd  = "back-end"
	QoSBoth     = "both"
)

// QoSSpecs are named quality-of-service settings that volume types refer to (VolumeType.QoSSpecsID).
type QoSSpecs struct {
	ID string
	Timestamps
	Name     string
	Consumer string
	Specs    map[string]*string // a nil value is a JSON null
}

// Texts are the specs as drivers, consumers and the scheduler get them: those without a value are left out.
func (q *QoSSpecs) Texts() map[string]string {
	texts := make(map[string]string, len(q.Specs))
	for key, value := range q.Specs {
		if value != nil {
			texts[key] = *value
		}
	}
	return texts
}

// ForConsumer is what the hypervisor is to enforce for a volume of this size; nil if that is nothing. Limits per gigabyte
// (total_iops_sec_per_gb, between _per_gb_min and total_iops_sec_max) become plain ones (VolumeManager in
// cinder/volume/manager.py); what is no number stays as it is.
func (q *QoSSpecs) ForConsumer(sizeGiB int64) map[string]any {
	if q.Consumer != QoSFrontEnd && q.Consumer != QoSBoth {
		return nil
	}
	texts, specs := q.Texts(), map[string]any{}
	for key := range q.Specs {
		specs[key] = nil
	}
	for key, value := range texts {
		specs[key] = value
	}
	number := func(key string) (int64, bool) {
		n, err := strconv.ParseInt(texts[key], 10, 64)
		return n, err == nil
	}
	for _, option := range [...]string{"read_iops_sec", "read_bytes_sec", "write_iops_sec", "write_bytes_sec", "total_iops_sec", "total_bytes_sec"} {
		perGiB, given := number(option + "_per_gb")
		if !given {
			continue
		}
		limit := perGiB * sizeGiB
		if least, given := number(option + "_per_gb_min"); given {
			limit = max(limit, least)
		}
		if most, given := number(option + "_max"); given {
			limit = min(limit, most)
		}
		specs[option] = limit
		maps.DeleteFunc(specs, func(key string, _ any) bool {
			return key == option+"_per_gb" || key == option+"_per_gb_min" || key == option+"_max"
		})
	}
	return specs
}

// CheckQoSConsumer refuses a consumer that is none, with upstream's InvalidQoSSpecs.
func CheckQoSConsumer(consumer string) error {
	if slices.Contains([]string{QoSBackEnd, QoSFrontEnd, QoSBoth}, consumer) {
		return nil
	}
	return InvalidQoSSpecs("Valid consumer of QoS specs are: ('%s', '%s', '%s')", QoSBackEnd, QoSFrontEnd, QoSBoth)
}

// InvalidQoSSpecs: the specs cannot be as asked.
func InvalidQoSSpecs(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "InvalidQoSSpecs", "Invalid qos specs: "+format, args...)
}

// QoSSpecsNotFound: there are no QoS specs with this id.
func QoSSpecsNotFound(id string) *fault.Error {
	return fault.New(fault.NotFound, "QoSSpecsNotFound", "No such QoS spec %s.", id)
}
