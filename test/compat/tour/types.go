package tour

func types() Group {
	return Group{Name: "types", Steps: join(typesCreate(), typesRead(), typesChange(), extraSpecs(), extraSpecsBadly(), typeAccess(), defaultTypes(), typesDelete())}
}

// as is a request with a body.
func as(p Persona, name, do, body string) Step { return Step{Name: name, As: p, Do: do, Body: body} }

func typesCreate() []Step {
	create := func(name, body string) Step {
		return as(Admin, "create "+name, "POST types", `{"volume_type": {`+body+`}}`)
	}
	return []Step{
		create("plainly", `"name": "silver"`).saving("silver=volume_type.id"),
		create("with everything", `"name": "gold", "description": "the best", "os-volume-type-access:is_public": true, "extra_specs": {"volume_backend_name": "fake", "multiattach": "<is> False"}`).saving("gold=volume_type.id"),
		create("privately", `"name": "private", "os-volume-type-access:is_public": false`).saving("private=volume_type.id"),
		create("with blanks", `"name": " bronze ", "description": null`).saving("bronze=volume_type.id"),
		create("with a name that is there", `"name": "silver"`),
		create("without a name", `"description": "x"`),
		create("with an empty name", `"name": ""`),
		create("with a blank name", `"name": "  "`),
		create("with a long name", `"name": "`+long(256)+`"`),
		create("with a name that is a number", `"name": 1`),
		create("with a long description", `"name": "x", "description": "`+long(256)+`"`),
		create("with a bad flag", `"name": "x", "os-volume-type-access:is_public": "maybe"`),
		create("with an unknown member", `"name": "x", "nosuch": 1`),
		create("with extra specs that are a list", `"name": "x", "extra_specs": []`),
		create("with an extra spec of a number", `"name": "x", "extra_specs": {"a": 1}`),
		create("with a bad extra spec key", `"name": "x", "extra_specs": {"a/b": "1"}`),
		create("with a long extra spec", `"name": "x", "extra_specs": {"a": "`+long(256)+`"}`),
		as(Admin, "create without a type", "POST types", `{}`),
		as(Admin, "create from null", "POST types", `{"volume_type": null}`),
		as(Member, "create as a member", "POST types", `{"volume_type": {"name": "x"}}`),
	}
}

func typesRead() []Step {
	list := func(p Persona, name, query string) Step {
		return Step{Name: "list " + name, As: p, Do: "GET types?" + query, Unordered: true}
	}
	return []Step{
		get("show", "types/${gold}"),
		{Name: "show as admin", As: Admin, Do: "GET types/${gold}"},
		{Name: "show as a reader", As: Reader, Do: "GET types/${gold}"},
		get("show a private one", "types/${private}"),
		{Name: "show a private one as admin", As: Admin, Do: "GET types/${private}"},
		get("show the default", "types/default"),
		get("show an absent one", "types/"+absent),
		get("show by name", "types/gold"),
		{Name: "list", Do: "GET types", Unordered: true},
		{Name: "list as a reader", As: Reader, Do: "GET types", Unordered: true},
		{Name: "list as admin", As: Admin, Do: "GET types", Unordered: true},
		list(Admin, "public", "is_public=true"),
		list(Admin, "private", "is_public=false"),
		list(Admin, "all", "is_public=none"),
		list(Admin, "badly", "is_public=maybe"),
		list(Member, "all as a member", "is_public=none"),
		list(Member, "by extra specs", "extra_specs=%7B%22volume_backend_name%22%3A%22fake%22%7D"),
		list(Admin, "by extra specs as admin", "extra_specs=%7B%22volume_backend_name%22%3A%22fake%22%7D"),
		list(Admin, "by bad extra specs", "extra_specs=x"),
		list(Admin, "by an unknown filter", "nosuch=1"),
		list(Member, "by an unknown filter as a member", "nosuch=1"),
		list(Admin, "by name", "name=gold"),
		{Name: "list sorted", Do: "GET types?sort=name:asc"},
		{Name: "list a page", Do: "GET types?sort=name:asc&limit=2"},
		{Name: "list the next page", Do: "GET types?sort=name:asc&limit=1&marker=${bronze}"},
		{Name: "list from an offset", Do: "GET types?sort=name:asc&offset=2"},
		list(Admin, "with a bad limit", "limit=x"),
		list(Admin, "with an absent marker", "marker="+absent),
		list(Admin, "with a bad sort key", "sort_key=nosuch"),
		{Name: "steps of extra spec filters", As: Admin, Do: "GET types?extra_specs=%7B%22volume_backend_name%22%3A%22fake%22%7D", At: "3.51 3.52", Unordered: true},
	}
}

