package api_test

import "github.com/clinker/clinker/internal/identity/api/apitest"

// aTrust is given by the member to somebody.
const aTrust = `{"trust": {"trustor_user_id": "$member", "trustee_user_id": "$somebody", "impersonation": true, "project_id": "$project", "roles": [{"name": "member"}]}}`

// trust makes a trust of the member's and gives its path.
func (f *fixture) trust() string {
	f.TB.Helper()
	answer := f.Send(f.TB, "POST", "/v3/OS-TRUST/trusts", f.Tokens[apitest.Member], f.Expand(aTrust))
	if answer.Status != 201 {
		f.TB.Fatalf("%d %s", answer.Status, answer.Body)
	}
	return "/v3/OS-TRUST/trusts/" + answer.JSON()["trust"].(map[string]any)["id"].(string)
}

// trustRequests are about trusts of the member.
func trustRequests() map[string]func(*fixture) asked {
	const all, one = "/v3/OS-TRUST/trusts", "/v3/OS-TRUST/trusts/{trust_id}"
	trust := func(more string) func(*fixture) asked {
		return func(f *fixture) asked { return asked{path: f.trust() + more} }
	}
	return map[string]func(*fixture) asked{
		"GET " + all:                      at(all + "?trustor_user_id=$member"),
		"POST " + all:                     func(*fixture) asked { return asked{path: all, body: aTrust} },
		"GET " + one:                      trust(""),
		"DELETE " + one:                   trust(""),
		"GET " + one + "/roles":           trust("/roles"),
		"GET " + one + "/roles/{role_id}": trust("/roles/$member_role"),
	}
}
