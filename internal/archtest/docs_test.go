package archtest

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

func TestPackagesSayWhatTheyAre(t *testing.T) {
	forEach(t, func(t *testing.T, p pkg) {
		comments := 0
		for _, f := range p.Syntax {
			if f.Doc == nil {
				continue
			}
			comments++
			begin := "Package " + p.Name + " "
			if p.Name == "main" {
				begin = "Command "
			}
			if !strings.HasPrefix(f.Doc.Text(), begin) {
				t.Errorf("%s: the package comment must begin with %q", p.at(f.Doc.Pos()), begin)
			}
		}
		if comments != 1 && !onlyTests(p) {
			t.Errorf("%s: there are %d package comments and must be one: say what lives here and what must not", p.path, comments)
		}
	})
}

// onlyTests reports whether a package has nothing but _test.go files.
func onlyTests(p pkg) bool { return len(p.Syntax) == 0 }

func TestExportedThingsAreDocumented(t *testing.T) {
	forEach(t, func(t *testing.T, p pkg) {
		for _, f := range p.sources() {
			for _, d := range f.Decls {
				for _, name := range undocumented(d) {
					t.Errorf("%s: %s needs a comment that states its contract", p.at(name.Pos()), name.Name)
				}
			}
		}
	})
}

// undocumented lists the exported names of a declaration that have no comment. One comment does for a group of constants
// or variables.
func undocumented(d ast.Decl) (names []*ast.Ident) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || isExportedReceiver(d.Recv)) {
			return []*ast.Ident{d.Name}
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && s.Doc == nil && s.Comment == nil && (d.Doc == nil || len(d.Specs) > 1) {
					names = append(names, s.Name)
				}
			case *ast.ValueSpec:
				if d.Doc != nil || s.Doc != nil || s.Comment != nil {
					continue
				}
				for _, n := range s.Names {
					if n.IsExported() {
						names = append(names, n)
					}
				}
			}
		}
	}
	return names
}

func isExportedReceiver(recv *ast.FieldList) bool {
	e := recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return token.IsExported(x.Name)
		default:
			return false
		}
	}
}
