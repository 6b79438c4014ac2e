package tour

func attachments() Group {
	return Group{Name: "attachments", Since: "3.27", Steps: join(
		[]Step{volume(Member, "v", `"size": 1`), volume(Member, "w", `"size": 1`), volume(Other, "theirs", `"size": 1`),
			{Name: "a type for many attachments", As: Admin, Do: "POST types", Body: `{"volume_type": {"name": "many", "extra_specs": {"multiattach": "<is> True"}}}`, Save: "many=volume_type.id"},
			volume(Member, "m", `"size": 1, "volume_type": "many"`)},
		attachmentsCreate(), attachmentsRead(), attachmentsConnect(), attachmentsDelete(), attachmentsMany())}
}

func attachmentsCreate() []Step {
	create := func(name, attachment string) Step {
		return Step{Name: "create " + name, Do: "POST attachments", Body: `{"attachment": {` + attachment + `}}`}
	}
	return []Step{
		get("list none", "attachments"),
		get("detail none", "attachments/detail"),
		create("without anything", ``),
		create("without a server", `"volume_uuid": "${v}", "mode": "xx"`),
		create("without a volume", `"instance_uuid": "`+server+`"`),
		create("of what is no id", `"volume_uuid": "x", "instance_uuid": "`+server+`"`),
		create("of an absent volume", `"volume_uuid": "`+absent+`", "instance_uuid": "`+server+`"`),
		create("of another project's", `"volume_uuid": "${theirs}", "instance_uuid": "`+server+`"`),
		create("for a server that is no id", `"volume_uuid": "${v}", "instance_uuid": "x"`),
		create("with a bad connector", `"volume_uuid": "${v}", "instance_uuid": "`+server+`", "connector": []`),
		create("with an unknown member", `"volume_uuid": "${v}", "instance_uuid": "`+server+`", "nosuch": 1`),
		create("with a bad mode", `"volume_uuid": "${v}", "instance_uuid": "`+server+`", "mode": "x"`),
		{Name: "create as a reader", As: Reader, Do: "POST attachments", Body: `{"attachment": {"volume_uuid": "${v}", "instance_uuid": "` + server + `"}}`},
		{Name: "create without an attachment", Do: "POST attachments", Body: `{}`},
		create("reserving", `"volume_uuid": "${v}", "instance_uuid": "`+server+`"`).saving("a=attachment.id"),
		get("show the reserved volume", "volumes/${v}"),
		create("again for the same server", `"volume_uuid": "${v}", "instance_uuid": "`+server+`"`).saving("again=attachment.id"),
		Step{Name: "delete the second", Do: "DELETE attachments/${again}"}.asService(),
		create("for another server", `"volume_uuid": "${v}", "instance_uuid": "22222222-2222-4222-8222-222222222222"`),
		create("with a connector", `"volume_uuid": "${w}", "instance_uuid": "`+server+`", "connector": `+connector).saving("b=attachment.id").masking("attachment.connection_info"),
		get("show the connected volume", "volumes/${w}"),
		{Name: "show the connected volume as admin", As: Admin, Do: "GET volumes/${w}"},
		{Name: "steps of modes", Do: "POST attachments", At: "3.53 3.54", Body: `{"attachment": {"volume_uuid": "${v}", "instance_uuid": "` + server + `", "mode": "x"}}`},
	}
}

func attachmentsRead() []Step {
	list := func(name, query string) Step {
		return Step{Name: "list " + name, Do: "GET attachments?" + query, Unordered: true}
	}
	return []Step{
		get("show", "attachments/${a}").masking("attachment.connection_info"),
		get("show the connected", "attachments/${b}").masking("attachment.connection_info"),
		{Name: "show as a reader", As: Reader, Do: "GET attachments/${a}", Mask: []string{"attachment.connection_info"}},
		{Name: "show as admin", As: Admin, Do: "GET attachments/${a}", Mask: []string{"attachment.connection_info"}},
		{Name: "show as another project", As: Other, Do: "GET attachments/${a}"},
		get("show an absent one", "attachments/"+absent),
		get("show what is no id", "attachments/nosuch"),
		get("show the summary", "attachments/summary"),
		{Name: "list", Do: "GET attachments", Unordered: true},
		{Name: "detail", Do: "GET attachments/detail", Unordered: true, Mask: []string{"attachments.*.connection_info"}},
		{Name: "list as another project", As: Other, Do: "GET attachments"},
		{Name: "list as admin", As: Admin, Do: "GET attachments"},
		{Name: "list all tenants as admin", As: Admin, Do: "GET attachments?all_tenants=1", Unordered: true},
		{Name: "list all tenants as a member", Do: "GET attachments?all_tenants=1", Unordered: true},
		list("by volume", "volume_id=${v}"),
		list("by status", "status=reserved"),
		list("by attach_status", "attach_status=reserved"),
		list("by instance", "instance_id="+server),
		list("by an absent volume", "volume_id="+absent),
		list("by an unknown filter", "nosuch=1"),
		list("a page", "limit=1&sort_key=id").masking("attachments", "attachment_links"),
		list("from an offset", "offset=2"),
		list("with a bad limit", "limit=x"),
		list("with an absent marker", "marker="+absent),
		list("with a bad sort key", "sort_key=nosuch"),
		list("with count", "with_count=true"),
	}
}

