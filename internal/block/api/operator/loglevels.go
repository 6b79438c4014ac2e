package operator

import (
	"context"

	uses "github.com/clinker/clinker/internal/block/app/services"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// logging is the microversions that know log levels; before them both are unknown actions.
var logging = microversion.From(3, 32)

// Request schemas (cinder/api/schemas/services.py).
func logSchema(more string) []wsgi.Schema {
	return []wsgi.Schema{{Versions: microversion.Until(3, 31), JSON: `{}`}, {Versions: logging, JSON: `{"type": "object", "properties": {
		"binary": {"type": "string", "enum": ["cinder-scheduler", "cinder-volume", "cinder-backup", "cinder-api", "", "*"]},
		"server": {"$ref": "parameter_types#/nullable_string"},
		"prefix": {"$ref": "parameter_types#/nullable_string"}` + more + `}, "additionalProperties": false}`}}
}

// LogLevels is the extension that adds the log levels of services to /os-services.
func LogLevels(u *uses.Services) wsgi.Extension {
	known := func(ctx context.Context, r *wsgi.Request) error {
		if err := u.Authorize(ctx, servicesRule+"update"); err != nil || logging.Contains(r.Version) {
			return err
		}
		return unknownAction()
	}
	set := func(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
		if err := known(ctx, r); err != nil {
			return nil, err
		}
		return wsgi.Empty(), u.SetLogLevels(ctx, logRequest(r.Body), r.Body.String("level"))
	}
	get := func(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
		if err := known(ctx, r); err != nil {
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
	policy := []string{servicesRule + "update"}
	return wsgi.Extension{Alias: "os-services-log", Name: "ServicesLog", Description: "Sets and shows the levels at which services log.",
		Updated: "2026-11-21T00:00:00+00:00", Resources: []wsgi.Resource{{Collection: "os-services", Routes: []wsgi.Route{
			{Method: "PUT", Path: "os-services/set-log", Status: 202, Handler: set, Policy: policy,
				Schemas: logSchema(`, "level": {"type": ["string", "null"], "format": "level"}`)},
			{Method: "PUT", Path: "os-services/get-log", Handler: get, Policy: policy, Schemas: logSchema("")},
		}}}}
}

func logRequest(b wsgi.Object) uses.LogRequest {
	return uses.LogRequest{Binary: b.String("binary"), Server: b.String("server"), Prefix: b.String("prefix")}
}
