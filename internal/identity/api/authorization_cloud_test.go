package api_test

import (
	"fmt"
	"strings"
)

// Bodies of what the requests below are about.
const (
	aPolicy         = `{"policy": {"type": "%s", "blob": "b"}}`
	anEndpointGroup = `{"endpoint_group": {"name": "%s", "filters": {"interface": "public"}}}`
	registrations   = `{"registered_limits": [{"service_id": "%s", "resource_name": "t", "default_limit": 1}]}`
	aMapping        = `{"mapping": {"rules": [{"local": [], "remote": [{"type": "t"}]}]}}`
	limitations     = `{"limits": [{"service_id": "%s", "resource_name": "t", "resource_limit": 1, "project_id": "$project"}]}`
)

// first makes several things, of which there is one, and gives its id.
func (f *fixture) first(collection, body string) string {
	f.TB.Helper()
	list := f.Must(f.TB, "POST", "/v3/"+collection, body).JSON()[collection].([]any)
	return list[0].(map[string]any)["id"].(string)
}

// limitRequests are about unified limits, policies, mappings and options of domains.
func limitRequests() map[string]func(*fixture) asked {
	const registered, limits, policies = "/v3/registered_limits", "/v3/limits", "/v3/policies"
	registration := func(f *fixture) string { return fmt.Sprintf(registrations, f.made("services", aService)) }
	limitation := func(f *fixture) string {
		service := f.made("services", aService)
		f.first("registered_limits", fmt.Sprintf(registrations, service))
		return fmt.Sprintf(limitations, service)
	}
	all := map[string]func(*fixture) asked{
		"GET " + registered:        at(registered),
		"POST " + registered:       func(f *fixture) asked { return asked{path: registered, body: registration(f)} },
		"GET " + limits:            at(limits),
		"POST " + limits:           func(f *fixture) asked { return asked{path: limits, body: limitation(f)} },
		"GET " + limits + "/model": at(limits + "/model"),
		"GET " + policies:          at(policies),
		"POST " + policies:         func(f *fixture) asked { return asked{path: policies, body: fmt.Sprintf(aPolicy, f.name())} },
	}
	const config = "/v3/domains/{domain_id}/config"
	put := func(*fixture) asked {
		return asked{path: "/v3/domains/$domain/config", body: `{"config": {"identity": {"driver": "x"}}}`}
	}
	all["PUT "+config] = put
	for path, body := range map[string]string{"": `{"config": {"identity": {"driver": "y"}}}`, "/{group}": `{"config": {"identity": {"driver": "y"}}}`, "/{group}/{option}": `{"config": {"driver": "y"}}`} {
		for _, method := range []string{"GET", "PATCH", "DELETE"} {
			all[method+" "+config+path] = func(f *fixture) asked {
				there := put(f)
				f.Must(f.TB, "PUT", there.path, there.body)
				return asked{path: there.path + strings.NewReplacer("{group}", "identity", "{option}", "driver").Replace(path), body: body}
			}
		}
	}
	for _, path := range []string{"/v3/domains/config/default", "/v3/domains/config/identity/default", "/v3/domains/config/ldap/default",
		"/v3/domains/config/identity/{option}/default", "/v3/domains/config/ldap/{option}/default"} {
		all["GET "+path] = at(strings.NewReplacer("identity/{option}", "identity/driver", "{option}", "url").Replace(path))
	}
	all["GET "+config+"/security_compliance"] = at("/v3/domains/default/config/security_compliance")
	all["GET "+config+"/security_compliance/{option}"] = at("/v3/domains/default/config/security_compliance/password_regex")
	const mappings = "/v3/OS-FEDERATION/mappings"
	all["GET "+mappings] = at(mappings)
	all["PUT "+mappings+"/{mapping_id}"] = func(f *fixture) asked { return asked{path: mappings + "/" + f.name(), body: aMapping} }
	for method, body := range map[string]string{"GET": "", "PATCH": aMapping, "DELETE": ""} {
		all[method+" "+mappings+"/{mapping_id}"] = func(f *fixture) asked {
			path := mappings + "/" + f.name()
			f.Must(f.TB, "PUT", path, aMapping)
			return asked{path: path, body: body}
		}
	}
	for method, bodies := range map[string][3]string{"GET": {}, "DELETE": {},
		"PATCH": {`{"registered_limit": {"default_limit": 2}}`, `{"limit": {"resource_limit": 2}}`, `{"policy": {"blob": "c"}}`}} {
		all[method+" "+registered+"/{registered_limit_id}"] = func(f *fixture) asked {
			return asked{path: registered + "/" + f.first("registered_limits", registration(f)), body: bodies[0]}
		}
		all[method+" "+limits+"/{limit_id}"] = func(f *fixture) asked {
			return asked{path: limits + "/" + f.first("limits", limitation(f)), body: bodies[1]}
		}
		all[method+" "+policies+"/{policy_id}"] = func(f *fixture) asked {
			return asked{path: policies + "/" + f.made("policies", aPolicy), body: bodies[2]}
		}
	}
	return all
}

