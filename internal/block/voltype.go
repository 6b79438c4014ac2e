package block

import "strings"

// VolumeType is a named class of storage with the extra specs that a back end has to meet.
type VolumeType struct {
	ID string
	Timestamps
	Name        string
	Description *string
	IsPublic    bool
	QoSSpecsID  string
	ExtraSpecs  map[string]string
	ProjectIDs  []string // who may use it, if it is not public; filled by single reads only
	Encrypted   bool     // whether it has an encryption; filled by single reads only
}

// Multiattach says whether volumes of this type may be attached more than once ("multiattach": "<is> True").
func (t *VolumeType) Multiattach() bool {
	return strings.EqualFold(strings.TrimSpace(t.ExtraSpecs["multiattach"]), "<is> true")
}

// Zones are the availability zones the type is limited to (RESKEY:availability_zones, a comma list); limited is false
// when it may be used in all.
func (t *VolumeType) Zones() (zones []string, limited bool) {
	list, limited := t.ExtraSpecs["RESKEY:availability_zones"]
	for z := range strings.SplitSeq(list, ",") {
		if z = strings.TrimSpace(z); z != "" {
			zones = append(zones, z)
		}
	}
	return zones, limited
}
