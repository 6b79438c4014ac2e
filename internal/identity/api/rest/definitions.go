package rest

// definitions are schemas that routes share: {"$ref": "identity#/id"}. Upstream: keystone/common/validation/parameter_types.py.
func definitions() map[string]string {
	return map[string]string{"identity": `{
		"id": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[a-zA-Z0-9-]+$"},
		"null_id": {"type": ["string", "null"], "minLength": 1, "maxLength": 64, "pattern": "^[a-zA-Z0-9-]+$"},
		"name": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "[\\S]+"},
		"short_name": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "[\\S]+"},
		"text": {"type": "string"},
		"null_text": {"type": ["string", "null"]},
		"boolean": {"type": "boolean", "enum": [true, false]},
		"url": {"type": "string", "minLength": 0, "maxLength": 225, "pattern": "^[a-zA-Z0-9+.-]+:.+"},
		"tag": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[^,/]*$"},
		"tags": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[^,/]*$"},
			"maxItems": 80, "uniqueItems": true},
		"null_region": {"type": ["string", "null"], "maxLength": 255},
		"limit": {"type": "integer", "minimum": -1, "maximum": 2147483647},
		"immutable": {"type": "object", "properties": {"immutable": {"type": ["boolean", "null"]}}, "additionalProperties": false}
	}`}
}
