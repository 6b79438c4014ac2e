package api_test

import (
	"fmt"
	"maps"
	"strings"

	"github.com/clinker/clinker/internal/identity/api/apitest"
)

// matrixRequests is a request that is right for each operation.
var matrixRequests = func() map[string]func(*fixture) asked {
	all := map[string]func(*fixture) asked{
		"GET /":   at("/"),
		"GET /v3": at("/v3"),
		"POST /v3/auth/tokens": func(f *fixture) asked {
			return asked{path: "/v3/auth/tokens", body: fmt.Sprintf(aLogin, "member", apitest.Password("member"))}
		},
		"GET /v3/auth/tokens":              func(f *fixture) asked { return asked{path: "/v3/auth/tokens", header: "X-Subject-Token:" + f.token()} },
		"DELETE /v3/auth/tokens":           func(f *fixture) asked { return asked{path: "/v3/auth/tokens", header: "X-Subject-Token:" + f.token()} },
		"GET /v3/auth/catalog":             at("/v3/auth/catalog"),
		"GET /v3/auth/projects":            at("/v3/auth/projects"),
		"GET /v3/auth/domains":             at("/v3/auth/domains"),
		"GET /v3/auth/system":              at("/v3/auth/system"),
		"GET /v3/OS-REVOKE/events":         at("/v3/OS-REVOKE/events"),
		"GET /v3/role_assignments":         at("/v3/role_assignments?scope.project.id=$project&include_subtree"),
		"GET /v3/role_inferences":          at("/v3/role_inferences"),
		"GET /v3/users/{user_id}/projects": at("/v3/users/$member/projects"),
		"GET /v3/users/{user_id}/groups":   at("/v3/users/$member/groups"),
		"POST /v3/users/{user_id}/password": func(f *fixture) asked {
			return asked{path: "/v3/users/" + f.made("users", aUser) + "/password", body: `{"user": {"original_password": "p", "password": "q"}}`}
		},
		"POST /v3/ec2tokens": func(*fixture) asked {
			return asked{path: "/v3/ec2tokens", body: `{"credentials": {"access": "none", "signature": "none", "host": "h", "verb": "GET", "path": "/", "params": {}}}`}
		},
	}
	all["POST /v3/s3tokens"] = func(*fixture) asked {
		return asked{path: "/v3/s3tokens", body: `{"credentials": {"access": "none", "signature": "none", "token": "bm9uZQ=="}}`}
	}
	for _, more := range []map[string]func(*fixture) asked{collections(), tagRequests(), membershipRequests(), roleRequests(), grantRequests(), credentialRequests(), limitRequests(), filterRequests(), trustRequests(), oauthRequests()} {
		maps.Copy(all, more)
	}
	return all
}()

func at(path string) func(*fixture) asked { return func(*fixture) asked { return asked{path: path} } }

// collections are the operations that all resources have.
func collections() map[string]func(*fixture) asked {
	all := map[string]func(*fixture) asked{}
	for _, r := range []struct{ name, body, filter, change string }{
		{"user", aUser, "?domain_id=$domain", `"description": "d"`},
		{"group", aGroup, "?domain_id=$domain", `"description": "d"`},
		{"project", aProject, "?domain_id=$domain", `"description": "d"`},
		{"domain", aDomain, "", `"description": "d"`},
		{"role", aRole, "", `"description": "d"`},
		{"service", aService, "", `"description": "d"`},
		{"region", aRegion, "", `"description": "d"`},
		{"credential", aCredential, "", `"blob": "b"`},
		{"endpoint", "", "", `"url": "http://there"`},
	} {
		path := "/v3/" + r.name + "s"
		body := func(f *fixture) string {
			if r.name == "endpoint" {
				return `{"endpoint": {"service_id": "` + f.made("services", aService) + `", "interface": "public", "url": "http://here"}}`
			}
			return fmt.Sprintf(r.body, f.name())
		}
		one := func(f *fixture) string { return path + "/" + f.Make(f.TB, r.name+"s", body(f)) }
		item := path + "/{" + r.name + "_id}"
		all["GET "+path] = at(path + r.filter)
		all["POST "+path] = func(f *fixture) asked { return asked{path: path, body: body(f)} }
		all["GET "+item] = func(f *fixture) asked { return asked{path: one(f)} }
		all["PATCH "+item] = func(f *fixture) asked { return asked{path: one(f), body: `{"` + r.name + `": {` + r.change + `}}`} }
		all["DELETE "+item] = func(f *fixture) asked { return asked{path: one(f)} }
	}
	all["PUT /v3/regions/{region_id}"] = func(f *fixture) asked { return asked{path: "/v3/regions/" + f.name(), body: `{"region": {}}`} }
	return all
}

func tagRequests() map[string]func(*fixture) asked {
	tags := func(more string) func(*fixture) asked {
		return func(f *fixture) asked {
			return asked{path: "/v3/projects/" + f.made("projects", aProject) + "/tags" + more}
		}
	}
	return map[string]func(*fixture) asked{
		"GET /v3/projects/{project_id}/tags":          tags(""),
		"DELETE /v3/projects/{project_id}/tags":       tags(""),
		"GET /v3/projects/{project_id}/tags/{tag}":    tags("/tag"),
		"PUT /v3/projects/{project_id}/tags/{tag}":    tags("/new"),
		"DELETE /v3/projects/{project_id}/tags/{tag}": tags("/tag"),
		"PUT /v3/projects/{project_id}/tags": func(f *fixture) asked {
			a := tags("")(f)
			a.body = `{"tags": ["new"]}`
			return a
		},
	}
}