func typesChange() []Step {
	put := func(name, body string) Step {
		return as(Admin, "update "+name, "PUT types/${bronze}", `{"volume_type": `+body+`}`)
	}
	return []Step{
		put("the name", `{"name": "copper"}`),
		put("the description", `{"description": "cheap"}`),
		put("the description to nothing", `{"description": ""}`),
		put("to private", `{"is_public": false}`),
		put("to public", `{"is_public": true}`),
		put("everything", `{"name": "bronze", "description": "third", "is_public": true}`),
		put("nothing", `{}`),
		put("nulls", `{"name": null, "description": null, "is_public": null}`),
		put("to a name that is there", `{"name": "gold"}`),
		put("to an empty name", `{"name": ""}`),
		put("to a blank name", `{"name": "  "}`),
		put("to a long name", `{"name": "`+long(256)+`"}`),
		put("with a bad flag", `{"is_public": "maybe"}`),
		put("an unknown member", `{"name": "bronze", "nosuch": 1}`),
		as(Admin, "update without a type", "PUT types/${bronze}", `{}`),
		as(Member, "update as a member", "PUT types/${bronze}", `{"volume_type": {"name": "x"}}`),
		as(Admin, "update an absent one", "PUT types/"+absent, `{"volume_type": {"name": "x"}}`),
		{Name: "show the updated", As: Admin, Do: "GET types/${bronze}"},
	}
}

func extraSpecs() []Step {
	const specs = "types/${silver}/extra_specs"
	return []Step{
		{Name: "specs none", As: Admin, Do: "GET " + specs},
		as(Admin, "specs added", "POST "+specs, `{"extra_specs": {"a": "1", "multiattach": "<is> True"}}`),
		as(Admin, "specs added again", "POST "+specs, `{"extra_specs": {"b:c.d-e_f g": "2"}}`),
		{Name: "specs", As: Admin, Do: "GET " + specs},
		get("specs as a member", specs),
		{Name: "specs as a reader", As: Reader, Do: "GET " + specs},
		{Name: "specs of one key", As: Admin, Do: "GET " + specs + "/a"},
		get("specs of one key as a member", specs+"/a"),
		get("specs of a visible key as a member", specs+"/multiattach"),
		{Name: "specs of an absent key", As: Admin, Do: "GET " + specs + "/nosuch"},
		as(Admin, "specs key set", "PUT "+specs+"/a", `{"a": "one"}`),
		as(Admin, "specs key set anew", "PUT "+specs+"/z", `{"z": "26"}`),
		{Name: "specs key deleted", As: Admin, Do: "DELETE " + specs + "/z"},
		{Name: "specs key deleted again", As: Admin, Do: "DELETE " + specs + "/z"},
		as(Admin, "specs multiattach and cacheable", "POST "+specs, `{"extra_specs": {"cacheable": "<is> True"}}`),
		as(Admin, "specs cacheable set", "PUT "+specs+"/cacheable", `{"cacheable": "<is> True"}`),
		as(Admin, "specs zones", "POST "+specs, `{"extra_specs": {"RESKEY:availability_zones": "nova"}}`),
		as(Member, "a volume of it", "POST volumes", `{"volume": {"name": "v", "size": 1, "volume_type": "silver"}}`).saving("v=volume.id").waiting("volumes/${v} volume.status available|error"),
		as(Admin, "specs added while used", "POST "+specs, `{"extra_specs": {"c": "3"}}`),
		as(Admin, "specs key set while used", "PUT "+specs+"/a", `{"a": "two"}`),
		{Name: "specs key deleted while used", As: Admin, Do: "DELETE " + specs + "/a"},
		{Name: "delete the type while used", As: Admin, Do: "DELETE types/${silver}"},
		{Name: "the volume of it again", Do: "DELETE volumes/${v}", Wait: "volumes/${v} gone"},
	}
}

