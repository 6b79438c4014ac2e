package metadefs

import (
	_ "embed" // the schemas
	"encoding/json"
	"fmt"
	"maps"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/bodyschema"
)

//go:embed metadefs.json
var schemaSource []byte

type object = map[string]any

// schemas are the documents at /v2/schemas/metadefs, by their names there, and what bodies are checked with, by the names that
// faults give them.
type schemas struct {
	documents map[string]json.RawMessage
	checks    map[string]*bodyschema.Schema
}

func newSchemas() (*schemas, error) {
	var source map[string]object
	if err := json.Unmarshal(schemaSource, &source); err != nil {
		return nil, err
	}
	definitions := source["definitions"]
	property := definitions["property"].(object)["additionalProperties"].(object)["properties"].(object)
	// A property by itself has other arrays, and no property within it.
	inner := object{"positiveInteger": definitions["positiveInteger"], "positiveIntegerDefault0": definitions["positiveIntegerDefault0"],
		"stringArray": object{"type": "array", "items": object{"type": "string"}, "minItems": 1, "uniqueItems": true}}
	list := object{"tags": object{"type": "array", "items": object{"type": "object", "properties": object{"name": object{"type": "string"}},
		"required": []string{"name"}, "additionalProperties": false}}}

	namespace := document("namespace", source["namespace"], definitions, "namespace")
	objectOf := document("object", source["object"], definitions, "name")
	one := document("property", property, inner, "type", "title", "name")
	nameless := document("property", property, inner, "type", "title")
	tag := document("tag", source["tag"], nil, "name")
	association := document("resource_type_association", source["resource_type"], nil, "name")
	s := &schemas{documents: map[string]json.RawMessage{}, checks: map[string]*bodyschema.Schema{}}
	for name, d := range map[string]object{
		"namespace": namespace, "namespaces": collection("namespaces", "array", "items", namespace), "object": objectOf, "objects": collection("objects", "array", "items", objectOf),
		"property": one, "properties": collection("properties", "object", "additionalProperties", nameless), "tag": tag, "tags": collection("tags", "array", "items", tag),
		"resource_type": association, "resource_types": collection("resource_type_associations", "array", "items", association),
	} {
		text, err := json.Marshal(d)
		if err != nil {
			return nil, err
		}
		s.documents[name] = text
	}
	// As upstream, what a property's pattern is, is for those who use it to see.
	compiler, err := bodyschema.NewCompiler(nil, map[string]func(any) error{"regex": func(any) error { return nil }})
	if err != nil {
		return nil, err
	}
	for name, d := range map[string]object{"namespace": namespace, "object": objectOf, "property": one, "tag": tag,
		"resource_type_association": association, "tags": document("tags", list, nil)} {
		d := maps.Clone(d)
		d["type"] = "object"
		text, err := json.Marshal(d)
		if err != nil {
			return nil, err
		}
		if s.checks[name], err = compiler.Compile(string(text)); err != nil {
			return nil, fmt.Errorf("schema %s: %w", name, err)
		}
	}
	return s, nil
}

// document is a schema as it is published.
func document(name string, properties, definitions object, required ...string) object {
	d := object{"name": name, "properties": properties, "additionalProperties": false}
	if definitions != nil {
		d["definitions"] = definitions
	}
	if required != nil {
		d["required"] = required
	}
	return d
}

// collection is the schema of a list, or of an object of names; what its items are defined with is its own.
func collection(name, kind, of string, item object) object {
	item = maps.Clone(item)
	definitions := item["definitions"]
	delete(item, "definitions")
	text := object{"type": "string"}
	d := object{"name": name, "properties": object{name: object{"type": kind, of: item}, "first": text, "next": text, "schema": text},
		"links": []object{{"rel": "first", "href": "{first}"}, {"rel": "next", "href": "{next}"}, {"rel": "describedby", "href": "{schema}"}}}
	if definitions != nil {
		d["definitions"] = definitions
	}
	return d
}

// check refuses a body that the schema called name does not allow, and attributes that are the service's own.
func (s *schemas) check(name string, body object, readOnly ...string) error {
	for _, attribute := range readOnly {
		if _, has := body[attribute]; has {
			return fault.New(fault.Forbidden, "Forbidden", "Attribute '%s' is read-only.", attribute)
		}
	}
	if reason := s.checks[name].Reason(body); reason != "" {
		return fault.New(fault.Invalid, "InvalidObject", "Provided object does not match schema '%s': %s", name, reason)
	}
	return nil
}
