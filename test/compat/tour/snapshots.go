package tour

func snapshots() Group {
	return Group{Name: "snapshots", Steps: join(
		[]Step{volume(Member, "v", `"size": 1`), volume(Member, "w", `"size": 2`), volume(Other, "theirs", `"size": 1`)},
		snapshotsCreate(), snapshotsRead(), snapshotsList(), snapshotsChange(), snapshotsMetadata(), snapshotActions(), snapshotsDelete())}
}

func snapshotsCreate() []Step {
	create := func(name, snapshot string) Step {
		return Step{Name: "create " + name, Do: "POST snapshots", Body: `{"snapshot": {` + snapshot + `}}`}
	}
	ready := func(s Step, variable string) Step {
		return s.saving(variable + "=snapshot.id").waiting("snapshots/${" + variable + "} snapshot.status available")
	}
	return []Step{
		get("list none", "snapshots"),
		get("detail none", "snapshots/detail"),
		ready(create("plainly", `"volume_id": "${v}"`), "plain"),
		ready(create("with everything", `"volume_id": "${w}", "name": "all", "description": "of it", "metadata": {"a": "1", "b": "2"}`), "all"),
		ready(create("with v1's name", `"volume_id": "${v}", "display_name": " old ", "description": " way "`), "old"),
		ready(create("by force", `"volume_id": "${v}", "name": "forced", "force": true`), "forced"),
		create("with v1's description", `"volume_id": "${v}", "display_description": "x"`),
		create("with an unknown member", `"volume_id": "${v}", "nosuch": 1`),
		create("without a volume", `"name": "x"`),
		create("of null", `"volume_id": null`),
		create("of an absent volume", `"volume_id": "`+absent+`"`),
		create("of what is no id", `"volume_id": "x"`),
		create("of another project's", `"volume_id": "${theirs}"`),
		create("with a long name", `"volume_id": "${v}", "name": "`+long(256)+`"`),
		create("with a name that is a number", `"volume_id": "${v}", "name": 1`),
		create("with a long description", `"volume_id": "${v}", "description": "`+long(256)+`"`),
		create("with a bad force", `"volume_id": "${v}", "force": "maybe"`),
		create("with metadata of a number", `"volume_id": "${v}", "metadata": {"a": 1}`),
		create("with metadata that is a list", `"volume_id": "${v}", "metadata": []`),
		create("with a long metadata value", `"volume_id": "${v}", "metadata": {"a": "`+long(256)+`"}`),
		{Name: "create without a snapshot", Do: "POST snapshots", Body: `{}`},
		{Name: "create from null", Do: "POST snapshots", Body: `{"snapshot": null}`},
		{Name: "create as a reader", As: Reader, Do: "POST snapshots", Body: `{"snapshot": {"volume_id": "${v}"}}`},
		{Name: "create for another project", As: Other, Do: "POST snapshots", Body: `{"snapshot": {"volume_id": "${theirs}", "name": "theirs"}}`,
			Save: "foreign=snapshot.id", Wait: "snapshots/${foreign} snapshot.status available"},
		{Name: "steps of force", Do: "POST snapshots", At: "3.65 3.66", Body: `{"snapshot": {"volume_id": "${v}", "force": "maybe"}}`},
	}
}

func snapshotsRead() []Step {
	return []Step{
		get("show", "snapshots/${plain}"),
		get("show with everything", "snapshots/${all}"),
		get("show with v1's names", "snapshots/${old}"),
		{Name: "show without a project in the path", Do: "GET /v3/snapshots/${plain}"},
		{Name: "show as a reader", As: Reader, Do: "GET snapshots/${plain}"},
		{Name: "show as admin", As: Admin, Do: "GET snapshots/${plain}"},
		get("show another project's", "snapshots/${foreign}"),
		get("show an absent one", "snapshots/"+absent),
		get("show what is no id", "snapshots/nosuch"),
		{Name: "steps of a snapshot's view", Do: "GET snapshots/${all}", At: "3.13 3.14 3.40 3.41 3.64 3.65"},
	}
}

