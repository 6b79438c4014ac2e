package operator

import (
	"context"

	uses "github.com/clinker/clinker/internal/block/app/services"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// Request schemas (cinder/api/schemas/services.py).
func logSchema(more string) []wsgi.Schema {
	return []wsgi.Schema{{JSON: `{"type": "object", "properties": {
		"binary": {"type": "string", "enum": ["cinder-scheduler", "cinder-volume", "cinder-backup", "cinder-api", "", "*"]},
		"server": {"$ref": "parameter_types#/nullable_string"},
		"prefix": {"$ref": "parameter_types#/nullable_string"}` + more + `}, "additionalProperties": false}`}}
}

// logRoutes are the log levels of services, from 3.32.
func logRoutes(u *uses.Services) []wsgi.Route {
	const rule = servicesRule + "update"
	set := func(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
		if err := u.Authorize(ctx, rule); err != nil {
			return nil, err
		}
		return wsgi.Empty(), u.SetLogLevels(ctx, logRequest(r.Body), r.Body.String("level"))
	}
	get := func(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
		if err := u.Authorize(ctx, rule); err != nil {
			return nil, err
		}
		found, err := u.GetLogLevels(ctx, logRequest(r.Body))
		if err != nil {
			return nil, err
		}
		list := make([]map[string]any, 0, len(found))
		for _, l := range found {
			list = append(list, map[string]any{"host": l.Host, "binary": l.Binary, "levels": l.Levels})
		}
		return wsgi.Value(map[string]any{"log_levels": list})
	}
	since, before := microversion.From(3, 32), microversion.Until(3, 31)
	return []wsgi.Route{
		{Method: "PUT", Path: "os-services/set-log", Versions: since, Status: 202, Handler: set, Policy: []string{rule},
			Schemas: logSchema(`, "level": {"type": ["string", "null"], "format": "level"}`)},
		{Method: "PUT", Path: "os-services/get-log", Versions: since, Handler: get, Policy: []string{rule}, Schemas: logSchema("")},
		unknownAction(u, "set-log", before), unknownAction(u, "get-log", before),
	}
}

func logRequest(b wsgi.Object) uses.LogRequest {
	return uses.LogRequest{Binary: b.String("binary"), Server: b.String("server"), Prefix: b.String("prefix")}
}
