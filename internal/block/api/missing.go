package api

import (
	"context"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// missingRoutes are the operations of Cinder that are not built yet: method, path, and the microversion since which they
// exist. They answer 501, so that a client learns the truth instead of a 404. A line leaves when its operation is built.
const missingRoutes = `
POST backups 3.0
POST backups/import_record 3.0
DELETE backups/{id} 3.0
POST backups/{id}/action 3.0
GET backups/{id}/export_record 3.0
POST backups/{id}/restore 3.0
`

// missing is the extension that answers 501 for all of them.
func missing() wsgi.Extension {
	e := wsgi.Extension{Alias: "missing"}
	byCollection := map[string]int{}
	for f := range fields(missingRoutes) {
		method, path, since := f[0], f[1], microversion.MustParse(f[2])
		collection, _, _ := strings.Cut(path, "/")
		i, there := byCollection[collection]
		if !there {
			i = len(e.Resources)
			byCollection[collection] = i
			e.Resources = append(e.Resources, wsgi.Resource{Collection: collection})
		}
		e.Resources[i].Routes = append(e.Resources[i].Routes, wsgi.Route{Method: method, Path: path, NoBody: true, Status: 501,
			Versions: microversion.Range{Min: since}, Handler: notImplemented(method + " /" + path)})
	}
	return e
}

// fields gives the three words of each line of a table.
func fields(table string) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		for line := range strings.Lines(strings.TrimSpace(table)) {
			if !yield(strings.Fields(line)) {
				return
			}
		}
	}
}

func notImplemented(what string) wsgi.Handler {
	return func(context.Context, *wsgi.Request) (*wsgi.Response, error) {
		return nil, fault.New(fault.NotImplemented, "", "%s is not implemented yet; docs/conformance.md lists what is.", what)
	}
}
