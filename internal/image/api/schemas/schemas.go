// Package schemas is the JSON schemas that the image API publishes at /v2/schemas, and the check of bodies against them.
//
// What must not live here: what an attribute means.
//
// Upstream: glance/schema.py and get_base_properties and its kin in glance/api/v2; the descriptions are ours.
package schemas

import (
	_ "embed" // the schemas
	"encoding/json"
	"fmt"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/bodyschema"
)

//go:embed image.json
var imageProperties string

//go:embed member.json
var memberProperties string

//go:embed task.json
var taskProperties string

// Schemas is all schemas of one configuration. It is immutable.
type Schemas struct {
	documents map[string]json.RawMessage // by their names in URLs
	image     *bodyschema.Schema
}

// object is JSON whose order of members does not matter.
type object = map[string]any

// New makes the schemas for these formats.
func New(containerFormats, diskFormats []string) (*Schemas, error) {
	image := imageProperties
	for name, formats := range map[string][]string{"CONTAINER_FORMATS": containerFormats, "DISK_FORMATS": diskFormats} {
		list := []any{nil}
		for _, f := range formats {
			list = append(list, f)
		}
		text, err := json.Marshal(list)
		if err != nil {
			return nil, err
		}
		image = strings.Replace(image, `"`+name+`"`, string(text), 1)
	}
	s := &Schemas{documents: map[string]json.RawMessage{}}
	full := object{"name": "image", "properties": json.RawMessage(image), "additionalProperties": object{"type": "string"},
		"links": links("self", "{self}", "enclosure", "{file}", "describedby", "{schema}")}
	member := object{"name": "member", "properties": json.RawMessage(memberProperties)}
	task := object{"name": "task", "properties": json.RawMessage(taskProperties)}
	stub, err := without(taskProperties, "input", "result", "message")
	if err != nil {
		return nil, err
	}
	described := links("describedby", "{schema}")
	for name, document := range map[string]object{
		"image": full, "images": collection("images", full, true, links("first", "{first}", "next", "{next}", "describedby", "{schema}")),
		"member": member, "members": collection("members", member, false, described),
		"task": task, "tasks": collection("tasks", object{"name": "task", "properties": stub}, false, described),
	} {
		if s.documents[name], err = json.Marshal(document); err != nil {
			return nil, fmt.Errorf("schema %s: %w", name, err)
		}
	}
	compiler, err := bodyschema.NewCompiler(nil, nil)
	if err != nil {
		return nil, err
	}
	checked := `{"type": "object", "additionalProperties": {"type": "string"}, "properties": ` + image + `}`
	if s.image, err = compiler.Compile(checked); err != nil {
		return nil, fmt.Errorf("schema image: %w", err)
	}
	return s, nil
}

func links(pairs ...string) (list []object) {
	for n := 0; n < len(pairs); n += 2 {
		list = append(list, object{"rel": pairs[n], "href": pairs[n+1]})
	}
	return list
}

// collection is the schema of a list.
func collection(name string, item object, paged bool, links []object) object {
	properties := object{name: object{"type": "array", "items": item}, "schema": object{"type": "string"}}
	if paged {
		properties["first"], properties["next"] = object{"type": "string"}, object{"type": "string"}
	}
	return object{"name": name, "properties": properties, "links": links}
}

func without(properties string, names ...string) (object, error) {
	var o object
	if err := json.Unmarshal([]byte(properties), &o); err != nil {
		return nil, err
	}
	for _, name := range names {
		delete(o, name)
	}
	return o, nil
}

// Document is a schema as JSON, by its name in URLs; ok is false when there is none.
func (s *Schemas) Document(name string) (document []byte, ok bool) {
	d, ok := s.documents[name]
	return d, ok
}

// ValidateImage checks decoded attributes of an image.
func (s *Schemas) ValidateImage(value any) error {
	if reason := s.image.Reason(value); reason != "" {
		return fault.New(fault.Invalid, "InvalidObject", "Provided object does not match schema 'image': %s", reason)
	}
	return nil
}
