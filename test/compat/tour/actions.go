package tour

// act is an action on an item.
func act(as Persona, name, item, body string) Step {
	return Step{Name: name, As: as, Do: "POST " + item + "/action", Body: body}
}

// waiting is the step with something to wait for.
func (s Step) waiting(what string) Step { s.Wait = what; return s }

func (s Step) saving(what string) Step { s.Save = what; return s }

func (s Step) since(version string) Step { s.Since = version; return s }

func (s Step) masking(paths ...string) Step { s.Mask = paths; return s }

// asService sends a service token along, as Nova does. Without one, Cinder asks Nova before it lets go of an attachment.
func (s Step) asService() Step {
	s.Headers = map[string]string{"X-Service-Token": "${service_token}"}
	return s
}

// volume makes a volume and waits for it; it is known as ${name}.
func volume(as Persona, name, members string) Step {
	return Step{Name: "a volume: " + name, As: as, Do: "POST volumes", Body: `{"volume": {"name": "` + name + `", ` + members + `}}`,
		Save: name + "=volume.id", Wait: "volumes/${" + name + "} volume.status available|error"}
}

// get reads as a member.
func get(name, path string) Step { return Step{Name: name, Do: "GET " + path} }

func actions() Group {
	return Group{Name: "volume-actions", Steps: join(
		[]Step{volume(Member, "v", `"size": 1`), volume(Member, "w", `"size": 2`), volume(Other, "theirs", `"size": 1`)},
		extending(), flags(), resetting(), reserving(), attaching(), connecting(), forcing())}
}

func extending() []Step {
	extend := func(name, argument string) Step {
		return act(Member, "extend "+name, "volumes/${v}", `{"os-extend": `+argument+`}`)
	}
	return []Step{
		extend("", `{"new_size": 2}`).waiting("volumes/${v} volume.status available"),
		extend("by a text", `{"new_size": "3"}`).waiting("volumes/${v} volume.status available"),
		extend("to the same size", `{"new_size": 3}`),
		extend("to a smaller size", `{"new_size": 1}`),
		extend("to 0", `{"new_size": 0}`),
		extend("to -1", `{"new_size": -1}`),
		extend("to a text", `{"new_size": "x"}`),
		extend("to an empty text", `{"new_size": ""}`),
		extend("to null", `{"new_size": null}`),
		extend("to a fraction", `{"new_size": 4.5}`),
		extend("without a size", `{}`),
		extend("by nothing", `null`),
		extend("by a list", `[]`),
		extend("with an unknown member", `{"new_size": 4, "nosuch": 1}`),
		extend("beyond the database", `{"new_size": 2147483648}`),
		extend("beyond the quota", `{"new_size": 2000}`),
		act(Member, "extend an absent one", "volumes/"+absent, `{"os-extend": {"new_size": 9}}`),
		act(Member, "extend another project's", "volumes/${theirs}", `{"os-extend": {"new_size": 9}}`),
		act(Reader, "extend as a reader", "volumes/${v}", `{"os-extend": {"new_size": 9}}`),
		get("show the extended", "volumes/${v}"),
		act(Member, "extend completion of an available volume", "volumes/${v}", `{"os-extend_volume_completion": {"error": false}}`),
		act(Admin, "extend completion as admin", "volumes/${v}", `{"os-extend_volume_completion": {"error": false}}`),
		act(Admin, "extend completion without an argument", "volumes/${v}", `{"os-extend_volume_completion": {}}`),
		act(Admin, "extend completion badly", "volumes/${v}", `{"os-extend_volume_completion": {"error": "maybe"}}`),
		act(Admin, "extend completion of an absent one", "volumes/"+absent, `{"os-extend_volume_completion": {"error": true}}`),
	}
}

