package archtest

import (
	"go/types"
	"slices"
	"strings"
	"testing"
)

// TestLibrariesStayInside keeps the types of libraries out of what packages export, so that a library can be exchanged by
// changing the package that uses it. Packages for tests may show the types of test libraries.
func TestLibrariesStayInside(t *testing.T) {
	forEach(t, func(t *testing.T, p pkg) {
		if p.Name == "main" || isTestSupport(p.path) {
			return
		}
		scope := p.Types.Scope()
		for _, name := range scope.Names() {
			object := scope.Lookup(name)
			if !object.Exported() {
				continue
			}
			w := walk{}
			w.object(object)
			for _, library := range w.found {
				// The parts of the binary hang their commands on one tree, which is cobra's; nobody else sees it (see libraries).
				if strings.HasPrefix(p.path, "cmd/") && strings.HasPrefix(library, "github.com/spf13/cobra.") {
					continue
				}
				t.Errorf("%s: %s shows %s to its users: wrap it in a type of this package", p.at(object.Pos()), name, library)
			}
		}
	})
}

// walk looks for types of libraries in what an exported object shows.
type walk struct {
	seen  []types.Type
	found []string
}

func (w *walk) object(o types.Object) {
	named, isType := o.Type().(*types.Named)
	if _, ok := o.(*types.TypeName); !ok || !isType {
		w.typ(o.Type())
		return
	}
	for m := range named.Methods() {
		if m.Exported() {
			w.typ(m.Type())
		}
	}
	w.typ(named.Underlying())
}

func (w *walk) typ(t types.Type) {
	if t == nil || slices.Contains(w.seen, t) {
		return
	}
	w.seen = append(w.seen, t)
	switch t := t.(type) {
	case *types.Named:
		if in := t.Obj().Pkg(); in != nil && strings.Contains(strings.Split(in.Path(), "/")[0], ".") && !strings.HasPrefix(in.Path(), module) {
			w.found = append(w.found, in.Path()+"."+t.Obj().Name())
		}
		for a := range t.TypeArgs().Types() {
			w.typ(a)
		}
	case *types.Alias:
		w.typ(types.Unalias(t))
	case *types.Pointer:
		w.typ(t.Elem())
	case *types.Slice:
		w.typ(t.Elem())
	case *types.Array:
		w.typ(t.Elem())
	case *types.Chan:
		w.typ(t.Elem())
	case *types.Map:
		w.typ(t.Key())
		w.typ(t.Elem())
	case *types.Signature:
		for v := range t.Params().Variables() {
			w.typ(v.Type())
		}
		for v := range t.Results().Variables() {
			w.typ(v.Type())
		}
	case *types.Struct:
		for f := range t.Fields() {
			if f.Exported() {
				w.typ(f.Type())
			}
		}
	case *types.Interface:
		for m := range t.ExplicitMethods() {
			if m.Exported() {
				w.typ(m.Type())
			}
		}
		for e := range t.EmbeddedTypes() {
			w.typ(e)
		}
	}
}