func extraSpecsBadly() []Step {
	const specs = "types/${gold}/extra_specs"
	post := func(name, body string) Step { return as(Admin, "specs added, "+name, "POST "+specs, body) }
	put := func(name, body string) Step { return as(Admin, "specs key set, "+name, "PUT "+specs+"/k", body) }
	return []Step{
		post("no member", `{}`), post("a list", `{"extra_specs": []}`), post("null", `{"extra_specs": null}`),
		post("a number", `{"extra_specs": {"a": 1}}`), post("a flag", `{"extra_specs": {"a": true}}`), post("an empty key", `{"extra_specs": {"": "x"}}`), post("a bad key", `{"extra_specs": {"a/b": "x"}}`),
		post("a long key", `{"extra_specs": {"`+long(256)+`": "x"}}`), post("a long value", `{"extra_specs": {"a": "`+long(256)+`"}}`),
		post("an empty object", `{"extra_specs": {}}`), post("an image store", `{"extra_specs": {"image_service:store_id": "nosuch"}}`),
		put("another key", `{"other": "x"}`), put("two keys", `{"k": "x", "l": "y"}`), put("nothing", `{}`), put("a number", `{"k": 1}`), put("a long value", `{"k": "`+long(256)+`"}`), put("null", `{"k": null}`),
		as(Admin, "specs of an absent type", "GET types/"+absent+"/extra_specs", ""),
		as(Admin, "specs added to an absent type", "POST types/"+absent+"/extra_specs", `{"extra_specs": {"a": "1"}}`),
		as(Admin, "specs key of an absent type", "GET types/"+absent+"/extra_specs/a", ""),
		as(Admin, "specs key set of an absent type", "PUT types/"+absent+"/extra_specs/a", `{"a": "1"}`),
		as(Admin, "specs key deleted of an absent type", "DELETE types/"+absent+"/extra_specs/a", ""),
		as(Member, "specs added as a member", "POST "+specs, `{"extra_specs": {"a": "1"}}`),
		as(Member, "specs key set as a member", "PUT "+specs+"/a", `{"a": "1"}`),
		as(Member, "specs key deleted as a member", "DELETE "+specs+"/a", ""),
		as(Member, "specs of a private type", "GET types/${private}/extra_specs", ""),
	}
}

func typeAccess() []Step {
	const access = "types/${private}/os-volume-type-access"
	add := func(p Persona, name, body string) Step { return act(p, "access added "+name, "types/${private}", body) }
	return []Step{
		{Name: "access of none", As: Admin, Do: "GET " + access},
		add(Admin, "for a project", `{"addProjectAccess": {"project": "${member_project}"}}`),
		add(Admin, "again", `{"addProjectAccess": {"project": "${member_project}"}}`),
		add(Admin, "for nobody", `{"addProjectAccess": {}}`),
		add(Admin, "for null", `{"addProjectAccess": {"project": null}}`),
		add(Admin, "for an empty id", `{"addProjectAccess": {"project": ""}}`),
		add(Admin, "for a project that is none", `{"addProjectAccess": {"project": "x y"}}`),
		add(Admin, "with an unknown member", `{"addProjectAccess": {"project": "${other_project}", "x": 1}}`),
		add(Member, "as a member", `{"addProjectAccess": {"project": "${member_project}"}}`),
		{Name: "access", As: Admin, Do: "GET " + access, Unordered: true},
		{Name: "access as a member", Do: "GET " + access},
		get("the private type for the member", "types/${private}"),
		{Name: "the types for the member", Do: "GET types", Unordered: true},
		{Name: "the private type for another", As: Other, Do: "GET types/${private}"},
		{Name: "access of a public type", As: Admin, Do: "GET types/${gold}/os-volume-type-access"},
		{Name: "access of an absent type", As: Admin, Do: "GET types/" + absent + "/os-volume-type-access"},
		act(Admin, "access added to a public type", "types/${gold}", `{"addProjectAccess": {"project": "${member_project}"}}`),
		act(Admin, "access added to an absent type", "types/"+absent, `{"addProjectAccess": {"project": "${member_project}"}}`),
		act(Admin, "access removed", "types/${private}", `{"removeProjectAccess": {"project": "${member_project}"}}`),
		act(Admin, "access removed again", "types/${private}", `{"removeProjectAccess": {"project": "${member_project}"}}`),
		act(Admin, "access removed from a public type", "types/${gold}", `{"removeProjectAccess": {"project": "${member_project}"}}`),
		act(Admin, "access removed from an absent type", "types/"+absent, `{"removeProjectAccess": {"project": "${member_project}"}}`),
		act(Member, "access removed as a member", "types/${private}", `{"removeProjectAccess": {"project": "${member_project}"}}`),
		act(Admin, "access by an action nobody knows", "types/${private}", `{"nosuch": {}}`),
	}
}

