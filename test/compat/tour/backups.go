package tour

func backups() Group {
	post := func(name, body string) Step {
		return as(Member, "create "+name, "POST backups", `{"backup": {`+body+`}}`)
	}
	put := func(name, body string) Step {
		return as(Member, "update "+name, "PUT backups/${b}", `{"backup": {`+body+`}}`)
	}
	return Group{Name: "backups", Steps: join([]Step{
		volume(Member, "v", `"size": 1`), volume(Other, "theirs", `"size": 1`), get("list none", "backups"), get("detail none", "backups/detail"),
		post("", `"volume_id": "${v}", "name": "b", "description": "d", "container": "c"`).saving("b=backup.id").waiting("backups/${b} backup.status available|error"),
		post("without a volume", `"name": "x"`), post("of an absent volume", `"volume_id": "`+absent+`"`), post("of what is no id", `"volume_id": "x"`), post("of another project's", `"volume_id": "${theirs}"`), post("with a bad flag", `"volume_id": "${v}", "incremental": "maybe"`), post("with a bad force", `"volume_id": "${v}", "force": "maybe"`), post("with a long name", `"volume_id": "${v}", "name": "`+long(256)+`"`),
		post("with a long container", `"volume_id": "${v}", "container": "`+long(256)+`"`), post("with a container that is a path", `"volume_id": "${v}", "container": "a/b"`).saving("p=backup.id").waiting("backups/${p} backup.status available|error"), post("of an absent snapshot", `"volume_id": "${v}", "snapshot_id": "`+absent+`"`), post("with an unknown member", `"volume_id": "${v}", "x": 1, "incremental": "bad"`), post("with metadata of numbers", `"volume_id": "${v}", "metadata": {"a": 1}`), post("in an absent zone", `"volume_id": "${v}", "availability_zone": "nosuch"`),
		as(Reader, "create as a reader", "POST backups", `{"backup": {"volume_id": "${v}"}}`), as(Member, "create from null", "POST backups", `{"backup": null}`),
		get("show", "backups/${b}").masking("backup.fail_reason"), {Name: "show as admin", As: Admin, Do: "GET backups/${b}", Mask: []string{"backup.fail_reason"}}, {Name: "show as another project", As: Other, Do: "GET backups/${b}"}, get("show an absent one", "backups/"+absent), get("list", "backups"), get("detail", "backups/detail").masking("backups.*.fail_reason"), {Name: "detail as admin", As: Admin, Do: "GET backups/detail?all_tenants=1", Mask: []string{"backups.*.fail_reason"}}, {Name: "list as another project", As: Other, Do: "GET backups"},
		get("list by name", "backups?name=b"), get("list by status", "backups?status=nosuch"), get("list by volume", "backups?volume_id=${v}"), get("list by an unknown filter", "backups?nosuch=1"), get("list a page", "backups?limit=1&sort=created_at:asc"), get("list sorted by name", "backups?sort=name:asc"), get("list with a bad limit", "backups?limit=x"), get("list with an absent marker", "backups?marker="+absent), get("list with a bad sort key", "backups?sort_key=nosuch"), get("list with count", "backups?with_count=true"),
		{Name: "steps of a backup's view", Do: "GET backups/${b}", At: "3.17 3.18 3.42 3.43 3.55 3.56 3.63 3.64", Mask: []string{"backup.fail_reason"}},
		put("the name", `"name": "n"`), put("the description", `"description": "e"`), put("nothing", ``), put("metadata", `"metadata": {"a": "1"}`), put("a long name", `"name": "`+long(256)+`"`), put("an unknown member", `"x": 1`), as(Member, "update without a member", "PUT backups/${b}", `{}`), as(Member, "update an absent one", "PUT backups/"+absent, `{"backup": {"name": "x"}}`), as(Reader, "update as a reader", "PUT backups/${b}", `{"backup": {"name": "x"}}`), {Name: "steps of updating", Do: "PUT backups/${b}", Body: `{"backup": {"name": "n"}}`, At: "3.8 3.9", Mask: []string{"backup.fail_reason"}},
	}, backupsUse())}
}

