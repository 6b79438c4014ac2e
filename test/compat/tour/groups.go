package tour

func groupTypes() Group {
	post := func(name, body string) Step {
		return as(Admin, "create "+name, "POST group_types", `{"group_type": {`+body+`}}`)
	}
	put := func(name, body string) Step {
		return as(Admin, "update "+name, "PUT group_types/${g}", `{"group_type": {`+body+`}}`)
	}
	const specs = "group_types/${g}/group_specs"
	return Group{Name: "group-types", Since: "3.27", Steps: []Step{
		{Name: "list at first", As: Admin, Do: "GET group_types", Unordered: true}, {Name: "list at first as a member", Do: "GET group_types", Unordered: true},
		post("", `"name": "g", "description": "d", "is_public": true, "group_specs": {"consistent_group_snapshot_enabled": "<is> False"}`).saving("g=group_type.id"),
		post("private", `"name": "p", "is_public": false`).saving("p=group_type.id"), post("with a name that is there", `"name": "g"`), post("without a name", `"description": "x"`), post("with an empty name", `"name": ""`),
		post("with a long name", `"name": "`+long(256)+`"`), post("with a bad flag", `"name": "x", "is_public": "maybe"`), post("with an unknown member", `"name": "x", "x": 1`), post("with specs of numbers", `"name": "x", "group_specs": {"a": 1}`),
		as(Member, "create as a member", "POST group_types", `{"group_type": {"name": "x"}}`),
		get("show", "group_types/${g}"), {Name: "show as admin", As: Admin, Do: "GET group_types/${g}"}, get("show the default", "group_types/default"), get("show an absent one", "group_types/"+absent), get("show the private one", "group_types/${p}"),
		{Name: "list", As: Admin, Do: "GET group_types", Unordered: true}, {Name: "list as a member", Do: "GET group_types", Unordered: true}, {Name: "list private ones", As: Admin, Do: "GET group_types?is_public=false"}, {Name: "list with a bad flag", As: Admin, Do: "GET group_types?is_public=maybe"},
		{Name: "list a page", As: Admin, Do: "GET group_types?sort=name:asc&limit=1"}, {Name: "list with a bad limit", As: Admin, Do: "GET group_types?limit=x"}, {Name: "steps of group types", As: Admin, Do: "GET group_types?is_public=false", At: "3.10 3.11"},
		put("the name", `"name": "h"`), put("the description", `"description": "e"`), put("the flag", `"is_public": true`), put("nothing", ``), put("to a name that is there", `"name": "p"`), put("an empty name", `"name": ""`), put("a bad flag", `"is_public": "maybe"`),
		as(Admin, "update an absent one", "PUT group_types/"+absent, `{"group_type": {"name": "x"}}`), as(Member, "update as a member", "PUT group_types/${g}", `{"group_type": {"name": "x"}}`),
		{Name: "specs", As: Admin, Do: "GET " + specs}, {Name: "specs as a member", Do: "GET " + specs}, as(Admin, "specs added", "POST "+specs, `{"group_specs": {"a": "1"}}`), as(Admin, "specs added, a number", "POST "+specs, `{"group_specs": {"a": 1}}`), as(Admin, "specs added, a bad key", "POST "+specs, `{"group_specs": {"a/b": "1"}}`),
		as(Admin, "specs added, nothing", "POST "+specs, `{}`), as(Member, "specs added as a member", "POST "+specs, `{"group_specs": {"a": "1"}}`), {Name: "specs of one key", As: Admin, Do: "GET " + specs + "/a"}, {Name: "specs of an absent key", As: Admin, Do: "GET " + specs + "/nosuch"},
		as(Admin, "specs key set", "PUT "+specs+"/a", `{"a": "2"}`), as(Admin, "specs key set, another key", "PUT "+specs+"/a", `{"b": "2"}`), as(Admin, "specs key set, two keys", "PUT "+specs+"/a", `{"a": "2", "b": "3"}`), as(Member, "specs key set as a member", "PUT "+specs+"/a", `{"a": "2"}`),
		{Name: "specs key deleted", As: Admin, Do: "DELETE " + specs + "/a"}, {Name: "specs key deleted again", As: Admin, Do: "DELETE " + specs + "/a"}, {Name: "specs of an absent type", As: Admin, Do: "GET group_types/" + absent + "/group_specs"},
		act(Admin, "an action nobody knows", "group_types/${g}", `{"nosuch": {}}`), {Name: "delete as a member", Do: "DELETE group_types/${g}"}, {Name: "delete", As: Admin, Do: "DELETE group_types/${g}"}, {Name: "delete again", As: Admin, Do: "DELETE group_types/${g}"},
	}}
}

