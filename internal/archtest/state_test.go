package archtest

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
	"testing"
)

// variable names a package-level variable across packages.
type variable struct{ pkg, name string }

// TestNoMutableState finds package-level variables that change after the program's start. A table or an error that is
// made once and only read is no state.
func TestNoMutableState(t *testing.T) {
	type place struct{ at, what string }
	changed := map[variable]place{}
	forEach(t, func(_ *testing.T, p pkg) {
		for _, f := range p.Syntax {
			ast.Inspect(f, func(n ast.Node) bool {
				for what, e := range mutated(p, n) {
					if v, ok := packageVariable(p, e); ok {
						changed[v] = place{p.at(n.Pos()), what}
					}
				}
				return true
			})
		}
	})
	forEach(t, func(t *testing.T, p pkg) {
		scope := p.Types.Scope()
		for _, name := range scope.Names() {
			v, ok := scope.Lookup(name).(*types.Var)
			if !ok {
				continue
			}
			if where, ok := changed[variable{p.PkgPath, name}]; ok {
				t.Errorf("%s: %s is package state: it is %s at %s; make it a field of something that is made and handed on",
					p.at(v.Pos()), name, where.what, where.at)
			} else if kind := stateful(v.Type()); kind != "" {
				t.Errorf("%s: %s is package state: %s exists to change; make it a field of something that is made and handed on",
					p.at(v.Pos()), name, kind)
			}
		}
	})
}

// mutated gives the expressions that a node changes, by what it does to them.
func mutated(p pkg, n ast.Node) map[string]ast.Expr {
	found := map[string]ast.Expr{}
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			for _, e := range n.Lhs {
				found["assigned"] = e
				if _, ok := packageVariable(p, e); ok {
					break
				}
			}
		}
	case *ast.IncDecStmt:
		found["counted"] = n.X
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			if _, literal := n.X.(*ast.CompositeLit); !literal {
				found["handed out by its address"] = n.X
			}
		}
	case *ast.SelectorExpr: // v.Method(), where the method takes a pointer to v
		if s := p.TypesInfo.Selections[n]; s != nil && s.Kind() == types.MethodVal && !isReference(p.TypesInfo.TypeOf(n.X)) {
			if f, ok := s.Obj().(*types.Func); ok && isReference(f.Signature().Recv().Type()) {
				found["handed out by its address"] = n.X
			}
		}
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "delete" || f.Name == "clear") && len(n.Args) > 0 {
			if _, builtin := p.TypesInfo.Uses[f].(*types.Builtin); builtin {
				found["emptied"] = n.Args[0]
			}
		}
	}
	return found
}

func isReference(t types.Type) bool {
	switch t.Underlying().(type) {
	case *types.Pointer, *types.Interface:
		return true
	}
	return false
}

// packageVariable finds the package-level variable that an expression such as v.field[i] belongs to.
func packageVariable(p pkg, e ast.Expr) (variable, bool) {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.SelectorExpr:
			if v, ok := p.TypesInfo.Uses[x.Sel].(*types.Var); ok && !v.IsField() {
				return ofPackage(v) // other.Variable
			}
			e = x.X
		case *ast.Ident:
			v, ok := p.TypesInfo.Uses[x].(*types.Var)
			if !ok {
				return variable{}, false
			}
			return ofPackage(v)
		default:
			return variable{}, false
		}
	}
}

func ofPackage(v *types.Var) (variable, bool) {
	if v.Pkg() == nil || v.Parent() != v.Pkg().Scope() || !strings.HasPrefix(v.Pkg().Path(), module) {
		return variable{}, false
	}
	return variable{v.Pkg().Path(), v.Name()}, true
}

// stateful names the type of a variable whose purpose is to change.
func stateful(t types.Type) string {
	if pointer, ok := t.(*types.Pointer); ok {
		t = pointer.Elem()
	}
	if _, ok := t.Underlying().(*types.Chan); ok {
		return "a channel"
	}
	named, ok := t.(*types.Named)
	if !ok || named.Obj().Pkg() == nil {
		return ""
	}
	switch path, name := named.Obj().Pkg().Path(), named.Obj().Name(); path {
	case "sync":
		if name == "Pool" {
			return "" // it may forget everything at any time, so nothing can depend on it
		}
		return "sync." + name
	case "sync/atomic":
		return "atomic." + name
	}
	return ""
}