func backupsUse() []Step {
	return []Step{
		act(Member, "reset as a member", "backups/${b}", `{"os-reset_status": {"status": "available"}}`), act(Admin, "reset badly", "backups/${b}", `{"os-reset_status": {"status": "nosuch"}}`), act(Admin, "reset to nothing", "backups/${b}", `{"os-reset_status": {}}`), act(Admin, "reset an absent one", "backups/"+absent, `{"os-reset_status": {"status": "available"}}`), act(Admin, "reset", "backups/${b}", `{"os-reset_status": {"status": "available"}}`).waiting("backups/${b} backup.status available"),
		as(Member, "create incrementally", "POST backups", `{"backup": {"volume_id": "${v}", "incremental": true, "name": "i"}}`).saving("i=backup.id").waiting("backups/${i} backup.status available|error"), get("show the first after the second", "backups/${b}").masking("backup.fail_reason"),
		as(Member, "restore an absent one", "POST backups/"+absent+"/restore", `{"restore": {}}`), as(Member, "restore to an absent volume", "POST backups/${b}/restore", `{"restore": {"volume_id": "`+absent+`"}}`), as(Member, "restore to what is no id", "POST backups/${b}/restore", `{"restore": {"volume_id": "x"}}`), as(Member, "restore with a long name", "POST backups/${b}/restore", `{"restore": {"name": "`+long(256)+`"}}`), as(Member, "restore without a member", "POST backups/${b}/restore", `{}`), as(Reader, "restore as a reader", "POST backups/${b}/restore", `{"restore": {}}`),
		as(Member, "restore", "POST backups/${b}/restore", `{"restore": {"volume_id": "${v}"}}`).waiting("backups/${b} backup.status available|error"),
		{Name: "export as a member", Do: "GET backups/${b}/export_record"}, {Name: "export", As: Admin, Do: "GET backups/${b}/export_record", Mask: []string{"backup-record.backup_url"}}, {Name: "export an absent one", As: Admin, Do: "GET backups/" + absent + "/export_record"},
		as(Admin, "import nothing", "POST backups/import_record", `{"backup-record": {}}`), as(Admin, "import nonsense", "POST backups/import_record", `{"backup-record": {"backup_service": "cinder.backup.drivers.posix.PosixBackupDriver", "backup_url": "eA=="}}`), as(Admin, "import from null", "POST backups/import_record", `{"backup-record": null}`), as(Member, "import as a member", "POST backups/import_record", `{"backup-record": {"backup_service": "x", "backup_url": "eA=="}}`),
		{Name: "delete as a reader", As: Reader, Do: "DELETE backups/${b}"}, {Name: "delete an absent one", Do: "DELETE backups/" + absent}, {Name: "delete as another project", As: Other, Do: "DELETE backups/${b}"}, act(Member, "force delete as a member", "backups/${b}", `{"os-force_delete": {}}`), act(Admin, "force delete an absent one", "backups/"+absent, `{"os-force_delete": {}}`),
		act(Admin, "force delete", "backups/${i}", `{"os-force_delete": {}}`).waiting("backups/${i} gone"), {Name: "delete", Do: "DELETE backups/${b}", Wait: "backups/${b} gone"}, {Name: "delete again", Do: "DELETE backups/${b}"}, act(Member, "an action nobody knows", "backups/"+absent, `{"nosuch": {}}`),
	}
}