func flags() []Step {
	return []Step{
		act(Member, "set bootable", "volumes/${v}", `{"os-set_bootable": {"bootable": true}}`),
		act(Member, "set bootable by a text", "volumes/${v}", `{"os-set_bootable": {"bootable": "False"}}`),
		act(Member, "set bootable to yes", "volumes/${v}", `{"os-set_bootable": {"bootable": "yes"}}`),
		act(Member, "set bootable badly", "volumes/${v}", `{"os-set_bootable": {"bootable": "maybe"}}`),
		act(Member, "set bootable to null", "volumes/${v}", `{"os-set_bootable": {"bootable": null}}`),
		act(Member, "set bootable without a flag", "volumes/${v}", `{"os-set_bootable": {}}`),
		act(Member, "set bootable to an empty text", "volumes/${v}", `{"os-set_bootable": {"bootable": ""}}`),
		act(Reader, "set bootable as a reader", "volumes/${v}", `{"os-set_bootable": {"bootable": true}}`),
		act(Member, "set bootable of an absent one", "volumes/"+absent, `{"os-set_bootable": {"bootable": true}}`),
		act(Member, "set readonly", "volumes/${v}", `{"os-update_readonly_flag": {"readonly": true}}`),
		get("show the readonly", "volumes/${v}"),
		{Name: "show the readonly as admin", As: Admin, Do: "GET volumes/${v}"},
		act(Member, "unset readonly", "volumes/${v}", `{"os-update_readonly_flag": {"readonly": false}}`),
		act(Member, "set readonly badly", "volumes/${v}", `{"os-update_readonly_flag": {"readonly": "maybe"}}`),
		act(Member, "set readonly without a flag", "volumes/${v}", `{"os-update_readonly_flag": {}}`),
		act(Member, "set readonly to null", "volumes/${v}", `{"os-update_readonly_flag": {"readonly": null}}`),
		act(Reader, "set readonly as a reader", "volumes/${v}", `{"os-update_readonly_flag": {"readonly": true}}`),
		act(Member, "set readonly of an absent one", "volumes/"+absent, `{"os-update_readonly_flag": {"readonly": true}}`),
		get("show after the flags", "volumes/${v}"),
	}
}

func resetting() []Step {
	reset := func(name, argument string) Step {
		return act(Admin, "reset "+name, "volumes/${v}", `{"os-reset_status": `+argument+`}`)
	}
	return []Step{
		act(Member, "reset as a member", "volumes/${v}", `{"os-reset_status": {"status": "error"}}`),
		reset("to error", `{"status": "error"}`),
		get("show the reset", "volumes/${v}"),
		reset("to a status in capitals", `{"status": "AVAILABLE"}`),
		reset("to nothing", `{}`),
		reset("to a status nobody knows", `{"status": "nosuch"}`),
		reset("to an empty status", `{"status": ""}`),
		reset("to null", `{"status": null}`),
		reset("to a number", `{"status": 1}`),
		reset("without an argument", `null`),
		reset("with an unknown member", `{"status": "available", "nosuch": 1}`),
		reset("the attach status", `{"attach_status": "detached"}`),
		reset("the attach status badly", `{"attach_status": "nosuch"}`),
		reset("the migration status", `{"migration_status": "error"}`),
		{Name: "show the migration status", As: Admin, Do: "GET volumes/${v}"},
		reset("the migration status to none", `{"migration_status": "none"}`),
		reset("the migration status badly", `{"migration_status": "nosuch"}`),
		reset("all three", `{"status": "available", "attach_status": "detached", "migration_status": "none"}`),
		reset("to maintenance", `{"status": "maintenance"}`),
		act(Member, "extend one under maintenance", "volumes/${v}", `{"os-extend": {"new_size": 9}}`),
		{Name: "update one under maintenance", Do: "PUT volumes/${v}", Body: `{"volume": {"name": "x"}}`},
		{Name: "metadata of one under maintenance", Do: "POST volumes/${v}/metadata", Body: `{"metadata": {"a": "1"}}`},
		{Name: "delete one under maintenance", Do: "DELETE volumes/${v}"},
		{Name: "snapshot of one under maintenance", Do: "POST snapshots", Body: `{"snapshot": {"volume_id": "${v}"}}`},
		{Name: "clone of one under maintenance", Do: "POST volumes", Body: `{"volume": {"source_volid": "${v}"}}`},
		act(Member, "reserve one under maintenance", "volumes/${v}", `{"os-reserve": null}`),
		reset("to in-use", `{"status": "in-use"}`),
		{Name: "delete one in use", Do: "DELETE volumes/${v}"},
		reset("to creating", `{"status": "creating"}`),
		{Name: "delete one being made", Do: "DELETE volumes/${v}"},
		reset("to error for the others", `{"status": "error"}`),
		act(Member, "extend one in error", "volumes/${v}", `{"os-extend": {"new_size": 9}}`),
		{Name: "snapshot of one in error", Do: "POST snapshots", Body: `{"snapshot": {"volume_id": "${v}"}}`},
		{Name: "snapshot of one in error by force", Do: "POST snapshots", Body: `{"snapshot": {"volume_id": "${v}", "force": true}}`},
		act(Member, "readonly of one in error", "volumes/${v}", `{"os-update_readonly_flag": {"readonly": true}}`),
		reset("back", `{"status": "available"}`),
		act(Admin, "reset an absent one", "volumes/"+absent, `{"os-reset_status": {"status": "error"}}`),
	}
}