func groups() Group {
	return Group{Name: "groups", Since: "3.27", Steps: join(groupsCreate(), groupsChange(), groupSnapshots(), groupActions())}
}

func groupsCreate() []Step {
	post := func(name, body string) Step {
		return as(Member, "create "+name, "POST groups", `{"group": {`+body+`}}`)
	}
	return []Step{
		as(Admin, "a group type", "POST group_types", `{"group_type": {"name": "gt", "group_specs": {"consistent_group_snapshot_enabled": "<is> True"}}}`).saving("gt=group_type.id"),
		get("list none", "groups"), get("detail none", "groups/detail"),
		post("", `"group_type": "${gt}", "volume_types": ["${default_type}"], "name": "g", "description": "d"`).saving("g=group.id").waiting("groups/${g} group.status available|error"),
		post("by names", `"group_type": "gt", "volume_types": ["__DEFAULT__"], "availability_zone": "nova"`).saving("h=group.id").waiting("groups/${h} group.status available|error"),
		post("without a group type", `"volume_types": ["${default_type}"]`), post("without volume types", `"group_type": "${gt}"`), post("with no volume types", `"group_type": "${gt}", "volume_types": []`),
		post("with an absent group type", `"group_type": "`+absent+`", "volume_types": ["${default_type}"]`), post("with an absent volume type", `"group_type": "${gt}", "volume_types": ["`+absent+`"]`), post("with one volume type twice", `"group_type": "${gt}", "volume_types": ["${default_type}", "${default_type}"]`),
		post("in an absent zone", `"group_type": "${gt}", "volume_types": ["${default_type}"], "availability_zone": "nosuch"`), post("with a long name", `"group_type": "${gt}", "volume_types": ["${default_type}"], "name": "`+long(256)+`"`),
		post("with an unknown member", `"group_type": "${gt}", "volume_types": ["${default_type}"], "x": 1`), as(Reader, "create as a reader", "POST groups", `{"group": {"group_type": "${gt}", "volume_types": ["${default_type}"]}}`), as(Member, "create from null", "POST groups", `{"group": null}`),
		get("show", "groups/${g}"), {Name: "show as admin", As: Admin, Do: "GET groups/${g}"}, get("show with volumes", "groups/${g}?list_volume=true"), {Name: "show as another project", As: Other, Do: "GET groups/${g}"}, get("show an absent one", "groups/"+absent),
		{Name: "list", Do: "GET groups", Unordered: true}, {Name: "detail", Do: "GET groups/detail", Unordered: true}, {Name: "detail with volumes", Do: "GET groups/detail?list_volume=true", Unordered: true}, {Name: "list as admin", As: Admin, Do: "GET groups?all_tenants=1", Unordered: true},
		get("list by name", "groups?name=g"), get("list by an unknown filter", "groups?nosuch=1").unordered(), get("list a page", "groups?sort=name:desc&limit=1"), get("list with a bad limit", "groups?limit=x"), get("list with a bad sort key", "groups?sort_key=nosuch"), get("list with an absent marker", "groups?marker="+absent),
		{Name: "steps of a group's view", Do: "GET groups/${g}?list_volume=true", At: "3.13 3.14 3.24 3.25 3.37 3.38 3.57 3.58"}, {Name: "steps of groups", Do: "GET groups/${g}", At: "3.12 3.13"},
	}
}

func (s Step) unordered() Step { s.Unordered = true; return s }