// transfers are played to both spellings of the collection.
func transfers(collection string) Group {
	item := collection + "/${t}"
	post := func(p Persona, name, body string) Step {
		return as(p, "create "+name, "POST "+collection, `{"transfer": {`+body+`}}`)
	}
	accept := func(p Persona, name, body string) Step {
		return as(p, "accept "+name, "POST "+item+"/accept", body)
	}
	return Group{Name: collection, Steps: []Step{
		volume(Member, "v", `"size": 1`), volume(Member, "w", `"size": 1`), get("list none", collection), get("detail none", collection+"/detail"),
		post(Member, "", `"volume_id": "${v}", "name": "t"`).saving("t=transfer.id key=transfer.auth_key").masking("transfer.auth_key"), get("show its volume", "volumes/${v}"), post(Member, "again", `"volume_id": "${v}"`), post(Member, "of an absent one", `"volume_id": "`+absent+`"`), post(Member, "of what is no id", `"volume_id": "x"`), post(Member, "without a volume", `"name": "x"`), post(Member, "with a long name", `"volume_id": "${w}", "name": "`+long(256)+`"`), post(Member, "with an unknown member", `"volume_id": "${v}", "x": 1`), post(Member, "with a bad flag", `"volume_id": "${v}", "no_snapshots": "maybe"`), post(Other, "of another project's", `"volume_id": "${w}"`), post(Reader, "as a reader", `"volume_id": "${w}"`),
		get("show", item), {Name: "show as admin", As: Admin, Do: "GET " + item}, {Name: "show as another project", As: Other, Do: "GET " + item}, get("show an absent one", collection+"/"+absent), get("list", collection), get("detail", collection+"/detail"), {Name: "list as another project", As: Other, Do: "GET " + collection}, {Name: "list as admin", As: Admin, Do: "GET " + collection + "?all_tenants=1"}, get("list a page", collection+"?limit=1"), get("list sorted", collection+"?sort=created_at:asc"), get("list with a bad limit", collection+"?limit=x"), get("list with a bad sort key", collection+"?sort_key=nosuch"), get("list by an unknown filter", collection+"?nosuch=1"),
		accept(Other, "with a wrong key", `{"accept": {"auth_key": "wrong"}}`), accept(Other, "without a key", `{"accept": {}}`), accept(Other, "from null", `{"accept": null}`), accept(Reader, "as a reader", `{"accept": {"auth_key": "${key}"}}`), as(Other, "accept an absent one", "POST "+collection+"/"+absent+"/accept", `{"accept": {"auth_key": "x"}}`),
		{Name: "steps of a transfer's view", Do: "GET " + item, At: "3.54 3.55 3.56 3.57"}, {Name: "delete the volume", Do: "DELETE volumes/${v}"},
		accept(Other, "", `{"accept": {"auth_key": "${key}"}}`), accept(Other, "again", `{"accept": {"auth_key": "${key}"}}`), get("show the accepted", item), {Name: "show the volume to its new owner", As: Other, Do: "GET volumes/${v}"}, get("show the volume to its old owner", "volumes/${v}"), {Name: "quota of the new owner", As: Admin, Do: "GET os-quota-sets/${other_project}?usage=true"}, {Name: "quota of the old owner", As: Admin, Do: "GET os-quota-sets/${member_project}?usage=true"},
		as(Member, "a snapshot", "POST snapshots", `{"snapshot": {"volume_id": "${w}", "name": "s"}}`).saving("s=snapshot.id").waiting("snapshots/${s} snapshot.status available"), as(Member, "create with a snapshot", "POST "+collection, `{"transfer": {"volume_id": "${w}", "name": "u"}}`).saving("u=transfer.id").masking("transfer.auth_key"), as(Member, "create without snapshots", "POST "+collection, `{"transfer": {"volume_id": "${w}", "no_snapshots": true}}`),
		{Name: "delete as a reader", As: Reader, Do: "DELETE " + collection + "/${u}"}, {Name: "delete as another project", As: Other, Do: "DELETE " + collection + "/${u}"}, {Name: "delete an absent one", Do: "DELETE " + collection + "/" + absent}, {Name: "delete", Do: "DELETE " + collection + "/${u}"}, {Name: "delete again", Do: "DELETE " + collection + "/${u}"}, get("show the volume after all", "volumes/${w}"),
	}}
}