func reserving() []Step {
	return []Step{
		act(Member, "reserve", "volumes/${v}", `{"os-reserve": null}`),
		get("show the reserved", "volumes/${v}"),
		act(Member, "reserve again", "volumes/${v}", `{"os-reserve": {}}`),
		{Name: "delete the reserved", Do: "DELETE volumes/${v}"},
		act(Member, "unreserve", "volumes/${v}", `{"os-unreserve": null}`),
		act(Member, "unreserve again", "volumes/${v}", `{"os-unreserve": {}}`),
		act(Reader, "reserve as a reader", "volumes/${v}", `{"os-reserve": null}`),
		act(Reader, "unreserve as a reader", "volumes/${v}", `{"os-unreserve": null}`),
		act(Member, "unreserve an absent one", "volumes/"+absent, `{"os-unreserve": null}`),
		act(Member, "reserve another project's", "volumes/${theirs}", `{"os-reserve": null}`),
		act(Member, "begin detaching one that is not attached", "volumes/${v}", `{"os-begin_detaching": null}`),
		act(Member, "roll back detaching one that is not detaching", "volumes/${v}", `{"os-roll_detaching": null}`),
		get("show after the reservations", "volumes/${v}"),
	}
}

const server = "11111111-1111-4111-8111-111111111111"

