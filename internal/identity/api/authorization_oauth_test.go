package api_test

// oauthRequests are about OAuth: consumers, and access tokens that the administrator has authorized.
func oauthRequests() map[string]func(*fixture) asked {
	const all, one = "/v3/OS-OAUTH1/consumers", "/v3/OS-OAUTH1/consumers/{consumer_id}"
	const tokens, token = "/v3/users/{user_id}/OS-OAUTH1/access_tokens", "/v3/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}"
	consumer := func(body string) func(*fixture) asked {
		return func(f *fixture) asked {
			return asked{path: all + "/" + newConsumer(f.TB, f.People, f.Cloud).key, body: body}
		}
	}
	granted := func(more string) func(*fixture) asked {
		return func(f *fixture) asked {
			c := newConsumer(f.TB, f.People, f.Cloud)
			c.granted(f.TB, f.People)
			return asked{path: "/v3/users/$admin/OS-OAUTH1/access_tokens/" + c.token + more}
		}
	}
	return map[string]func(*fixture) asked{
		"GET " + all:    at(all),
		"POST " + all:   func(*fixture) asked { return asked{path: all, body: `{"consumer": {"description": "d"}}`} },
		"GET " + one:    consumer(""),
		"PATCH " + one:  consumer(`{"consumer": {"description": "e"}}`),
		"DELETE " + one: consumer(""),
		"POST " + requestTokenPath: func(f *fixture) asked {
			c := newConsumer(f.TB, f.People, f.Cloud)
			return asked{path: requestTokenPath, header: c.header(requestTokenPath), more: "Requested-Project-Id:$project"}
		},
		"PUT /v3/OS-OAUTH1/authorize/{request_token_id}": func(f *fixture) asked {
			c := newConsumer(f.TB, f.People, f.Cloud)
			c.take(f.TB, f.Send(f.TB, "POST", requestTokenPath, "", "", c.header(requestTokenPath), "Requested-Project-Id:"+f.IDs["admin_project"]))
			return asked{path: "/v3/OS-OAUTH1/authorize/" + c.token, body: `{"roles": [{"name": "reader"}]}`}
		},
		"POST " + accessTokenPath: func(f *fixture) asked {
			c := newConsumer(f.TB, f.People, f.Cloud)
			c.take(f.TB, f.Send(f.TB, "POST", requestTokenPath, "", "", c.header(requestTokenPath), "Requested-Project-Id:"+f.IDs["admin_project"]))
			answer := f.Must(f.TB, "PUT", "/v3/OS-OAUTH1/authorize/"+c.token, `{"roles": [{"name": "reader"}]}`).JSON()
			c.verifier = answer["token"].(map[string]any)["oauth_verifier"].(string)
			return asked{path: accessTokenPath, header: c.header(accessTokenPath)}
		},
		"GET " + tokens:                     at("/v3/users/$admin/OS-OAUTH1/access_tokens"),
		"GET " + token:                      granted(""),
		"DELETE " + token:                   granted(""),
		"GET " + token + "/roles":           granted("/roles"),
		"GET " + token + "/roles/{role_id}": granted("/roles/$reader_role"),
	}
}
