// Package patch reads the JSON patches that change images, in both forms there ever were: RFC 6902 as Glance has it since
// version 2.1 of the media type, and the draft before it, whose operations are keys.
//
// What must not live here: what a change means to an image.
package patch

import (
	"mime"
	"regexp"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/app/images"
)

// The media types of patches.
const (
	Media21 = "application/openstack-images-v2.1-json-patch"
	Media20 = "application/openstack-images-v2.0-json-patch"
)

// ErrMedia says that a body is none of these types; answer it with AcceptPatch.
var ErrMedia = fault.New(fault.UnsupportedMedia, "", "The request media type is not supported by this server.")

// AcceptPatch is the header that says which types there are.
const AcceptPatch = Media20 + ", " + Media21

// maxChanges bounds how many operations one patch has.
const maxChanges = 1000

// Validator checks an object with one attribute in it against the schema of images.
type Validator func(value any) error

// Names of attributes that no patch may touch; upstream: RequestDeserializer in glance/api/v2/images.py.
var (
	readOnly = []string{"created_at", "updated_at", "status", "checksum", "size", "virtual_size", "direct_url", "self", "file", "schema",
		"id", "os_hash_algo", "os_hash_value"}
	reserved = []string{"location", "deleted", "deleted_at"}
)

// ReadOnly and ReservedName report whether a name is one that nobody may set.
func ReadOnly(name string) bool { return slices.Contains(readOnly, name) }

// ReservedName reports whether a property may not be called so.
func ReservedName(name string) bool { return slices.Contains(reserved, name) || image.Reserved(name) }

// Type gives the media type of a patch, ErrMedia for any other.
func Type(contentType string) (media string, err error) {
	media, _, err = mime.ParseMediaType(contentType)
	if err != nil || media != Media21 && media != Media20 {
		return "", ErrMedia
	}
	return media, nil
}

func invalid(format string, args ...any) error { return fault.New(fault.Invalid, "", format, args...) }

// Parse reads a decoded body. What it gives has passed the schema.
func Parse(media string, body any, validate Validator) ([]images.Change, error) {
	list, ok := body.([]any)
	if !ok {
		return nil, invalid("Request body must be a JSON array of operation objects.")
	}
	if len(list) > maxChanges {
		return nil, invalid("A patch has at most %d operations, and this one has %d.", maxChanges, len(list))
	}
	changes := make([]images.Change, 0, len(list))
	for _, raw := range list {
		o, ok := raw.(map[string]any)
		if !ok {
			return nil, invalid("Operations must be JSON objects.")
		}
		c, err := change(media, o, validate)
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, nil
}

func change(media string, raw map[string]any, validate Validator) (c images.Change, err error) {
	var pointer string
	if media == Media20 {
		c.Operation, pointer, err = draft(raw)
		c.MustBeNew = true
	} else {
		c.Operation, pointer, err = standard(raw)
	}
	if err != nil {
		return c, err
	}
	path, err := decode(pointer)
	if err != nil {
		return c, err
	}
	if c.Name, c.Position, err = within(c.Operation, path); err != nil {
		return c, err
	}
	if c.Operation != images.Remove {
		value, there := raw["value"]
		if !there {
			return c, invalid("Operation %q requires a member named \"value\".", c.Operation)
		}
		c.Value = value
	}
	return c, check(c, validate)
}

// operations lists what a patch can do, in the order messages name it.
func operations() []string {
	return []string{string(images.Add), string(images.Remove), string(images.Replace)}
}

// standard reads {"op": "add", "path": "/name", ...}.
func standard(raw map[string]any) (images.Operation, string, error) {
	available := strings.Join(operations(), ", ")
	op, there := raw["op"]
	if !there || op == nil {
		return "", "", invalid("Unable to find `op` in JSON Schema change. It must be one of the following: %s.", available)
	}
	name, ok := op.(string)
	if !ok || !slices.Contains(operations(), name) {
		return "", "", invalid("Invalid operation: `%v`. It must be one of the following: %s.", op, available)
	}
	path, ok := raw["path"].(string)
	if !ok {
		return "", "", invalid("Unable to find 'path' in JSON Schema change")
	}
	return images.Operation(name), path, nil
}

// draft reads {"add": "/name", ...}.
func draft(raw map[string]any) (op images.Operation, path string, err error) {
	for _, name := range operations() {
		pointer, there := raw[name]
		if !there {
			continue
		}
		if op != "" {
			return "", "", invalid(`Operation objects must contain only one member named "add", "remove", or "replace".`)
		}
		text, ok := pointer.(string)
		if !ok {
			return "", "", invalid("The path of operation %q must be a string.", name)
		}
		op, path = images.Operation(name), text
	}
	if op == "" {
		return "", "", invalid(`Operation objects must contain exactly one member named "add", "remove", or "replace".`)
	}
	return op, path, nil
}

var (
	adjacent  = regexp.MustCompile(`/\s*/`)
	badEscape = regexp.MustCompile(`~([^01]|$)`)
)

// decode takes a JSON pointer (RFC 6901) apart. Empty tokens are refused, as upstream.
func decode(pointer string) ([]string, error) {
	switch {
	case !strings.HasPrefix(pointer, "/"):
		return nil, invalid("Pointer `%s` does not start with \"/\".", pointer)
	case adjacent.MatchString(pointer[1:]):
		return nil, invalid("Pointer `%s` contains adjacent \"/\".", pointer)
	case len(pointer) > 1 && strings.HasSuffix(pointer, "/"):
		return nil, invalid("Pointer `%s` end with \"/\".", pointer)
	case strings.TrimSpace(pointer[1:]) == "":
		return nil, invalid("Pointer `%s` does not contains valid token.", pointer)
	case badEscape.MatchString(pointer):
		return nil, invalid("Pointer `%s` contains \"~\" not part of a recognized escape sequence.", pointer)
	}
	tokens := strings.Split(strings.TrimLeft(pointer, "/"), "/")
	for n, t := range tokens {
		tokens[n] = strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(t, "~1", "/"), "~0", "~"))
	}
	return tokens, nil
}

// within allows pointers to attributes alone, and to an element of locations.
func within(op images.Operation, path []string) (name, position string, err error) {
	wanted := 1
	if path[0] == "locations" && op != images.Replace {
		wanted = 2
	}
	if len(path) != wanted || path[0] == "" {
		return "", "", invalid("Invalid JSON pointer for this resource: '/%s'", strings.Join(path, "/"))
	}
	if wanted == 2 {
		position = path[1]
	}
	return path[0], position, nil
}

// maxNameLength is what the column of properties' names holds.
const maxNameLength = 255

// check refuses names that nobody may set, and values that the schema refuses.
func check(c images.Change, validate Validator) error {
	switch {
	case ReadOnly(c.Name):
		return fault.New(fault.Forbidden, "", "Attribute '%s' is read-only.", c.Name)
	case ReservedName(c.Name):
		return fault.New(fault.Forbidden, "", "Attribute '%s' is reserved.", c.Name)
	case len([]rune(c.Name)) > maxNameLength:
		return invalid("Custom property should not be greater than 255 characters.")
	case c.Operation == images.Remove:
		return nil
	case c.Position != "": // an element of a list
		return validate(map[string]any{c.Name: []any{c.Value}})
	}
	return validate(map[string]any{c.Name: c.Value})
}
