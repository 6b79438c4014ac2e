package identity

// Mapping says what users of another identity service are to be here. Rules are as the API has them, decoded JSON; nobody
// reads them yet.
type Mapping struct {
	ID, SchemaVersion string
	Rules             []any
}

// MappingVersion is the version of rules that do not say theirs ([federation] attribute_mapping_default_schema_version).
const MappingVersion = "1.0"