func defaultTypes() []Step {
	put := func(p Persona, name, project, body string) Step {
		return as(p, "default type set "+name, "PUT default-types/"+project, body)
	}
	return []Step{
		{Name: "default types none", As: Admin, Do: "GET default-types"},
		{Name: "default type none", As: Admin, Do: "GET default-types/${member_project}"},
		put(Admin, "", "${member_project}", `{"default_type": {"volume_type": "gold"}}`),
		put(Admin, "by id", "${other_project}", `{"default_type": {"volume_type": "${gold}"}}`),
		put(Admin, "to an absent type", "${member_project}", `{"default_type": {"volume_type": "nosuch"}}`),
		put(Admin, "to null", "${member_project}", `{"default_type": {"volume_type": null}}`),
		put(Admin, "to nothing", "${member_project}", `{"default_type": {}}`),
		put(Admin, "without a member", "${member_project}", `{}`),
		put(Member, "as a member", "${member_project}", `{"default_type": {"volume_type": "gold"}}`),
		{Name: "default types", As: Admin, Do: "GET default-types", Unordered: true},
		{Name: "default types as a member", Do: "GET default-types"},
		{Name: "default type", As: Admin, Do: "GET default-types/${member_project}"},
		{Name: "default type as a member", Do: "GET default-types/${member_project}"},
		get("the effective default", "types/default"),
		{Name: "delete the default", As: Admin, Do: "DELETE types/${gold}"},
		{Name: "default type unset as a member", Do: "DELETE default-types/${member_project}"},
		{Name: "default type unset", As: Admin, Do: "DELETE default-types/${member_project}"},
		{Name: "default type unset again", As: Admin, Do: "DELETE default-types/${member_project}"},
		{Name: "default type of the other unset", As: Admin, Do: "DELETE default-types/${other_project}"},
	}
}

func typesDelete() []Step {
	return []Step{
		{Name: "delete as a member", Do: "DELETE types/${bronze}"},
		{Name: "delete an absent one", As: Admin, Do: "DELETE types/" + absent},
		{Name: "delete the built-in default", As: Admin, Do: "DELETE types/${default_type}"},
		{Name: "delete", As: Admin, Do: "DELETE types/${bronze}"},
		{Name: "delete again", As: Admin, Do: "DELETE types/${bronze}"},
		{Name: "list what is left", As: Admin, Do: "GET types?is_public=none", Unordered: true},
		as(Member, "a volume of the deleted", "POST volumes", `{"volume": {"size": 1, "volume_type": "bronze"}}`),
	}
}