func snapshotsList() []Step {
	list := func(name, query string) Step {
		return Step{Name: "list " + name, Do: "GET snapshots?" + query, Unordered: true}
	}
	sorted := func(name, query string) Step { return Step{Name: "list " + name, Do: "GET snapshots?" + query} }
	return []Step{
		{Name: "list", Do: "GET snapshots", Unordered: true},
		{Name: "detail", Do: "GET snapshots/detail", Unordered: true},
		{Name: "list as a reader", As: Reader, Do: "GET snapshots", Unordered: true},
		{Name: "list another project's", As: Other, Do: "GET snapshots"},
		{Name: "list all tenants as a member", Do: "GET snapshots?all_tenants=1", Unordered: true},
		{Name: "list all tenants as admin", As: Admin, Do: "GET snapshots?all_tenants=1", Unordered: true},
		{Name: "detail of all tenants as admin", As: Admin, Do: "GET snapshots/detail?all_tenants=1", Unordered: true},
		{Name: "list a project as admin", As: Admin, Do: "GET snapshots?all_tenants=1&project_id=${other_project}"},
		list("by name", "name=all"),
		list("by part of a name", "name~=l"),
		list("by status", "status=available"),
		list("by volume", "volume_id=${w}"),
		list("by metadata", "metadata=%7B%22a%22%3A%221%22%7D"),
		list("by bad metadata", "metadata=x"),
		list("by zone", "availability_zone=nova"),
		list("by consumes_quota", "consumes_quota=true"),
		list("by a bad consumes_quota", "consumes_quota=maybe"),
		list("by an unknown filter", "nosuch=1"),
		list("with a bad limit", "limit=x"),
		list("with an absent marker", "marker="+absent),
		list("with a bad sort key", "sort_key=nosuch"),
		list("with a bad sort direction", "sort_key=id&sort_dir=x"),
		list("created after", "created_at=gt:2020-01-01T00:00:00"),
		sorted("sorted", "sort=name:asc"),
		sorted("a page", "sort=name:desc&limit=1"),
		sorted("a page with count", "sort=name:desc&limit=1&with_count=true"),
		sorted("the next page", "sort=name:desc&limit=1&marker=${old}"),
		sorted("from an offset", "sort=name:asc&offset=2"),
		{Name: "detail of a page", Do: "GET snapshots/detail?sort=name:asc&limit=2"},
		{Name: "steps of sorting by name", Do: "GET snapshots?sort=name:asc&limit=1", At: "3.29 3.30"},
		{Name: "steps of metadata filters", Do: "GET snapshots?metadata=%7B%22a%22%3A%221%22%7D", At: "3.21 3.22", Unordered: true},
		{Name: "steps of counts", Do: "GET snapshots?with_count=true&name=all", At: "3.44 3.45", Unordered: true},
	}
}

func snapshotsChange() []Step {
	put := func(name, snapshot string) Step {
		return Step{Name: "update " + name, Do: "PUT snapshots/${plain}", Body: `{"snapshot": ` + snapshot + `}`}
	}
	return []Step{
		put("the name", `{"name": " plain "}`),
		put("the description", `{"description": "text"}`),
		put("with v1's names", `{"display_name": "plain", "display_description": "old"}`),
		put("nothing", `{}`),
		put("null", `null`),
		put("the name to null", `{"name": null}`),
		put("an unknown member", `{"name": "plain", "nosuch": 1}`),
		put("the volume", `{"volume_id": "${w}"}`),
		put("a long name", `{"name": "`+long(256)+`"}`),
		put("a number", `{"name": 1}`),
		{Name: "update without a snapshot", Do: "PUT snapshots/${plain}", Body: `{}`},
		{Name: "update as a reader", As: Reader, Do: "PUT snapshots/${plain}", Body: `{"snapshot": {"name": "x"}}`},
		{Name: "update another project's", Do: "PUT snapshots/${foreign}", Body: `{"snapshot": {"name": "x"}}`},
		{Name: "update an absent one", Do: "PUT snapshots/" + absent, Body: `{"snapshot": {"name": "x"}}`},
		get("show after the updates", "snapshots/${plain}"),
	}
}

