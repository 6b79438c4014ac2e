// Package versionedobjects is the primitive form in which OpenStack services send each other objects: a class, its version,
// and the fields that are set (oslo_versionedobjects/base.py, facts §4.5). A Registry holds the classes a project knows, as
// data; it turns an Object into the JSON tree that a Python peer's deserialiser takes, and such a tree into an Object.
//
// A field is unset, null, or has a value, and these are three things: Python loads an unset field from its database when it
// is asked for, and takes a null as said.
//
// What must not live here: any class of any project, anything that reads a database. There is no indirection API: a class or
// a minor version that is not known is refused.
package versionedobjects

import (
	"maps"
	"slices"
	"time"

	"github.com/clinker/clinker/internal/fault"
)

// Kind is what the values of a field are.
type Kind uint8

// The kinds, with the Go type of a value beside each. A UUID is not checked, as upstream only warns of one that is none.
const (
	String                Kind = iota // string
	UUID                              // string
	Integer                           // int64
	Boolean                           // bool
	DateTime                          // time.Time, UTC, whole seconds
	Strings                           // []string
	DictOfStrings                     // map[string]string
	DictOfNullableStrings             // map[string]*string
	Dict                              // map[string]any, JSON values
	Nested                            // *Object of the field's Class
	List                              // []*Object of the field's Class
)

// Field is one field of a class.
type Field struct {
	Name     string
	Kind     Kind
	Nullable bool
	Class    string   // of Nested and List
	Values   []string // of an enumeration (a String): what a value may be; empty means anything
	Since    string   // the version of the class that brought it, "1.9"; empty means the first. Older forms leave it out.
}

// Class is a class of objects at the newest version that is known.
type Class struct {
	Name    string
	Version string // "1.9"
	Fields  []Field
}

// Manifest says which version of each class a set of peers knows: Cinder's object history has one for "1.38" and one for
// "1.39". A class that it does not name goes out as it is.
type Manifest map[string]string

// Object is one object. The zero Object of a class has nothing set.
type Object struct {
	Class string
	// Version is the one it came in; empty means the newest that the registry knows.
	Version string
	// Data is what is set, by field; nil stands for null. The types are those beside the kinds.
	Data map[string]any
	// Changes names the fields that the sender has changed and not saved.
	Changes []string
}

// New makes an object with nothing set.
func New(class string) *Object { return &Object{Class: class, Data: map[string]any{}} }

// Set sets a field; nil makes it null.
func (o *Object) Set(name string, value any) { o.Data[name] = value }

// Has says whether a field is set, to a value or to null.
func (o *Object) Has(name string) bool {
	_, ok := o.Data[name]
	return ok
}

// Text is the value of a string or UUID, empty if it is null or unset.
func (o *Object) Text(name string) string { return value[string](o, name) }

// Int is the value of an integer, 0 if it is null or unset.
func (o *Object) Int(name string) int64 { return value[int64](o, name) }

// Bool is the value of a boolean, false if it is null or unset.
func (o *Object) Bool(name string) bool { return value[bool](o, name) }

// Time is the value of a date, zero if it is null or unset.
func (o *Object) Time(name string) time.Time { return value[time.Time](o, name) }

// Object is the value of a nested object, nil if it is null or unset.
func (o *Object) Object(name string) *Object { return value[*Object](o, name) }

// Objects is the value of a list of objects, nil if it is null or unset.
func (o *Object) Objects(name string) []*Object { return value[[]*Object](o, name) }

// Map is the value of a dictionary of strings, nil if it is null or unset.
func (o *Object) Map(name string) map[string]string { return value[map[string]string](o, name) }

// NullableMap is the value of a dictionary of strings or nulls, nil if it is null or unset.
func (o *Object) NullableMap(name string) map[string]*string {
	return value[map[string]*string](o, name)
}

// Dict is the value of a dictionary of JSON values, nil if it is null or unset.
func (o *Object) Dict(name string) map[string]any { return value[map[string]any](o, name) }

// Strings is the value of a list of strings, nil if it is null or unset.
func (o *Object) Strings(name string) []string { return value[[]string](o, name) }

// value is that of a field if it is of this type. A nil Object has nothing set.
func value[T any](o *Object, name string) T {
	var none T
	if o == nil {
		return none
	}
	v, _ := o.Data[name].(T)
	return v
}

// Registry is the classes of one project. It is immutable.
type Registry struct {
	namespace string
	classes   map[string]class
}

type class struct {
	Class
	version version
	fields  map[string]Field
}

// NewRegistry makes a registry of a project ("cinder"). It is a mistake of the program, and a fault.Internal, to name a
// class or a field twice, to nest a class that is not there, or to have a version that is none.
func NewRegistry(namespace string, classes ...Class) (*Registry, error) {
	r := &Registry{namespace: namespace, classes: make(map[string]class, len(classes))}
	for _, c := range classes {
		v, ok := parseVersion(c.Version)
		if _, twice := r.classes[c.Name]; twice || !ok {
			return nil, fault.New(fault.Internal, "", "class %q is named twice or has no version: %q", c.Name, c.Version)
		}
		entry := class{Class: c, version: v, fields: make(map[string]Field, len(c.Fields))}
		for _, f := range c.Fields {
			if _, twice := entry.fields[f.Name]; twice {
				return nil, fault.New(fault.Internal, "", "class %q has field %q twice", c.Name, f.Name)
			}
			if _, ok := parseVersion(f.Since); f.Since != "" && !ok {
				return nil, fault.New(fault.Internal, "", "field %q of class %q has no version: %q", f.Name, c.Name, f.Since)
			}
			entry.fields[f.Name] = f
		}
		r.classes[c.Name] = entry
	}
	for _, c := range r.classes {
		for _, f := range c.fields {
			if _, ok := r.classes[f.Class]; (f.Kind == Nested || f.Kind == List) && !ok {
				return nil, fault.New(fault.Internal, "", "field %q of class %q is of class %q, which there is not", f.Name, c.Name, f.Class)
			}
		}
	}
	return r, nil
}

// Classes names the classes with their versions.
func (r *Registry) Classes() Manifest {
	m := make(Manifest, len(r.classes))
	for name, c := range r.classes {
		m[name] = c.Version
	}
	return m
}

// Fields are the fields of a class as it was declared, nil if there is no such class.
func (r *Registry) Fields(name string) []Field { return slices.Clone(r.classes[name].Fields) }

// sorted are the keys of a map in order, so that what is written and what is refused does not depend on chance.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