func attachmentsConnect() []Step {
	update := func(name, attachment string) Step {
		return Step{Name: "update " + name, Do: "PUT attachments/${a}", Body: `{"attachment": ` + attachment + `}`, Mask: []string{"attachment.connection_info"}}
	}
	return []Step{
		act(Member, "complete the reserved", "attachments/${a}", `{"os-complete": null}`),
		update("without a connector", `{}`),
		update("with null", `{"connector": null}`),
		update("with a list", `{"connector": []}`),
		update("with an empty connector", `{"connector": {}}`),
		update("with an unknown member", `{"connector": `+connector+`, "nosuch": 1}`),
		{Name: "update as a reader", As: Reader, Do: "PUT attachments/${a}", Body: `{"attachment": {"connector": ` + connector + `}}`},
		{Name: "update as another project", As: Other, Do: "PUT attachments/${a}", Body: `{"attachment": {"connector": ` + connector + `}}`},
		{Name: "update an absent one", Do: "PUT attachments/" + absent, Body: `{"attachment": {"connector": ` + connector + `}}`},
		update("with a connector", `{"connector": `+connector+`}`),
		get("show the updated", "attachments/${a}").masking("attachment.connection_info"),
		get("show the updated volume", "volumes/${v}"),
		act(Reader, "complete as a reader", "attachments/${a}", `{"os-complete": null}`),
		act(Member, "complete an absent one", "attachments/"+absent, `{"os-complete": null}`),
		act(Member, "an action nobody knows", "attachments/${a}", `{"os-nosuch": null}`),
		act(Member, "complete", "attachments/${a}", `{"os-complete": null}`),
		act(Member, "complete again", "attachments/${a}", `{"os-complete": {}}`),
		get("show the completed", "attachments/${a}").masking("attachment.connection_info"),
		get("show the completed volume", "volumes/${v}"),
		{Name: "show the completed volume as admin", As: Admin, Do: "GET volumes/${v}"},
		{Name: "delete the attached volume", Do: "DELETE volumes/${v}"},
		{Name: "steps of completing", Do: "POST attachments/${b}/action", Body: `{"os-complete": null}`, At: "3.43 3.44"},
	}
}

func attachmentsDelete() []Step {
	return []Step{
		Step{Name: "delete as a reader", As: Reader, Do: "DELETE attachments/${a}"}.asService(),
		Step{Name: "delete as another project", As: Other, Do: "DELETE attachments/${a}"}.asService(),
		Step{Name: "delete an absent one", Do: "DELETE attachments/" + absent}.asService(),
		Step{Name: "delete", Do: "DELETE attachments/${a}"}.asService(),
		Step{Name: "delete again", Do: "DELETE attachments/${a}"}.asService(),
		get("show the deleted", "attachments/${a}"),
		get("show the volume of the deleted", "volumes/${v}"),
		Step{Name: "delete the connected", Do: "DELETE attachments/${b}"}.asService(),
		get("show the volume of the connected", "volumes/${w}"),
		{Name: "list what is left", Do: "GET attachments"},
	}
}

func attachmentsMany() []Step {
	create := func(name, server string) Step {
		return Step{Name: "many: create " + name, Do: "POST attachments", Since: "3.50",
			Body: `{"attachment": {"volume_uuid": "${m}", "instance_uuid": "` + server + `", "connector": ` + connector + `}}`,
			Save: name + "=attachment.id", Mask: []string{"attachment.connection_info"}}
	}
	return []Step{
		get("many: show the volume", "volumes/${m}"),
		create("m1", server),
		create("m0", "22222222-2222-4222-8222-222222222222"),
		act(Member, "many: complete", "attachments/${m1}", `{"os-complete": null}`).since("3.50"),
		create("m2", "22222222-2222-4222-8222-222222222222"),
		{Name: "many: show the attached volume", Do: "GET volumes/${m}", Since: "3.50", Unordered: true},
		{Name: "many: show after one completed", Do: "GET volumes/${m}", Since: "3.50", Unordered: true},
		Step{Name: "many: delete one", Do: "DELETE attachments/${m1}", Since: "3.50"}.asService(),
		{Name: "many: show with one left", Do: "GET volumes/${m}", Since: "3.50"},
		Step{Name: "many: delete the other", Do: "DELETE attachments/${m2}", Since: "3.50"}.asService(),
		{Name: "many: show with none left", Do: "GET volumes/${m}", Since: "3.50"},
	}
}