func groupsChange() []Step {
	put := func(name, body string) Step {
		return as(Member, "update "+name, "PUT groups/${g}", `{"group": {`+body+`}}`)
	}
	return []Step{
		as(Member, "a volume in the group", "POST volumes", `{"volume": {"name": "v", "size": 1, "group_id": "${g}", "volume_type": "__DEFAULT__"}}`).saving("v=volume.id").waiting("volumes/${v} volume.status available|error"),
		as(Member, "a volume in the group without a type", "POST volumes", `{"volume": {"name": "v", "size": 1, "group_id": "${h}"}}`).saving("u=volume.id").waiting("volumes/${u} volume.status available|error"),
		volume(Member, "w", `"size": 1`), get("show a volume in the group", "volumes/${v}"), get("volumes of the group", "volumes?group_id=${g}"), get("show the volumes of the group", "groups/${g}?list_volume=true"),
		put("the name", `"name": "n"`), put("the description", `"description": "e"`), put("by adding", `"add_volumes": "${w}"`).waiting("groups/${g} group.status available|error"), put("by adding again", `"add_volumes": "${w}"`), put("by adding an absent one", `"add_volumes": "`+absent+`"`),
		put("by removing", `"remove_volumes": "${w}"`).waiting("groups/${g} group.status available|error"), put("by removing again", `"remove_volumes": "${w}"`), put("by adding and removing one", `"add_volumes": "${w}", "remove_volumes": "${w}"`), put("nothing", ``), put("to the same name", `"name": "n"`), put("an unknown member", `"x": 1`), put("a long name", `"name": "`+long(256)+`"`),
		as(Member, "update an absent one", "PUT groups/"+absent, `{"group": {"name": "x"}}`), as(Reader, "update as a reader", "PUT groups/${g}", `{"group": {"name": "x"}}`), as(Other, "update as another project", "PUT groups/${g}", `{"group": {"name": "x"}}`),
		{Name: "delete a volume of the group", Do: "DELETE volumes/${v}"}, as(Member, "a snapshot of a volume of the group", "POST snapshots", `{"snapshot": {"volume_id": "${v}", "name": "s"}}`).saving("s=snapshot.id").waiting("snapshots/${s} snapshot.status available"), {Name: "delete that snapshot", Do: "DELETE snapshots/${s}", Wait: "snapshots/${s} gone"},
	}
}

func groupSnapshots() []Step {
	post := func(name, body string) Step {
		return as(Member, "snapshot: create "+name, "POST group_snapshots", `{"group_snapshot": {`+body+`}}`)
	}
	return []Step{
		get("snapshot: list none", "group_snapshots"), post("", `"group_id": "${g}", "name": "gs", "description": "d"`).saving("gs=group_snapshot.id").waiting("group_snapshots/${gs} group_snapshot.status available|error"),
		post("without a group", `"name": "x"`), post("of an absent group", `"group_id": "`+absent+`"`), post("of what is no id", `"group_id": "x"`), post("of a group without volumes", `"group_id": "${h}"`), post("with a long name", `"group_id": "${g}", "name": "`+long(256)+`"`), post("with an unknown member", `"group_id": "${g}", "x": 1`),
		as(Reader, "snapshot: create as a reader", "POST group_snapshots", `{"group_snapshot": {"group_id": "${g}"}}`), as(Other, "snapshot: create as another project", "POST group_snapshots", `{"group_snapshot": {"group_id": "${g}"}}`),
		get("snapshot: show", "group_snapshots/${gs}"), get("snapshot: show an absent one", "group_snapshots/"+absent), get("snapshot: list", "group_snapshots"), get("snapshot: detail", "group_snapshots/detail"), {Name: "snapshot: detail as admin", As: Admin, Do: "GET group_snapshots/detail?all_tenants=1"},
		get("snapshot: list by group", "group_snapshots?group_id=${g}"), get("snapshot: list by an unknown filter", "group_snapshots?nosuch=1"), get("snapshot: list a page", "group_snapshots?sort=name:asc&limit=1"), {Name: "snapshot: steps", Do: "GET group_snapshots/${gs}", At: "3.13 3.14 3.57 3.58"}, {Name: "snapshot: steps of filters", Do: "GET group_snapshots?name=nosuch&limit=1", At: "3.28 3.29"},
		{Name: "snapshot: its snapshots", Do: "GET snapshots/detail", Unordered: true}, act(Member, "snapshot: reset as a member", "group_snapshots/${gs}", `{"reset_status": {"status": "error"}}`), act(Admin, "snapshot: reset", "group_snapshots/${gs}", `{"reset_status": {"status": "error"}}`), act(Admin, "snapshot: reset badly", "group_snapshots/${gs}", `{"reset_status": {"status": "nosuch"}}`),
		act(Admin, "snapshot: reset to nothing", "group_snapshots/${gs}", `{"reset_status": {}}`), act(Admin, "snapshot: reset an absent one", "group_snapshots/"+absent, `{"reset_status": {"status": "error"}}`), act(Admin, "snapshot: reset back", "group_snapshots/${gs}", `{"reset_status": {"status": "available"}}`),
		as(Member, "create from a snapshot", "POST groups/action", `{"create-from-src": {"name": "c", "group_snapshot_id": "${gs}"}}`).saving("c=group.id").waiting("groups/${c} group.status available|error"),
		as(Member, "create from a group", "POST groups/action", `{"create-from-src": {"name": "k", "source_group_id": "${g}"}}`).saving("k=group.id").waiting("groups/${k} group.status available|error"),
		as(Member, "create from both", "POST groups/action", `{"create-from-src": {"group_snapshot_id": "${gs}", "source_group_id": "${g}"}}`), as(Member, "create from neither", "POST groups/action", `{"create-from-src": {"name": "x"}}`), as(Member, "create from an absent snapshot", "POST groups/action", `{"create-from-src": {"group_snapshot_id": "`+absent+`"}}`),
		as(Member, "create from an absent group", "POST groups/action", `{"create-from-src": {"source_group_id": "`+absent+`"}}`), as(Member, "create from an empty group", "POST groups/action", `{"create-from-src": {"source_group_id": "${h}"}}`), as(Reader, "create from a group as a reader", "POST groups/action", `{"create-from-src": {"source_group_id": "${g}"}}`),
		get("show one from a snapshot", "groups/${c}"), get("show one from a group", "groups/${k}"), act(Member, "delete a group with a snapshot", "groups/${g}", `{"delete": {"delete-volumes": true}}`),
		{Name: "snapshot: delete as a reader", As: Reader, Do: "DELETE group_snapshots/${gs}"}, {Name: "snapshot: delete an absent one", Do: "DELETE group_snapshots/" + absent}, {Name: "snapshot: delete", Do: "DELETE group_snapshots/${gs}", Wait: "group_snapshots/${gs} gone"}, {Name: "snapshot: delete again", Do: "DELETE group_snapshots/${gs}"},
	}
}

