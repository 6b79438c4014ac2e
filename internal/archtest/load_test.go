package archtest

import (
	"go/ast"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/go/packages"
)

const module = "github.com/clinker/clinker"

// pkg is a package of the module, its tests left out.
type pkg struct {
	*packages.Package
	path string // inside the module: "internal/flow"
}

// loaded is every package of the module, parsed and type-checked once.
var loaded = sync.OnceValues(func() ([]pkg, error) {
	// Opening the directories makes the go command's test cache notice new files.
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if d.IsDir() && len(d.Name()) > 2 && d.Name()[0] == '.' {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	list, err := packages.Load(&packages.Config{Dir: "../..", Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports |
		packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedExportFile}, "./...")
	if err != nil {
		return nil, err
	}
	var all []pkg
	for _, p := range list {
		for _, e := range p.Errors {
			return nil, e
		}
		all = append(all, pkg{p, strings.TrimPrefix(p.PkgPath, module+"/")})
	}
	return all, nil
})

func TestModuleLoads(t *testing.T) {
	all, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("only %d packages were found", len(all))
	}
}

// forEach calls f for every package; all that one run finds is reported.
func forEach(t *testing.T, f func(t *testing.T, p pkg)) {
	t.Helper()
	all, err := loaded()
	if err != nil {
		t.Skip("the module does not load; TestModuleLoads says why")
	}
	for _, p := range all {
		f(t, p)
	}
}

// at is a place as people click on it: a path inside the module, and a line.
func (p pkg) at(pos token.Pos) string {
	position := p.Fset.Position(pos)
	root, err := filepath.Abs("../..")
	if err == nil {
		if rel, err := filepath.Rel(root, position.Filename); err == nil {
			position.Filename = rel
		}
	}
	position.Column = 0
	return position.String()
}

// name is a file's path inside the module.
func (p pkg) name(f *ast.File) string {
	return strings.TrimSuffix(p.at(f.FileStart), ":1")
}

// isTestSupport reports whether a package exists for tests and benchmarks only: drivertest, storebench, test/harness, ...
func isTestSupport(path string) bool {
	return strings.HasPrefix(path, "test/") || strings.HasSuffix(path, "test") || strings.HasSuffix(path, "bench")
}

// sources are the files people wrote.
func (p pkg) sources() []*ast.File {
	var list []*ast.File
	for _, f := range p.Syntax {
		if !ast.IsGenerated(f) {
			list = append(list, f)
		}
	}
	return list
}