func snapshotsMetadata() []Step {
	const item = "snapshots/${all}/metadata"
	return []Step{
		get("metadata", item),
		get("metadata of none", "snapshots/${plain}/metadata"),
		{Name: "metadata added", Do: "POST " + item, Body: `{"metadata": {"c": "3"}}`},
		get("metadata of one key", item+"/a"),
		get("metadata of an absent key", item+"/nosuch"),
		{Name: "metadata key set", Do: "PUT " + item + "/d", Body: `{"meta": {"d": "4"}}`},
		{Name: "metadata key set with another key", Do: "PUT " + item + "/d", Body: `{"meta": {"e": "4"}}`},
		{Name: "metadata key set with two", Do: "PUT " + item + "/d", Body: `{"meta": {"d": "4", "e": "5"}}`},
		{Name: "metadata key set to a number", Do: "PUT " + item + "/d", Body: `{"meta": {"d": 4}}`},
		{Name: "metadata key set to too much", Do: "PUT " + item + "/d", Body: `{"meta": {"d": "` + long(256) + `"}}`},
		{Name: "metadata replaced", Do: "PUT " + item, Body: `{"metadata": {"x": "9", "y": "8"}}`},
		{Name: "metadata replaced by a list", Do: "PUT " + item, Body: `{"metadata": []}`},
		{Name: "metadata replaced by nothing", Do: "PUT " + item, Body: `{}`},
		{Name: "metadata replaced if it matches not", Do: "PUT " + item, Body: `{"metadata": {"x": "1"}}`, Headers: map[string]string{"If-Match": "00"}},
		{Name: "metadata key deleted", Do: "DELETE " + item + "/y"},
		{Name: "metadata key deleted again", Do: "DELETE " + item + "/y"},
		{Name: "metadata added, a number", Do: "POST " + item, Body: `{"metadata": {"a": 1}}`},
		{Name: "metadata added, an empty key", Do: "POST " + item, Body: `{"metadata": {"": "x"}}`},
		{Name: "metadata added, a long key", Do: "POST " + item, Body: `{"metadata": {"` + long(256) + `": "x"}}`},
		get("metadata of an absent snapshot", "snapshots/"+absent+"/metadata"),
		get("metadata of another project's", "snapshots/${foreign}/metadata"),
		get("metadata key of an absent snapshot", "snapshots/"+absent+"/metadata/a"),
		{Name: "metadata added to an absent snapshot", Do: "POST snapshots/" + absent + "/metadata", Body: `{"metadata": {"a": "1"}}`},
		{Name: "metadata replaced of an absent snapshot", Do: "PUT snapshots/" + absent + "/metadata", Body: `{"metadata": {"a": "1"}}`},
		{Name: "metadata key set of an absent snapshot", Do: "PUT snapshots/" + absent + "/metadata/a", Body: `{"meta": {"a": "1"}}`},
		{Name: "metadata key deleted of an absent snapshot", Do: "DELETE snapshots/" + absent + "/metadata/a"},
		{Name: "metadata as a reader", As: Reader, Do: "GET " + item},
		{Name: "metadata added as a reader", As: Reader, Do: "POST " + item, Body: `{"metadata": {"a": "1"}}`},
		{Name: "metadata replaced as a reader", As: Reader, Do: "PUT " + item, Body: `{"metadata": {"a": "1"}}`},
		{Name: "metadata key deleted as a reader", As: Reader, Do: "DELETE " + item + "/x"},
		{Name: "steps of etags", Do: "GET " + item, At: "3.14 3.15"},
	}
}