func attaching() []Step {
	attach := func(name, argument string) Step {
		return act(Member, "attach "+name, "volumes/${v}", `{"os-attach": `+argument+`}`)
	}
	return []Step{
		attach("without anything", `{}`),
		attach("without a mountpoint", `{"instance_uuid": "`+server+`"}`),
		attach("to a server that is no id", `{"instance_uuid": "x", "mountpoint": "/dev/vdb"}`),
		attach("to a bad host name", `{"host_name": "-bad host-", "mountpoint": "/dev/vdb"}`),
		attach("with a bad mode", `{"instance_uuid": "`+server+`", "mountpoint": "/dev/vdb", "mode": "x"}`),
		attach("with a long mountpoint", `{"instance_uuid": "`+server+`", "mountpoint": "`+long(256)+`"}`),
		attach("to a server and a host", `{"instance_uuid": "`+server+`", "host_name": "h", "mountpoint": "/dev/vdb"}`),
		act(Member, "detach from both", "volumes/${v}", `{"os-detach": {}}`).asService().waiting("volumes/${v} volume.status available"),
		attach("to a server", `{"instance_uuid": "`+server+`", "mountpoint": "/dev/vdb", "mode": "rw"}`),
		get("show the attached", "volumes/${v}").masking("volume.attachments.0.attachment_id"),
		{Name: "show the attached as admin", As: Admin, Do: "GET volumes/${v}"},
		get("detail of the attached", "volumes/detail?status=in-use"),
		attach("again", `{"instance_uuid": "`+server+`", "mountpoint": "/dev/vdc"}`),
		{Name: "delete the attached", Do: "DELETE volumes/${v}"},
		{Name: "delete the attached by force", Do: "DELETE volumes/${v}?force=true", As: Admin},
		act(Member, "extend the attached", "volumes/${v}", `{"os-extend": {"new_size": 9}}`).waiting("volumes/${v} volume.status in-use"),
		act(Member, "readonly of the attached", "volumes/${v}", `{"os-update_readonly_flag": {"readonly": true}}`),
		act(Member, "retype the attached", "volumes/${v}", `{"os-retype": {"new_type": "__DEFAULT__"}}`),
		{Name: "snapshot of the attached", Do: "POST snapshots", Body: `{"snapshot": {"volume_id": "${v}", "name": "s1"}}`,
			Save: "s1=snapshot.id", Wait: "snapshots/${s1} snapshot.status available"},
		{Name: "snapshot of the attached by force", Do: "POST snapshots", Body: `{"snapshot": {"volume_id": "${v}", "name": "s2", "force": true}}`,
			Save: "s2=snapshot.id", Wait: "snapshots/${s2} snapshot.status available"},
		act(Member, "begin detaching", "volumes/${v}", `{"os-begin_detaching": null}`),
		get("show the detaching", "volumes/${v}").masking("volume.attachments.0.attachment_id"),
		act(Member, "roll back detaching", "volumes/${v}", `{"os-roll_detaching": null}`),
		act(Member, "begin detaching once more", "volumes/${v}", `{"os-begin_detaching": {}}`),
		act(Member, "detach with an attachment that is no id", "volumes/${v}", `{"os-detach": {"attachment_id": "x"}}`),
		act(Member, "detach with an absent attachment", "volumes/${v}", `{"os-detach": {"attachment_id": "`+absent+`"}}`).asService(),
		act(Reader, "detach as a reader", "volumes/${v}", `{"os-detach": {}}`),
		act(Member, "detach", "volumes/${v}", `{"os-detach": {}}`).asService().waiting("volumes/${v} volume.status available"),
		get("show the detached", "volumes/${v}"),
		act(Member, "detach again", "volumes/${v}", `{"os-detach": {}}`).asService(),
		attach("to a host", `{"host_name": "client", "mountpoint": "/dev/vdb", "mode": "ro"}`),
		get("show the attached to a host", "volumes/${v}"),
		{Name: "show the attached to a host as admin", As: Admin, Do: "GET volumes/${v}"},
		act(Member, "detach from the host", "volumes/${v}", `{"os-detach": {}}`).asService().waiting("volumes/${v} volume.status available"),
		get("show the detached from a host", "volumes/${v}"),
		act(Member, "attach an absent one", "volumes/"+absent, `{"os-attach": {"instance_uuid": "`+server+`", "mountpoint": "/dev/vdb"}}`),
		act(Reader, "attach as a reader", "volumes/${v}", `{"os-attach": {"instance_uuid": "`+server+`", "mountpoint": "/dev/vdb"}}`),
	}
}

func long(n int) string {
	text := make([]byte, n)
	for i := range text {
		text[i] = 'x'
	}
	return string(text)
}

const connector = `{"host": "client", "ip": "192.0.2.1", "initiator": "iqn.2004-10.org.example:client", "platform": "x86_64", "os_type": "linux", "multipath": false}`

func connecting() []Step {
	return []Step{
		act(Member, "initialize", "volumes/${w}", `{"os-initialize_connection": {"connector": `+connector+`}}`).masking("connection_info"),
		act(Member, "initialize without a connector", "volumes/${w}", `{"os-initialize_connection": {}}`),
		act(Member, "initialize with null", "volumes/${w}", `{"os-initialize_connection": {"connector": null}}`),
		act(Member, "initialize with a list", "volumes/${w}", `{"os-initialize_connection": {"connector": []}}`),
		act(Reader, "initialize as a reader", "volumes/${w}", `{"os-initialize_connection": {"connector": `+connector+`}}`),
		act(Member, "initialize an absent one", "volumes/"+absent, `{"os-initialize_connection": {"connector": `+connector+`}}`),
		act(Member, "terminate", "volumes/${w}", `{"os-terminate_connection": {"connector": `+connector+`}}`),
		act(Member, "terminate without a connector", "volumes/${w}", `{"os-terminate_connection": {}}`),
		act(Member, "terminate with null", "volumes/${w}", `{"os-terminate_connection": {"connector": null}}`),
		act(Reader, "terminate as a reader", "volumes/${w}", `{"os-terminate_connection": {"connector": `+connector+`}}`),
		act(Member, "terminate an absent one", "volumes/"+absent, `{"os-terminate_connection": {"connector": `+connector+`}}`),
	}
}