func groupActions() []Step {
	return []Step{
		act(Member, "reset as a member", "groups/${h}", `{"reset_status": {"status": "error"}}`), act(Admin, "reset", "groups/${h}", `{"reset_status": {"status": "error"}}`), act(Admin, "reset badly", "groups/${h}", `{"reset_status": {"status": "nosuch"}}`), act(Admin, "reset to nothing", "groups/${h}", `{"reset_status": {}}`), act(Admin, "reset an absent one", "groups/"+absent, `{"reset_status": {"status": "error"}}`), act(Admin, "reset back", "groups/${h}", `{"reset_status": {"status": "available"}}`),
		act(Member, "enable replication", "groups/${h}", `{"enable_replication": {}}`), act(Member, "disable replication", "groups/${h}", `{"disable_replication": {}}`), act(Member, "failover replication", "groups/${h}", `{"failover_replication": {"allow_attached_volume": true, "secondary_backend_id": "b"}}`), act(Member, "failover replication badly", "groups/${h}", `{"failover_replication": {"allow_attached_volume": "maybe"}}`), act(Member, "list replication targets", "groups/${h}", `{"list_replication_targets": {}}`),
		act(Member, "enable replication of an absent one", "groups/"+absent, `{"enable_replication": {}}`), act(Member, "list replication targets of an absent one", "groups/"+absent, `{"list_replication_targets": {}}`), act(Reader, "enable replication as a reader", "groups/${h}", `{"enable_replication": {}}`),
		act(Member, "delete one with volumes", "groups/${g}", `{"delete": {}}`), act(Member, "delete with a bad flag", "groups/${g}", `{"delete": {"delete-volumes": "maybe"}}`), act(Reader, "delete as a reader", "groups/${g}", `{"delete": {"delete-volumes": true}}`), act(Member, "delete an absent one", "groups/"+absent, `{"delete": {}}`), act(Member, "an action nobody knows", "groups/${g}", `{"nosuch": {}}`),
		act(Member, "delete", "groups/${g}", `{"delete": {"delete-volumes": true}}`).waiting("groups/${g} gone"), act(Member, "delete an empty one", "groups/${h}", `{"delete": {"delete-volumes": false}}`), act(Member, "delete again", "groups/${g}", `{"delete": {"delete-volumes": true}}`), get("show the deleted", "groups/${g}"), get("its volume", "volumes/${v}"),
	}
}

