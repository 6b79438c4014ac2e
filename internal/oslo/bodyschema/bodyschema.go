// Package bodyschema decodes request bodies, checks them against JSON schemas, and says what is wrong in the words of
// OpenStack's Python services, whose validators (python-jsonschema with a few changes of Cinder's) clients and tests know.
//
// What lives here: decoding with bounds, access to what was decoded, compiling, the formats and shared definitions that
// services have in common, and the messages. What must not: the schema of any resource.
//
// Upstream: cinder/api/validation/validators.py and parameter_types.py.
package bodyschema

import (
	_ "embed" // parameter_types.json
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed parameter_types.json
var parameterTypes string

// baseURL is where schemas are said to live, so that relative references resolve; nothing is ever loaded from it.
const baseURL = "http://schemas.invalid/"

// Compiler compiles schemas that share definitions and formats. It is for start-up, not for use by several goroutines.
type Compiler struct {
	compiler  *jsonschema.Compiler
	documents map[string]*document // by URL
	count     int
}

// NewCompiler gives a Compiler that knows the definitions "parameter_types" and, beside them, the given ones (name to
// JSON text, referred to as {"$ref": "name#/member"}), and the built-in formats with the given ones over them.
//
// A format check sees values of every type; a format that there is not does not compile. It returns nil, a *fault.Error that is then the answer, or any other error,
// which becomes "'x' is not a 'format'".
func NewCompiler(definitions map[string]string, formats map[string]func(value any) error) (*Compiler, error) {
	c := &Compiler{compiler: jsonschema.NewCompiler(), documents: map[string]*document{}}
	c.compiler.DefaultDraft(jsonschema.Draft4)
	c.compiler.UseLoader(noLoader{})
	checks := builtinFormats()
	maps.Copy(checks, formats)
	for name, compile := range map[string]func(*jsonschema.CompilerContext, map[string]any) (jsonschema.SchemaExt, error){
		"number-strings": compileNumberStrings, "integers": compileIntegers, "formats": compileFormats(checks)} {
		c.compiler.RegisterVocabulary(&jsonschema.Vocabulary{URL: baseURL + name, Compile: compile})
	}
	if err := c.add("parameter_types", parameterTypes, true); err != nil {
		return nil, err
	}
	for name, text := range definitions {
		if err := c.add(name, text, true); err != nil {
			return nil, fmt.Errorf("schema definitions %q: %w", name, err)
		}
	}
	return c, nil
}

// add parses a document and makes it known under its name. Definitions are put one level down, where the metaschema
// has no opinion on their names ("description" is one of them); references to them are rewritten to match.
func (c *Compiler) add(name, text string, definitions bool) error {
	doc, err := parseDocument(text, definitions)
	if err != nil {
		return err
	}
	c.documents[baseURL+name] = doc
	return c.compiler.AddResource(baseURL+name, doc.value)
}

// Compile compiles one schema (JSON text, draft 4).
func (c *Compiler) Compile(text string) (*Schema, error) {
	c.count++
	name := fmt.Sprintf("body-%d", c.count)
	if err := c.add(name, text, false); err != nil {
		return nil, err
	}
	compiled, err := c.compiler.Compile(baseURL + name)
	if err != nil {
		return nil, err
	}
	return &Schema{compiled: compiled, documents: c.documents}, nil
}

// Schema is a compiled schema, safe for use by several goroutines once its Compiler compiles no more.
type Schema struct {
	compiled  *jsonschema.Schema
	documents map[string]*document
}

// Validate checks a value that Decode gave and gives nil or a fault.Invalid that says what is wrong
// first, in the order the schema is written, in Cinder's words. Cost: microseconds for a usual body.
func (s *Schema) Validate(value any) error { return s.ValidateIn(cinderWords, value) }

// ValidateIn is Validate in the words of another service.
func (s *Schema) ValidateIn(words Words, value any) error {
	err := s.compiled.Validate(value)
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return err
	}
	return s.describe(s.first(invalid), value, words)
}

// Reason says what is wrong with a value first, in the words of Python's jsonschema alone; empty when nothing is. It is for
// services that say the rest themselves.
func (s *Schema) Reason(value any) string {
	err := s.compiled.Validate(value)
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return ""
	}
	first := s.first(invalid)
	return shorten(s.message(first, lookUp(value, first.InstanceLocation)))
}

// noLoader refuses to fetch schemas from anywhere.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("there is no schema %s", strings.TrimPrefix(url, baseURL))
}

// document is a schema text with the order of its keywords, which Python's dictionaries keep and Go's maps do not.
type document struct {
	value any
	// positions is where every member stands, by JSON pointer, in the order written. Only a refusal asks for it, so that
	// a start does not wait for it.
	positions func() map[string]int
}

const definitionsKey = "definitions"

func parseDocument(text string, definitions bool) (*document, error) {
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("schema is no valid JSON: %w", err)
	}
	rewrite(value)
	doc, prefix := &document{value: value}, ""
	if definitions {
		doc.value = map[string]any{definitionsKey: value}
		prefix = "/" + definitionsKey
	}
	doc.positions = sync.OnceValue(func() map[string]int {
		positions := map[string]int{}
		// It cannot fail: the text is known to be JSON.
		_ = index(positions, json.NewDecoder(strings.NewReader(text)), prefix)
		return positions
	})
	return doc, nil
}

// rewrite makes name#/member out of a reference to a shared definition point to where add puts it, and calls formats by a
// name that the library leaves to compileFormats: it would stop at one that fails and not look at what is written before it.
func rewrite(value any) {
	switch v := value.(type) {
	case map[string]any:
		if format, ok := v["format"].(string); ok {
			v[formatKeyword] = format
			delete(v, "format")
		}
		if ref, ok := v["$ref"].(string); ok {
			if file, member, ok := strings.Cut(ref, "#/"); ok && !strings.HasPrefix(member, definitionsKey+"/") {
				v["$ref"] = file + "#/" + definitionsKey + "/" + member
			}
		}
		for _, member := range v {
			rewrite(member)
		}
	case []any:
		for _, element := range v {
			rewrite(element)
		}
	}
}

// index walks the next value of the decoder and notes where each member stands.
func index(positions map[string]int, decoder *json.Decoder, pointer string) error {
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	delim, isDelim := token.(json.Delim)
	if !isDelim {
		return nil
	}
	for i := 0; decoder.More(); i++ {
		member := fmt.Sprintf("%s/%d", pointer, i)
		if delim == '{' {
			key, err := decoder.Token()
			if err != nil {
				return err
			}
			member = pointer + "/" + escapePointer(fmt.Sprint(key))
		}
		positions[member] = len(positions)
		if err := index(positions, decoder, member); err != nil {
			return err
		}
	}
	_, err = decoder.Token()
	return err
}

func escapePointer(token string) string {
	return strings.ReplaceAll(strings.ReplaceAll(token, "~", "~0"), "/", "~1")
}
