package archtest

import (
	"go/ast"
	"go/types"
	"testing"
)

// The limits; only generated files and tests may pass them.
const (
	maxPackageLines     = 1500
	maxFileLines        = 500
	maxFunctionLines    = 70
	maxInterfaceMethods = 15
)

func TestSizes(t *testing.T) {
	forEach(t, func(t *testing.T, p pkg) {
		sum := 0
		for _, f := range p.sources() {
			lines := p.Fset.File(f.FileStart).LineCount()
			sum += lines
			if lines > maxFileLines {
				t.Errorf("%s: the file has %d lines, and %d are allowed: split it by responsibility", p.name(f), lines, maxFileLines)
			}
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok {
					continue
				}
				if lines := p.Fset.Position(fn.End()).Line - p.Fset.Position(fn.Pos()).Line + 1; lines > maxFunctionLines {
					t.Errorf("%s: %s has %d lines, and %d are allowed: name its parts", p.at(fn.Pos()), fn.Name.Name, lines, maxFunctionLines)
				}
			}
		}
		if sum > maxPackageLines && !isTestSupport(p.path) {
			t.Errorf("%s: the package has %d lines, and %d are allowed: take a responsibility out of it", p.path, sum, maxPackageLines)
		}
	})
}

// TestInterfacesAreSmall counts the methods an interface declares itself: what it is composed of is counted where it is
// declared.
func TestInterfacesAreSmall(t *testing.T) {
	forEach(t, func(t *testing.T, p pkg) {
		if p.path == "internal/block/store" {
			return // one store, one transaction: the exception of the design
		}
		for _, name := range p.Types.Scope().Names() {
			object, ok := p.Types.Scope().Lookup(name).(*types.TypeName)
			if !ok {
				continue
			}
			if i, ok := object.Type().Underlying().(*types.Interface); ok && i.NumExplicitMethods() > maxInterfaceMethods {
				t.Errorf("%s: %s has %d methods, and %d are allowed: make optional ones interfaces of their own",
					p.at(object.Pos()), name, i.NumExplicitMethods(), maxInterfaceMethods)
			}
		}
	})
}