func encryption() Group {
	const of = "types/${t}/encryption"
	post := func(name, body string) Step {
		return as(Admin, "create "+name, "POST "+of, `{"encryption": {`+body+`}}`)
	}
	put := func(name, body string) Step {
		return as(Admin, "update "+name, "PUT "+of+"/${e}", `{"encryption": `+body+`}`)
	}
	return Group{Name: "type-encryption", Steps: []Step{
		as(Admin, "a type", "POST types", `{"volume_type": {"name": "secret"}}`).saving("t=volume_type.id"),
		volume(Member, "v", `"size": 1`),
		{Name: "show none", As: Admin, Do: "GET " + of},
		as(Member, "create as a member", "POST "+of, `{"encryption": {"provider": "luks", "control_location": "front-end"}}`),
		post("", `"provider": "luks", "control_location": "front-end", "cipher": "aes-xts-plain64", "key_size": 256`).saving("e=encryption.encryption_id"),
		post("again", `"provider": "luks", "control_location": "front-end"`),
		{Name: "show", As: Admin, Do: "GET " + of}, {Name: "show as a member", Do: "GET " + of},
		{Name: "show one field", As: Admin, Do: "GET " + of + "/cipher"}, {Name: "show an absent field", As: Admin, Do: "GET " + of + "/nosuch"},
		{Name: "show of an absent type", As: Admin, Do: "GET types/" + absent + "/encryption"},
		put("the cipher", `{"cipher": "aes-cbc"}`), put("the key size", `{"key_size": 512}`), put("nothing", `{}`), put("a bad location", `{"control_location": "x"}`), put("an unknown member", `{"x": 1}`),
		as(Admin, "update an absent one", "PUT "+of+"/"+absent, `{"encryption": {"cipher": "x"}}`),
		as(Member, "update as a member", "PUT "+of+"/${e}", `{"encryption": {"cipher": "x"}}`),
		as(Admin, "create for an absent type", "POST types/"+absent+"/encryption", `{"encryption": {"provider": "luks", "control_location": "front-end"}}`),
		{Name: "show the type", As: Admin, Do: "GET types/${t}"},
		as(Member, "a volume of it", "POST volumes", `{"volume": {"size": 1, "volume_type": "secret"}}`),
		{Name: "delete as a member", Do: "DELETE " + of + "/${e}"}, {Name: "delete an absent one", As: Admin, Do: "DELETE " + of + "/" + absent},
		{Name: "delete", As: Admin, Do: "DELETE " + of + "/${e}"}, {Name: "delete again", As: Admin, Do: "DELETE " + of + "/${e}"},
		post("without a provider", `"cipher": "aes-xts-plain64"`), post("with a bad location", `"provider": "luks", "control_location": "nosuch"`),
		post("with a bad key size", `"provider": "luks", "control_location": "front-end", "key_size": "x"`), post("with a negative key size", `"provider": "luks", "control_location": "front-end", "key_size": -1`),
		post("with a long cipher", `"provider": "luks", "control_location": "front-end", "cipher": "`+long(256)+`"`), post("with an unknown member", `"provider": "luks", "control_location": "front-end", "nosuch": 1`),
		{Name: "of a volume", Do: "GET volumes/${v}/encryption"}, {Name: "one field of a volume", Do: "GET volumes/${v}/encryption/cipher"},
		{Name: "an absent field of a volume", Do: "GET volumes/${v}/encryption/nosuch"}, {Name: "the key of a volume", Do: "GET volumes/${v}/encryption/encryption_key_id"},
		{Name: "of an absent volume", Do: "GET volumes/" + absent + "/encryption"}, {Name: "one field of an absent volume", Do: "GET volumes/" + absent + "/encryption/cipher"},
		{Name: "of a volume as a reader", As: Reader, Do: "GET volumes/${v}/encryption"}, {Name: "of a volume as another project", As: Other, Do: "GET volumes/${v}/encryption"},
	}}
}

