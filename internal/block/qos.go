package block

import (
	"slices"

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
