package tour

import "strings"

// protocol is what holds for every resource: versions, paths, headers, bodies.
func protocol() Group {
	return Group{Name: "protocol", Steps: join(versionsAndPaths(), microversionHeaders(), badBodies())}
}

func join(lists ...[]Step) (all []Step) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

func versionsAndPaths() []Step {
	return []Step{
		{Name: "versions at the root", Do: "GET /"},
		{Name: "versions of v3", Do: "GET /v3/"},
		{Name: "versions of v3 without a slash", Do: "GET /v3"},
		{Name: "an old version", Do: "GET /v2/"},
		{Name: "no such path at the root", Do: "GET /nosuch"},
		{Name: "no such resource", Do: "GET nosuch"},
		{Name: "no such resource, no project", Do: "GET /v3/nosuch"},
		{Name: "no such resource, as a browser", Do: "GET nosuch", Headers: map[string]string{"Accept": "text/html"}},
		{Name: "no such resource, anything accepted", Do: "GET nosuch", Headers: map[string]string{"Accept": "*/*"}},
		{Name: "no such resource, plain text", Do: "GET nosuch", Headers: map[string]string{"Accept": "text/plain"}},
		{Name: "a path below an item", Do: "GET volumes/00000000-0000-4000-8000-000000000000/nosuch"},
		{Name: "a project that is not the caller's", Do: "GET /v3/${other_project}/volumes"},
		{Name: "a project that is not the caller's, as admin", As: Admin, Do: "GET /v3/${other_project}/volumes"},
		{Name: "a project that looks like none", Do: "GET /v3/Not-A-Project/volumes"},
		{Name: "without a project", Do: "GET /v3/volumes"},
		{Name: "with .json", Do: "GET volumes.json"},
		{Name: "with .xml", Do: "GET volumes.xml"},
		{Name: "with a slash at the end", Do: "GET volumes/"},
		{Name: "with two slashes", Do: "GET /v3//volumes"},
		{Name: "a method the collection has not", Do: "PUT volumes", Body: `{"volume": {}}`},
		{Name: "a method the item has not", Do: "POST volumes/00000000-0000-4000-8000-000000000000", Body: `{"volume": {}}`},
		{Name: "a method nobody has", Do: "PATCH volumes", Body: `{"volume": {}}`},
		{Name: "HEAD", Do: "HEAD volumes"},
		{Name: "OPTIONS", Do: "OPTIONS volumes"},
		{Name: "a resource before its microversion", Do: "GET attachments"},
		{Name: "an accepted type we do not have", Do: "GET volumes", Headers: map[string]string{"Accept": "application/xml"}},
	}
}

func microversionHeaders() []Step {
	header := func(name, value string) Step {
		return Step{Name: name, Do: "GET volumes", At: "3.71", Headers: map[string]string{"OpenStack-API-Version": value}}
	}
	return []Step{
		header("no microversion", ""),
		header("the latest microversion", "volume latest"),
		header("a microversion too new", "volume 3.72"),
		header("a microversion much too new", "volume 3.9999"),
		header("a microversion too old", "volume 2.1"),
		header("a microversion of a later major", "volume 4.0"),
		header("a microversion that is none", "volume abc"),
		header("a microversion with three parts", "volume 3.27.1"),
		header("a microversion with a leading zero", "volume 3.027"),
		header("a microversion without a service", "3.27"),
		header("a microversion of another service", "compute 2.1"),
		header("microversions of two services", "compute 2.1, volume 3.27"),
		header("a microversion of a service in capitals", "Volume 3.27"),
		header("a microversion with many blanks", "  volume   3.27  "),
		header("a service without a microversion", "volume"),
		header("a service with an empty microversion", "volume "),
	}
}

func badBodies() []Step {
	const path = "POST volumes"
	return []Step{
		{Name: "no body", Do: path},
		{Name: "an empty object", Do: path, Body: `{}`},
		{Name: "no JSON", Do: path, Body: `{"volume": `},
		{Name: "a text", Do: path, Body: `"volume"`},
		{Name: "a list", Do: path, Body: `[]`},
		{Name: "null", Do: path, Body: `null`},
		{Name: "a number", Do: path, Body: `1`},
		{Name: "another member", Do: path, Body: `{"volumes": {"size": 1}}`},
		{Name: "a member that is null", Do: path, Body: `{"volume": null}`},
		{Name: "a member that is a list", Do: path, Body: `{"volume": []}`},
		{Name: "a member that is a text", Do: path, Body: `{"volume": "x"}`},
		{Name: "no content type", Do: path, Body: `{"volume": {"size": -1}}`, Headers: map[string]string{"Content-Type": ""}},
		{Name: "XML", Do: path, Body: `<volume size="1"/>`, Headers: map[string]string{"Content-Type": "application/xml"}},
		{Name: "JSON as text", Do: path, Body: `{"volume": {"size": -1}}`, Headers: map[string]string{"Content-Type": "text/plain"}},
		{Name: "JSON with a charset", Do: path, Body: `{"volume": {"size": -1}}`, Headers: map[string]string{"Content-Type": "application/json; charset=UTF-8"}},
		{Name: "JSON of this service", Do: path, Body: `{"volume": {"size": -1}}`, Headers: map[string]string{"Content-Type": "application/vnd.openstack.volume+json"}},
		{Name: "a body that is too large", Do: path, Body: `{"volume": {"size": 1, "name": "` + strings.Repeat("x", 115000) + `"}}`},
		{Name: "a body with a GET", Do: "GET volumes", Body: `{"volume": `},
		{Name: "an action without a body", Do: "POST volumes/00000000-0000-4000-8000-000000000000/action"},
		{Name: "an action that is a list", Do: "POST volumes/00000000-0000-4000-8000-000000000000/action", Body: `[]`},
		{Name: "an action that is empty", Do: "POST volumes/00000000-0000-4000-8000-000000000000/action", Body: `{}`},
		{Name: "an action nobody knows", Do: "POST volumes/00000000-0000-4000-8000-000000000000/action", Body: `{"os-nosuch": {}}`},
		{Name: "an action of a volume that is not there", Do: "POST volumes/00000000-0000-4000-8000-000000000000/action", Body: `{"os-reserve": null}`},
	}
}