func consistencyGroups() Group {
	return Group{Name: "consistencygroups", Steps: []Step{
		as(Admin, "a type", "POST types", `{"volume_type": {"name": "t"}}`).saving("t=volume_type.id"), get("list none", "consistencygroups"), get("detail none", "consistencygroups/detail"),
		as(Member, "create", "POST consistencygroups", `{"consistencygroup": {"name": "cg", "description": "d", "volume_types": "t", "availability_zone": "nova"}}`).saving("cg=consistencygroup.id").waiting("consistencygroups/${cg} consistencygroup.status available|error"),
		as(Member, "create without types", "POST consistencygroups", `{"consistencygroup": {"name": "x"}}`), as(Member, "create with an absent type", "POST consistencygroups", `{"consistencygroup": {"volume_types": "nosuch"}}`), as(Member, "create from null", "POST consistencygroups", `{"consistencygroup": null}`), as(Member, "create with a long name", "POST consistencygroups", `{"consistencygroup": {"volume_types": "t", "name": "`+long(256)+`"}}`), as(Reader, "create as a reader", "POST consistencygroups", `{"consistencygroup": {"volume_types": "t"}}`),
		get("show", "consistencygroups/${cg}"), get("show an absent one", "consistencygroups/"+absent), get("list", "consistencygroups"), get("detail", "consistencygroups/detail"), {Name: "detail as admin", As: Admin, Do: "GET consistencygroups/detail?all_tenants=1"},
		as(Member, "a volume in it", "POST volumes", `{"volume": {"name": "v", "size": 1, "consistencygroup_id": "${cg}", "volume_type": "t"}}`).saving("v=volume.id").waiting("volumes/${v} volume.status available|error"), get("show the volume", "volumes/${v}"),
		as(Member, "update", "PUT consistencygroups/${cg}", `{"consistencygroup": {"name": "n"}}`), as(Member, "update by the old path", "PUT consistencygroups/${cg}/update", `{"consistencygroup": {"description": "e"}}`), as(Member, "update nothing", "PUT consistencygroups/${cg}", `{"consistencygroup": {"name": "", "description": "", "add_volumes": null, "remove_volumes": null}}`), as(Member, "update by adding an absent one", "PUT consistencygroups/${cg}", `{"consistencygroup": {"add_volumes": "`+absent+`"}}`), as(Member, "update an absent one", "PUT consistencygroups/"+absent, `{"consistencygroup": {"name": "x"}}`),
		{Name: "steps of emptying", Do: "PUT consistencygroups/${cg}", Body: `{"consistencygroup": {"name": ""}}`, At: "3.5 3.6"},
		get("snapshot: list none", "cgsnapshots"), as(Member, "snapshot: create", "POST cgsnapshots", `{"cgsnapshot": {"consistencygroup_id": "${cg}", "name": "s"}}`).saving("s=cgsnapshot.id").waiting("cgsnapshots/${s} cgsnapshot.status available|error"), as(Member, "snapshot: create of an absent one", "POST cgsnapshots", `{"cgsnapshot": {"consistencygroup_id": "`+absent+`"}}`), as(Member, "snapshot: create without a group", "POST cgsnapshots", `{"cgsnapshot": {"name": "x"}}`),
		get("snapshot: show", "cgsnapshots/${s}"), get("snapshot: show an absent one", "cgsnapshots/"+absent), get("snapshot: list", "cgsnapshots"), get("snapshot: detail", "cgsnapshots/detail"),
		as(Member, "create from a snapshot", "POST consistencygroups/create_from_src", `{"consistencygroup-from-src": {"name": "c", "cgsnapshot_id": "${s}"}}`).saving("c=consistencygroup.id").waiting("consistencygroups/${c} consistencygroup.status available|error"), as(Member, "create from a group", "POST consistencygroups/create_from_src", `{"consistencygroup-from-src": {"name": "k", "source_cgid": "${cg}"}}`).saving("k=consistencygroup.id").waiting("consistencygroups/${k} consistencygroup.status available|error"),
		as(Member, "create from neither", "POST consistencygroups/create_from_src", `{"consistencygroup-from-src": {"name": "x"}}`), as(Member, "create from both", "POST consistencygroups/create_from_src", `{"consistencygroup-from-src": {"cgsnapshot_id": "${s}", "source_cgid": "${cg}"}}`), as(Member, "create from an absent snapshot", "POST consistencygroups/create_from_src", `{"consistencygroup-from-src": {"cgsnapshot_id": "`+absent+`"}}`),
		{Name: "snapshot: delete", Do: "DELETE cgsnapshots/${s}", Wait: "cgsnapshots/${s} gone"}, {Name: "snapshot: delete an absent one", Do: "DELETE cgsnapshots/" + absent},
		as(Member, "delete one with volumes", "POST consistencygroups/${cg}/delete", `{"consistencygroup": {"force": false}}`), as(Member, "delete with a bad force", "POST consistencygroups/${cg}/delete", `{"consistencygroup": {"force": "maybe"}}`), as(Member, "delete without a member", "POST consistencygroups/${cg}/delete", `{}`), as(Member, "delete", "POST consistencygroups/${cg}/delete", `{"consistencygroup": {"force": true}}`).waiting("consistencygroups/${cg} gone"), as(Member, "delete an absent one", "POST consistencygroups/"+absent+"/delete", `{"consistencygroup": {"force": true}}`),
		{Name: "delete by DELETE", Do: "DELETE consistencygroups/${cg}"}, act(Member, "an action", "consistencygroups/"+absent, `{"nosuch": {}}`),
	}}
}