func forcing() []Step {
	return []Step{
		act(Member, "attach for force", "volumes/${w}", `{"os-attach": {"instance_uuid": "`+server+`", "mountpoint": "/dev/vdb"}}`),
		act(Member, "force detach as a member", "volumes/${w}", `{"os-force_detach": {}}`),
		act(Admin, "force detach with a bad id", "volumes/${w}", `{"os-force_detach": {"attachment_id": "x"}}`).asService(),
		act(Admin, "force detach with a bad connector", "volumes/${w}", `{"os-force_detach": {"connector": "x"}}`).asService(),
		act(Admin, "force detach with an unknown member", "volumes/${w}", `{"os-force_detach": {"nosuch": 1}}`),
		act(Admin, "force detach", "volumes/${w}", `{"os-force_detach": {"connector": `+connector+`}}`).asService().waiting("volumes/${w} volume.status available"),
		act(Admin, "force detach an absent one", "volumes/"+absent, `{"os-force_detach": {}}`),
		act(Member, "force delete as a member", "volumes/${w}", `{"os-force_delete": {}}`),
		act(Admin, "reset before force", "volumes/${w}", `{"os-reset_status": {"status": "error_deleting"}}`),
		act(Admin, "force delete", "volumes/${w}", `{"os-force_delete": {}}`).waiting("volumes/${w} gone"),
		act(Admin, "force delete again", "volumes/${w}", `{"os-force_delete": {}}`),
		act(Admin, "force delete with an argument", "volumes/${theirs}", `{"os-force_delete": {"x": 1}}`).waiting("volumes/${theirs} gone"),
	}
}

// migrations are the actions that move a volume or change what it is made of.
func migrations() Group {
	return Group{Name: "volume-moves", Steps: join(
		[]Step{volume(Member, "v", `"size": 1`),
			{Name: "a type to move to", As: Admin, Do: "POST types", Body: `{"volume_type": {"name": "gold", "extra_specs": {"volume_backend_name": "fake"}}}`, Save: "gold=volume_type.id"},
			{Name: "a private type", As: Admin, Do: "POST types", Body: `{"volume_type": {"name": "private", "os-volume-type-access:is_public": false}}`, Save: "private=volume_type.id"}},
		retyping(), migrating(), imageMetadata(), images(), reverting(), unmanaging())}
}

func retyping() []Step {
	retype := func(name, argument string) Step {
		return act(Member, "retype "+name, "volumes/${v}", `{"os-retype": `+argument+`}`)
	}
	return []Step{
		retype("", `{"new_type": "gold", "migration_policy": "never"}`).waiting("volumes/${v} volume.status available"),
		get("show the retyped", "volumes/${v}"),
		retype("to its own type", `{"new_type": "gold"}`),
		retype("to an absent type", `{"new_type": "nosuch"}`),
		retype("to a private type", `{"new_type": "private"}`),
		retype("by id, on demand", `{"new_type": "${default_type}", "migration_policy": "on-demand"}`).waiting("volumes/${v} volume.status available"),
		retype("with a bad policy", `{"new_type": "gold", "migration_policy": "always"}`),
		retype("without a type", `{}`),
		retype("to null", `{"new_type": null}`),
		retype("to a number", `{"new_type": 1}`),
		act(Reader, "retype as a reader", "volumes/${v}", `{"os-retype": {"new_type": "gold"}}`),
		act(Member, "retype an absent one", "volumes/"+absent, `{"os-retype": {"new_type": "gold"}}`),
	}
}