// filterRequests are about which endpoints are for which projects.
func filterRequests() map[string]func(*fixture) asked {
	const base = "/v3/OS-EP-FILTER"
	const groups = base + "/endpoint_groups"
	const group = groups + "/{endpoint_group_id}"
	oneGroup := func(more, body string) func(*fixture) asked {
		return func(f *fixture) asked {
			return asked{path: groups + "/" + f.made("OS-EP-FILTER/endpoint_groups", anEndpointGroup) + more, body: body}
		}
	}
	given := func(there bool, collection, body, prefix, suffix string) func(*fixture) asked {
		return func(f *fixture) asked {
			id := ""
			if collection == "endpoints" {
				id = f.made("endpoints", `{"endpoint": {"service_id": "`+f.made("services", aService)+`", "interface": "public", "url": "http://here"}}`)
			} else {
				id = f.made(collection, body)
			}
			path := base + prefix + id + suffix
			if there {
				f.Must(f.TB, "PUT", path, "")
			}
			return asked{path: path}
		}
	}
	endpoint := func(there bool) func(*fixture) asked {
		return given(there, "endpoints", "", "/projects/$other_project/endpoints/", "")
	}
	inGroup := func(there bool) func(*fixture) asked {
		return given(there, "OS-EP-FILTER/endpoint_groups", anEndpointGroup, "/endpoint_groups/", "/projects/$other_project")
	}
	const oneEndpoint, oneGroupGiven = base + "/projects/{project_id}/endpoints/{endpoint_id}", group + "/projects/{project_id}"
	return map[string]func(*fixture) asked{
		"GET " + groups:               at(groups),
		"POST " + groups:              func(f *fixture) asked { return asked{path: groups, body: fmt.Sprintf(anEndpointGroup, f.name())} },
		"GET " + group:                oneGroup("", ""),
		"PATCH " + group:              oneGroup("", `{"endpoint_group": {"name": "t"}}`),
		"DELETE " + group:             oneGroup("", ""),
		"GET " + group + "/endpoints": oneGroup("/endpoints", ""),
		"GET " + group + "/projects":  oneGroup("/projects", ""),
		"GET " + oneGroupGiven:        inGroup(true),
		"PUT " + oneGroupGiven:        inGroup(false),
		"DELETE " + oneGroupGiven:     inGroup(true),
		"GET " + base + "/endpoints/{endpoint_id}/projects": func(f *fixture) asked {
			return given(false, "endpoints", "", "/endpoints/", "/projects")(f)
		},
		"GET " + base + "/projects/{project_id}/endpoints":       at(base + "/projects/$other_project/endpoints"),
		"GET " + base + "/projects/{project_id}/endpoint_groups": at(base + "/projects/$other_project/endpoint_groups"),
		"GET " + oneEndpoint:    endpoint(true),
		"PUT " + oneEndpoint:    endpoint(false),
		"DELETE " + oneEndpoint: endpoint(true),
	}
}