func managing() Group {
	post := func(name, collection, body string) Step {
		return as(Admin, collection+": manage "+name, "POST "+collection, body)
	}
	var steps []Step
	steps = append(steps, volume(Member, "v", `"size": 1`))
	for _, c := range []string{"manageable_volumes", "os-volume-manage"} {
		steps = append(steps, Step{Name: c + ": list", As: Admin, Do: "GET " + c + "?host=${pool}"}, Step{Name: c + ": detail", As: Admin, Do: "GET " + c + "/detail?host=${pool}"}, Step{Name: c + ": list without a host", As: Admin, Do: "GET " + c}, Step{Name: c + ": list of an absent host", As: Admin, Do: "GET " + c + "?host=nosuch@nosuch%23nosuch"}, Step{Name: c + ": list of a cluster", As: Admin, Do: "GET " + c + "?cluster=nosuch"}, Step{Name: c + ": list with a bad limit", As: Admin, Do: "GET " + c + "?host=${pool}&limit=x"}, Step{Name: c + ": list with a bad sort", As: Admin, Do: "GET " + c + "?host=${pool}&sort=nosuch"}, Step{Name: c + ": list as a member", Do: "GET " + c + "?host=${pool}"},
			post("", c, `{"volume": {"host": "${pool}", "ref": {"source-name": "x"}, "name": "managed", "metadata": {"a": "1"}}}`).saving("m=volume.id").waiting("volumes/${m} volume.status available|error"), Step{Name: c + ": show the managed", As: Admin, Do: "GET volumes/${m}"}, post("without a ref", c, `{"volume": {"host": "${pool}"}}`), post("without a host", c, `{"volume": {"ref": {"source-name": "x"}}}`), post("on an absent host", c, `{"volume": {"host": "nosuch@nosuch#nosuch", "ref": {"source-name": "x"}}}`), post("with an absent type", c, `{"volume": {"host": "${pool}", "ref": {"source-name": "x"}, "volume_type": "nosuch"}}`), post("with a bad flag", c, `{"volume": {"host": "${pool}", "ref": {"source-name": "x"}, "bootable": "maybe"}}`), post("in a cluster", c, `{"volume": {"cluster": "nosuch", "ref": {"source-name": "x"}}}`), post("nothing", c, `{}`), as(Member, c+": manage as a member", "POST "+c, `{"volume": {"host": "${pool}", "ref": {"source-name": "x"}}}`))
	}
	for _, c := range []string{"manageable_snapshots", "os-snapshot-manage"} {
		steps = append(steps, Step{Name: c + ": list", As: Admin, Do: "GET " + c + "?host=${pool}"}, Step{Name: c + ": detail", As: Admin, Do: "GET " + c + "/detail?host=${pool}"}, Step{Name: c + ": list without a host", As: Admin, Do: "GET " + c}, Step{Name: c + ": list as a member", Do: "GET " + c + "?host=${pool}"},
			post("", c, `{"snapshot": {"volume_id": "${v}", "ref": {"source-name": "x"}, "name": "managed"}}`).saving("s=snapshot.id").waiting("snapshots/${s} snapshot.status available|error"), Step{Name: c + ": show the managed", As: Admin, Do: "GET snapshots/${s}"}, post("without a ref", c, `{"snapshot": {"volume_id": "${v}"}}`), post("of an absent volume", c, `{"snapshot": {"volume_id": "`+absent+`", "ref": {"source-name": "x"}}}`), post("without a volume", c, `{"snapshot": {"ref": {"source-name": "x"}}}`), post("with metadata of numbers", c, `{"snapshot": {"volume_id": "${v}", "ref": {"source-name": "x"}, "metadata": {"a": 1}}}`), post("nothing", c, `{}`), as(Member, c+": manage as a member", "POST "+c, `{"snapshot": {"volume_id": "${v}", "ref": {"source-name": "x"}}}`))
	}
	steps = append(steps, act(Member, "unmanage a snapshot as a member", "snapshots/${s}", `{"os-unmanage": {}}`), act(Admin, "unmanage a snapshot", "snapshots/${s}", `{"os-unmanage": {}}`).waiting("snapshots/${s} gone"))
	return Group{Name: "manage", Steps: steps}
}
