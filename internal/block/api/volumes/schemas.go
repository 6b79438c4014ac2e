package volumes

import (
	"strings"

	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// Request schemas (cinder/api/schemas/volumes.py).

// textMembers are names and descriptions under their v3 keys and their older ones.
const textMembers = `
	"name": {"type": ["string", "null"], "format": "name_non_mandatory_remove_white_spaces"},
	"description": {"type": ["string", "null"], "format": "description_non_mandatory_remove_white_spaces"},
	"display_name": {"type": ["string", "null"], "format": "name_non_mandatory_remove_white_spaces"},
	"display_description": {"type": ["string", "null"], "format": "description_non_mandatory_remove_white_spaces"}`

// createSchema is the schema of a create; more are the members that came later, and strict refuses unknown ones.
func createSchema(more string, strict bool) string {
	return `{"type": "object", "properties": {
		"volume": {"type": "object", "properties": {` + textMembers + `,
			"volume_type": {"$ref": "parameter_types#/name_allow_zero_min_length"},
			"metadata": {"$ref": "parameter_types#/metadata_allows_null"},
			"snapshot_id": {"$ref": "parameter_types#/optional_uuid"},
			"source_volid": {"$ref": "parameter_types#/optional_uuid"},
			"consistencygroup_id": {"$ref": "parameter_types#/optional_uuid"},
			"size": {"$ref": "parameter_types#/volume_size_allows_null"},
			"availability_zone": {"$ref": "parameter_types#/availability_zone"},
			"multiattach": {"$ref": "parameter_types#/optional_boolean"},
			"image_id": {"type": ["string", "null"], "minLength": 0, "maxLength": 255},
			"imageRef": {"type": ["string", "null"], "minLength": 0, "maxLength": 255}` + more + `},
			"additionalProperties": ` + boolText(!strict) + `},
		"OS-SCH-HNT:scheduler_hints": {"type": ["object", "null"]},
		"os:scheduler_hints": {"type": ["object", "null"]}},
	"required": ["volume"], "additionalProperties": false}`
}

const (
	groupMember  = `, "group_id": {"type": ["string", "null"], "minLength": 0, "maxLength": 255}`
	backupMember = `, "backup_id": {"$ref": "parameter_types#/optional_uuid"}`
)

var createSchemas = []wsgi.Schema{
	{Versions: microversion.Until(3, 12), JSON: createSchema("", false)},
	{Versions: microversion.Between(microversion.V(3, 13), microversion.V(3, 46)), JSON: createSchema(groupMember, false)},
	{Versions: microversion.Between(microversion.V(3, 47), microversion.V(3, 52)), JSON: createSchema(groupMember+backupMember, false)},
	{Versions: microversion.From(3, 53), JSON: createSchema(groupMember+backupMember, true)},
}

func updateSchema(more string) string {
	return `{"type": "object", "properties": {"volume": {"type": "object", "properties": {` + textMembers + `,
			"metadata": {"$ref": "parameter_types#/extra_specs"}},
		"additionalProperties": false` + more + `}}, "required": ["volume"], "additionalProperties": false}`
}

var updateSchemas = []wsgi.Schema{
	{Versions: microversion.Until(3, 52), JSON: updateSchema("")},
	{Versions: microversion.From(3, 53), JSON: updateSchema(`, "anyOf": [{"required": ["name"]}, {"required": ["description"]},
		{"required": ["display_name"]}, {"required": ["display_description"]}, {"required": ["metadata"]}]`)},
}

// actionSchema is the schema of an action whose argument has this schema.
func actionSchema(name, argument string) []wsgi.Schema {
	return []wsgi.Schema{{JSON: strings.ReplaceAll(`{"type": "object", "properties": {"NAME": `, "NAME", name) + argument +
		strings.ReplaceAll(`}, "required": ["NAME"], "additionalProperties": false}`, "NAME", name)}}
}
