package api

import (
	"context"
	"net/http"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity/api/rest"
)

// missing are the paths of Keystone that are not built: they say so. docs/divergences.md says why.
func missing() (routes []rest.Route) {
	for _, path := range []string{"/v3/OS-OAUTH2", "/v3/OS-FEDERATION/identity_providers", "/v3/OS-FEDERATION/service_providers", "/v3/OS-FEDERATION/projects",
		"/v3/OS-FEDERATION/domains", "/v3/OS-FEDERATION/saml2", "/v3/auth/OS-FEDERATION", "/v3/OS-SIMPLE-CERT",
		"/v3/policies/{policy_id}/OS-ENDPOINT-POLICY", "/v3/endpoints/{endpoint_id}/OS-ENDPOINT-POLICY"} {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			routes = append(routes, notBuilt(method, path), notBuilt(method, path+"/{rest...}"))
		}
	}
	return routes
}

func notBuilt(method, path string) rest.Route {
	return rest.Route{Method: method, Path: path, Status: http.StatusNotImplemented, Handler: func(context.Context, *rest.Request) (*rest.Response, error) {
		return nil, fault.New(fault.NotImplemented, "", "The action you have requested has not been implemented.")
	}}
}