func qos() Group {
	post := func(name, body string) Step {
		return as(Admin, "create "+name, "POST qos-specs", `{"qos_specs": {`+body+`}}`)
	}
	put := func(name, body string) Step {
		return as(Admin, "update "+name, "PUT qos-specs/${q}", `{"qos_specs": {`+body+`}}`)
	}
	return Group{Name: "qos-specs", Steps: []Step{
		{Name: "list none", As: Admin, Do: "GET qos-specs"}, {Name: "list as a member", Do: "GET qos-specs"},
		as(Admin, "a type", "POST types", `{"volume_type": {"name": "t"}}`).saving("t=volume_type.id"),
		post("", `"name": "q", "consumer": "front-end", "read_iops_sec": "100"`).saving("q=qos_specs.id"), post("without a consumer", `"name": "p"`).saving("p=qos_specs.id"),
		post("with numbers", `"name": "n", "total_iops": 5`).saving("n=qos_specs.id"), post("with a name that is there", `"name": "q"`), post("without a name", `"consumer": "both"`), post("with a bad consumer", `"name": "x", "consumer": "x"`),
		post("with an empty name", `"name": ""`), post("with a long name", `"name": "`+long(256)+`"`), post("with a list", `"name": "x", "a": []`), post("with a bad key", `"name": "x", "a/b": "1"`),
		as(Admin, "create from null", "POST qos-specs", `{"qos_specs": null}`), as(Member, "create as a member", "POST qos-specs", `{"qos_specs": {"name": "x"}}`),
		{Name: "show", As: Admin, Do: "GET qos-specs/${q}"}, {Name: "show as a member", Do: "GET qos-specs/${q}"}, {Name: "show an absent one", As: Admin, Do: "GET qos-specs/" + absent},
		{Name: "list", As: Admin, Do: "GET qos-specs", Unordered: true}, {Name: "list a page", As: Admin, Do: "GET qos-specs?limit=1&sort=name:asc"}, {Name: "list with a bad limit", As: Admin, Do: "GET qos-specs?limit=x"},
		{Name: "list by consumer", As: Admin, Do: "GET qos-specs?consumer=front-end", Unordered: true}, {Name: "list by an unknown filter", As: Admin, Do: "GET qos-specs?nosuch=1", Unordered: true}, {Name: "list with a bad sort key", As: Admin, Do: "GET qos-specs?sort_key=nosuch"},
		put("", `"write_iops_sec": "200"`), put("the consumer", `"consumer": "both"`), put("with a bad consumer", `"consumer": "x"`), put("with a list", `"a": []`), put("nothing", ``),
		as(Admin, "update an absent one", "PUT qos-specs/"+absent, `{"qos_specs": {"a": "b"}}`), as(Member, "update as a member", "PUT qos-specs/${q}", `{"qos_specs": {"a": "b"}}`),
		{Name: "associations none", As: Admin, Do: "GET qos-specs/${q}/associations"}, {Name: "associate", As: Admin, Do: "GET qos-specs/${q}/associate?vol_type_id=${t}"}, {Name: "associate again", As: Admin, Do: "GET qos-specs/${q}/associate?vol_type_id=${t}"},
		{Name: "associate another with it", As: Admin, Do: "GET qos-specs/${p}/associate?vol_type_id=${t}"}, {Name: "associate without a type", As: Admin, Do: "GET qos-specs/${q}/associate"}, {Name: "associate an absent type", As: Admin, Do: "GET qos-specs/${q}/associate?vol_type_id=" + absent},
		{Name: "associate an absent one", As: Admin, Do: "GET qos-specs/" + absent + "/associate?vol_type_id=${t}"}, {Name: "associate as a member", Do: "GET qos-specs/${q}/associate?vol_type_id=${t}"},
		{Name: "associations", As: Admin, Do: "GET qos-specs/${q}/associations"}, {Name: "associations as a member", Do: "GET qos-specs/${q}/associations"}, {Name: "associations of an absent one", As: Admin, Do: "GET qos-specs/" + absent + "/associations"},
		{Name: "show the type", As: Admin, Do: "GET types/${t}"}, {Name: "show the type as a member", Do: "GET types/${t}"},
		{Name: "delete one in use", As: Admin, Do: "DELETE qos-specs/${q}"}, {Name: "delete with a bad force", As: Admin, Do: "DELETE qos-specs/${q}?force=maybe"},
		{Name: "disassociate without a type", As: Admin, Do: "GET qos-specs/${q}/disassociate"}, {Name: "disassociate another", As: Admin, Do: "GET qos-specs/${p}/disassociate?vol_type_id=${t}"}, {Name: "disassociate", As: Admin, Do: "GET qos-specs/${q}/disassociate?vol_type_id=${t}"},
		{Name: "disassociate as a member", Do: "GET qos-specs/${q}/disassociate?vol_type_id=${t}"}, {Name: "disassociate all", As: Admin, Do: "GET qos-specs/${q}/disassociate_all"}, {Name: "disassociate all of an absent one", As: Admin, Do: "GET qos-specs/" + absent + "/disassociate_all"}, {Name: "disassociate all as a member", Do: "GET qos-specs/${q}/disassociate_all"},
		as(Admin, "delete keys", "PUT qos-specs/${q}/delete_keys", `{"keys": ["read_iops_sec"]}`), as(Admin, "delete absent keys", "PUT qos-specs/${q}/delete_keys", `{"keys": ["nosuch"]}`), as(Admin, "delete no keys", "PUT qos-specs/${q}/delete_keys", `{}`),
		as(Admin, "delete keys of an absent one", "PUT qos-specs/"+absent+"/delete_keys", `{"keys": ["a"]}`), as(Member, "delete keys as a member", "PUT qos-specs/${q}/delete_keys", `{"keys": ["a"]}`),
		{Name: "show after all", As: Admin, Do: "GET qos-specs/${q}"}, {Name: "delete as a member", Do: "DELETE qos-specs/${q}"}, {Name: "delete an absent one", As: Admin, Do: "DELETE qos-specs/" + absent},
		{Name: "delete", As: Admin, Do: "DELETE qos-specs/${q}"}, {Name: "delete by force", As: Admin, Do: "DELETE qos-specs/${p}?force=true"}, {Name: "list what is left", As: Admin, Do: "GET qos-specs"},
	}}
}