func migrating() []Step {
	migrate := func(name, argument string) Step {
		return act(Admin, "migrate "+name, "volumes/${v}", `{"os-migrate_volume": `+argument+`}`)
	}
	return []Step{
		migrate("without a host", `{}`),
		migrate("to an absent host", `{"host": "nosuch@nosuch#nosuch"}`),
		migrate("to where it is", `{"host": "${pool}"}`),
		migrate("with a bad flag", `{"host": "${pool}", "force_host_copy": "maybe"}`),
		migrate("with a bad lock", `{"host": "${pool}", "lock_volume": "maybe"}`),
		migrate("to an absent cluster", `{"cluster": "nosuch"}`),
		migrate("to a host and a cluster", `{"host": "${pool}", "cluster": "nosuch"}`),
		act(Member, "migrate as a member", "volumes/${v}", `{"os-migrate_volume": {"host": "x@y#z"}}`),
		act(Admin, "migrate an absent one", "volumes/"+absent, `{"os-migrate_volume": {"host": "${pool}"}}`),
		act(Admin, "complete a migration nobody began", "volumes/${v}", `{"os-migrate_volume_completion": {"new_volume": "`+absent+`", "error": false}}`),
		act(Admin, "complete a migration without a volume", "volumes/${v}", `{"os-migrate_volume_completion": {}}`),
		act(Admin, "complete a migration to what is no id", "volumes/${v}", `{"os-migrate_volume_completion": {"new_volume": "x"}}`),
		act(Member, "complete a migration as a member", "volumes/${v}", `{"os-migrate_volume_completion": {"new_volume": "`+absent+`"}}`),
		act(Admin, "complete a migration to itself", "volumes/${v}", `{"os-migrate_volume_completion": {"new_volume": "${v}", "error": false}}`),
		{Name: "show after the migrations", As: Admin, Do: "GET volumes/${v}"},
	}
}

func imageMetadata() []Step {
	return []Step{
		act(Member, "image metadata of none", "volumes/${v}", `{"os-show_image_metadata": null}`),
		act(Member, "set image metadata", "volumes/${v}", `{"os-set_image_metadata": {"metadata": {"image_id": "x", "os_distro": "debian"}}}`),
		act(Member, "show image metadata", "volumes/${v}", `{"os-show_image_metadata": {}}`),
		get("show with image metadata", "volumes/${v}"),
		get("detail with image metadata", "volumes/detail"),
		get("by image metadata", "volumes?glance_metadata=%7B%22os_distro%22%3A%22debian%22%7D"),
		act(Member, "set image metadata again", "volumes/${v}", `{"os-set_image_metadata": {"metadata": {"os_distro": "trixie"}}}`),
		act(Member, "set image metadata to a number", "volumes/${v}", `{"os-set_image_metadata": {"metadata": {"a": 1}}}`),
		act(Member, "set image metadata to null", "volumes/${v}", `{"os-set_image_metadata": {"metadata": null}}`),
		act(Member, "set image metadata without any", "volumes/${v}", `{"os-set_image_metadata": {}}`),
		act(Member, "set image metadata with a long key", "volumes/${v}", `{"os-set_image_metadata": {"metadata": {"`+long(256)+`": "a"}}}`),
		act(Reader, "set image metadata as a reader", "volumes/${v}", `{"os-set_image_metadata": {"metadata": {"a": "b"}}}`),
		act(Reader, "show image metadata as a reader", "volumes/${v}", `{"os-show_image_metadata": {}}`),
		act(Member, "unset image metadata", "volumes/${v}", `{"os-unset_image_metadata": {"key": "os_distro"}}`),
		act(Member, "unset image metadata again", "volumes/${v}", `{"os-unset_image_metadata": {"key": "os_distro"}}`),
		act(Member, "unset image metadata without a key", "volumes/${v}", `{"os-unset_image_metadata": {}}`),
		act(Reader, "unset image metadata as a reader", "volumes/${v}", `{"os-unset_image_metadata": {"key": "image_id"}}`),
		act(Member, "show image metadata of an absent one", "volumes/"+absent, `{"os-show_image_metadata": {}}`),
		act(Member, "set image metadata of an absent one", "volumes/"+absent, `{"os-set_image_metadata": {"metadata": {"a": "b"}}}`),
		act(Member, "unset image metadata of an absent one", "volumes/"+absent, `{"os-unset_image_metadata": {"key": "a"}}`),
	}
}