func membershipRequests() map[string]func(*fixture) asked {
	member := func(there bool) func(*fixture) asked {
		return func(f *fixture) asked {
			path := "/v3/groups/" + f.made("groups", aGroup) + "/users/$somebody"
			if there {
				f.Must(f.TB, "PUT", path, "")
			}
			return asked{path: path}
		}
	}
	return map[string]func(*fixture) asked{
		"GET /v3/groups/{group_id}/users":              func(f *fixture) asked { return asked{path: "/v3/groups/" + f.made("groups", aGroup) + "/users"} },
		"GET /v3/groups/{group_id}/users/{user_id}":    member(true),
		"PUT /v3/groups/{group_id}/users/{user_id}":    member(false),
		"DELETE /v3/groups/{group_id}/users/{user_id}": member(true),
	}
}

func roleRequests() map[string]func(*fixture) asked {
	implied := func(there bool, more string) func(*fixture) asked {
		return func(f *fixture) asked {
			path := "/v3/roles/" + f.made("roles", aRole) + "/implies"
			if there {
				f.Must(f.TB, "PUT", path+"/$reader_role", "")
			}
			return asked{path: path + more}
		}
	}
	const all, one = "/v3/roles/{prior_role_id}/implies", "/v3/roles/{prior_role_id}/implies/{implied_role_id}"
	return map[string]func(*fixture) asked{
		"GET " + all: implied(true, ""), "GET " + one: implied(true, "/$reader_role"), "PUT " + one: implied(false, "/$reader_role"),
		"DELETE " + one: implied(true, "/$reader_role"),
	}
}

// grantRequests are assignments at every kind of place.
func grantRequests() map[string]func(*fixture) asked {
	all := map[string]func(*fixture) asked{}
	for _, prefix := range []string{"", "/OS-INHERIT"} {
		for _, place := range []string{"/projects/{project_id}", "/domains/{domain_id}", "/system"} {
			if place == "/system" && prefix != "" {
				continue
			}
			for _, actors := range []string{"users", "groups"} {
				suffix := ""
				if prefix != "" {
					suffix = "/inherited_to_projects"
				}
				where := strings.NewReplacer("{project_id}", "$project", "{domain_id}", "$domain").Replace(place)
				list := "/v3" + prefix + place + "/" + actors + "/{" + strings.TrimSuffix(actors, "s") + "_id}/roles"
				one := func(there bool) func(*fixture) asked {
					return func(f *fixture) asked { return asked{path: f.granted(prefix, where, actors, suffix, there)} }
				}
				all["GET "+list+suffix] = func(f *fixture) asked {
					return asked{path: strings.Replace(f.granted(prefix, where, actors, suffix, true), "/$member_role", "", 1)}
				}
				all["GET "+list+"/{role_id}"+suffix] = one(true)
				all["PUT "+list+"/{role_id}"+suffix] = one(false)
				all["DELETE "+list+"/{role_id}"+suffix] = one(true)
			}
		}
	}
	return all
}

// credentialRequests are about what belongs to the member.
func credentialRequests() map[string]func(*fixture) asked {
	const applications, keys, rules = "/v3/users/$member/application_credentials", "/v3/users/$member/credentials/OS-EC2", "/v3/users/$member/access_rules"
	application := func(f *fixture) asked { return asked{path: applications + "/" + f.application()} }
	key := func(f *fixture) asked {
		answer := f.Must(f.TB, "POST", keys, `{"tenant_id": "$project"}`)
		return asked{path: keys + "/" + answer.JSON()["credential"].(map[string]any)["access"].(string)}
	}
	rule := func(f *fixture) asked {
		id := f.application()
		answer := f.Send(f.TB, "GET", f.Expand(rules), f.Tokens[apitest.Member], "")
		list := answer.JSON()["access_rules"].([]any)
		f.Must(f.TB, "DELETE", applications+"/"+id, "")
		return asked{path: rules + "/" + list[0].(map[string]any)["id"].(string)}
	}
	return map[string]func(*fixture) asked{
		"GET /v3/users/{user_id}/application_credentials":               at(applications),
		"POST /v3/users/{user_id}/application_credentials":              func(f *fixture) asked { return asked{path: applications, body: fmt.Sprintf(anApplication, f.name())} },
		"GET /v3/users/{user_id}/application_credentials/{id}":          application,
		"DELETE /v3/users/{user_id}/application_credentials/{id}":       application,
		"GET /v3/users/{user_id}/access_rules":                          at(rules),
		"GET /v3/users/{user_id}/access_rules/{id}":                     rule,
		"DELETE /v3/users/{user_id}/access_rules/{id}":                  rule,
		"GET /v3/users/{user_id}/credentials/OS-EC2":                    at(keys),
		"POST /v3/users/{user_id}/credentials/OS-EC2":                   func(*fixture) asked { return asked{path: keys, body: `{"tenant_id": "$project"}`} },
		"GET /v3/users/{user_id}/credentials/OS-EC2/{credential_id}":    key,
		"DELETE /v3/users/{user_id}/credentials/OS-EC2/{credential_id}": key,
	}
}