func snapshotActions() []Step {
	const item = "snapshots/${plain}"
	return []Step{
		act(Member, "reset as a member", item, `{"os-reset_status": {"status": "error"}}`),
		act(Admin, "reset to error", item, `{"os-reset_status": {"status": "error"}}`),
		get("show the reset", item),
		act(Admin, "reset to what nobody knows", item, `{"os-reset_status": {"status": "nosuch"}}`),
		act(Admin, "reset to in-use", item, `{"os-reset_status": {"status": "in-use"}}`),
		act(Admin, "reset to nothing", item, `{"os-reset_status": {}}`),
		act(Admin, "reset to null", item, `{"os-reset_status": {"status": null}}`),
		act(Admin, "reset to a number", item, `{"os-reset_status": {"status": 1}}`),
		act(Admin, "reset to capitals", item, `{"os-reset_status": {"status": "CREATING"}}`),
		act(Admin, "reset with an unknown member", item, `{"os-reset_status": {"status": "error", "x": 1}}`),
		act(Admin, "reset an absent one", "snapshots/"+absent, `{"os-reset_status": {"status": "error"}}`),
		act(Admin, "reset to creating", item, `{"os-reset_status": {"status": "creating"}}`),
		{Name: "delete one being made", Do: "DELETE " + item},
		{Name: "a volume from one being made", Do: "POST volumes", Body: `{"volume": {"snapshot_id": "${plain}"}}`},
		act(Member, "update its status", item, `{"os-update_snapshot_status": {"status": "creating", "progress": "80%"}}`),
		get("show its progress", item),
		act(Member, "update its status badly", item, `{"os-update_snapshot_status": {"status": "nosuch"}}`),
		act(Member, "update its status and progress badly", item, `{"os-update_snapshot_status": {"status": "creating", "progress": "x"}}`),
		act(Member, "update its status to a status that is not allowed", item, `{"os-update_snapshot_status": {"status": "deleting"}}`),
		act(Member, "update its status to nothing", item, `{"os-update_snapshot_status": {}}`),
		act(Reader, "update its status as a reader", item, `{"os-update_snapshot_status": {"status": "creating"}}`),
		act(Member, "update the status of an absent one", "snapshots/"+absent, `{"os-update_snapshot_status": {"status": "creating"}}`),
		act(Member, "update its status to available", item, `{"os-update_snapshot_status": {"status": "available"}}`),
		act(Member, "update its status once it is available", item, `{"os-update_snapshot_status": {"status": "available"}}`),
		act(Admin, "reset to available", item, `{"os-reset_status": {"status": "available"}}`),
		act(Member, "force delete as a member", item, `{"os-force_delete": {}}`),
		act(Admin, "force delete an absent one", "snapshots/"+absent, `{"os-force_delete": {}}`),
		act(Admin, "force delete", item, `{"os-force_delete": {}}`).waiting(item + " gone"),
		act(Admin, "unmanage as a member", "snapshots/${old}", `{"os-unmanage": {}}`),
		act(Admin, "unmanage an absent one", "snapshots/"+absent, `{"os-unmanage": {}}`),
		act(Member, "an action nobody knows", "snapshots/${old}", `{"os-nosuch": {}}`),
	}
}

func snapshotsDelete() []Step {
	return []Step{
		{Name: "delete as a reader", As: Reader, Do: "DELETE snapshots/${all}"},
		{Name: "delete another project's", Do: "DELETE snapshots/${foreign}"},
		{Name: "delete an absent one", Do: "DELETE snapshots/" + absent},
		{Name: "delete", Do: "DELETE snapshots/${all}", Wait: "snapshots/${all} gone"},
		{Name: "delete again", Do: "DELETE snapshots/${all}"},
		get("show the deleted", "snapshots/${all}"),
		{Name: "delete without a project in the path", Do: "DELETE /v3/snapshots/${forced}", Wait: "snapshots/${forced} gone"},
		{Name: "list what is left", Do: "GET snapshots", Unordered: true},
		{Name: "the quota has no more", As: Admin, Do: "PUT os-quota-sets/${member_project}", Body: `{"quota_set": {"snapshots": 0}}`},
		{Name: "create beyond the quota", Do: "POST snapshots", Body: `{"snapshot": {"volume_id": "${v}"}}`},
		{Name: "the quota has no gigabytes", As: Admin, Do: "PUT os-quota-sets/${member_project}", Body: `{"quota_set": {"snapshots": 10, "gigabytes": 1}}`},
		{Name: "create beyond the quota of gigabytes", Do: "POST snapshots", Body: `{"snapshot": {"volume_id": "${v}"}}`},
		{Name: "a volume beyond the quota of gigabytes", Do: "POST volumes", Body: `{"volume": {"size": 1}}`},
		{Name: "extend beyond the quota of gigabytes", Do: "POST volumes/${v}/action", Body: `{"os-extend": {"new_size": 2}}`},
		{Name: "the quota of large volumes", As: Admin, Do: "PUT os-quota-sets/${member_project}", Body: `{"quota_set": {"gigabytes": 1000, "per_volume_gigabytes": 2}}`},
		{Name: "a volume beyond the quota of large volumes", Do: "POST volumes", Body: `{"volume": {"size": 3}}`},
		{Name: "extend beyond the quota of large volumes", Do: "POST volumes/${v}/action", Body: `{"os-extend": {"new_size": 3}}`},
	}
}