func images() []Step {
	upload := func(name, argument string) Step {
		return act(Member, "upload "+name, "volumes/${v}", `{"os-volume_upload_image": `+argument+`}`)
	}
	return []Step{
		upload("without a name", `{}`),
		upload("with a name too long", `{"image_name": "`+long(256)+`"}`),
		upload("with a bad format", `{"image_name": "i", "disk_format": "nosuch"}`),
		upload("with a bad container", `{"image_name": "i", "container_format": "nosuch"}`),
		upload("with a bad force", `{"image_name": "i", "force": "maybe"}`),
		upload("with a bad visibility", `{"image_name": "i", "visibility": "nosuch"}`),
		upload("with a bad protected", `{"image_name": "i", "protected": "maybe"}`),
		upload("for the public", `{"image_name": "i", "visibility": "public"}`),
		act(Reader, "upload as a reader", "volumes/${v}", `{"os-volume_upload_image": {"image_name": "i"}}`),
		act(Member, "upload an absent one", "volumes/"+absent, `{"os-volume_upload_image": {"image_name": "i"}}`),
		act(Member, "reimage", "volumes/${v}", `{"os-reimage": {"image_id": "`+absent+`"}}`),
		act(Member, "reimage without an image", "volumes/${v}", `{"os-reimage": {}}`),
		act(Member, "reimage from what is no id", "volumes/${v}", `{"os-reimage": {"image_id": "x"}}`),
		act(Member, "reimage with a bad flag", "volumes/${v}", `{"os-reimage": {"image_id": "`+absent+`", "reimage_reserved": "maybe"}}`),
		act(Reader, "reimage as a reader", "volumes/${v}", `{"os-reimage": {"image_id": "`+absent+`"}}`),
		act(Member, "reimage an absent one", "volumes/"+absent, `{"os-reimage": {"image_id": "`+absent+`"}}`),
		{Name: "create from an absent image", Do: "POST volumes", Body: `{"volume": {"size": 1, "imageRef": "` + absent + `"}}`},
	}
}

func reverting() []Step {
	return []Step{
		volume(Member, "r", `"size": 1`),
		{Name: "the first snapshot", Do: "POST snapshots", Body: `{"snapshot": {"volume_id": "${r}", "name": "s1"}}`, Save: "s1=snapshot.id", Wait: "snapshots/${s1} snapshot.status available"},
		act(Member, "revert", "volumes/${r}", `{"revert": {"snapshot_id": "${s1}"}}`).waiting("volumes/${r} volume.status available|error"),
		{Name: "show the reverted", As: Admin, Do: "GET volumes/${r}"},
		act(Member, "revert without a snapshot", "volumes/${r}", `{"revert": {}}`),
		act(Member, "revert to what is no id", "volumes/${r}", `{"revert": {"snapshot_id": "x"}}`),
		act(Member, "revert to an absent snapshot", "volumes/${r}", `{"revert": {"snapshot_id": "`+absent+`"}}`),
		act(Member, "revert to a snapshot of another volume", "volumes/${v}", `{"revert": {"snapshot_id": "${s1}"}}`),
		act(Reader, "revert as a reader", "volumes/${r}", `{"revert": {"snapshot_id": "${s1}"}}`),
		act(Member, "revert an absent one", "volumes/"+absent, `{"revert": {"snapshot_id": "${s1}"}}`),
		act(Member, "extend after the snapshot", "volumes/${r}", `{"os-extend": {"new_size": 2}}`).waiting("volumes/${r} volume.status available|error|error_extending"),
		act(Member, "revert to a smaller snapshot", "volumes/${r}", `{"revert": {"snapshot_id": "${s1}"}}`).waiting("volumes/${r} volume.status available|error"),
	}
}

func unmanaging() []Step {
	return []Step{
		act(Member, "unmanage as a member", "volumes/${v}", `{"os-unmanage": {}}`),
		act(Admin, "unmanage one with snapshots", "volumes/${r}", `{"os-unmanage": {}}`),
		act(Admin, "unmanage an absent one", "volumes/"+absent, `{"os-unmanage": {}}`),
		act(Admin, "unmanage", "volumes/${v}", `{"os-unmanage": {}}`).waiting("volumes/${v} gone"),
		get("show the unmanaged", "volumes/${v}"),
	}
}
