package tour

import "strings"

// volumes is their life: creating, reading, changing, deleting.
func volumes() Group {
	return Group{Name: "volumes", Steps: join(volumesCreate(), volumesCreateBadly(), volumesRead(), volumesList(), volumesListBadly(),
		volumesSummary(), volumesChange(), volumesMetadata(), volumesMetadataBadly(), volumesCopy(), volumesDelete())}
}

const absent = "00000000-0000-4000-8000-000000000000"

func volumesCreate() []Step {
	return []Step{
		{Name: "list none", Do: "GET volumes"},
		{Name: "detail none", Do: "GET volumes/detail"},
		{Name: "list none with count", Do: "GET volumes?with_count=true"},
		{Name: "create", Do: "POST volumes", Body: `{"volume": {"size": 1, "name": "one"}}`,
			Save: "one=volume.id", Wait: "volumes/${one} volume.status available"},
		{Name: "create with everything", Do: "POST volumes", Body: `{"volume": {"size": 2, "name": "two", "description": "the second",
			"availability_zone": "nova", "volume_type": "__DEFAULT__", "metadata": {"a": "1", "b": "2"}, "snapshot_id": null, "source_volid": null,
			"imageRef": null, "consistencygroup_id": null, "multiattach": false}}`, Save: "two=volume.id", Wait: "volumes/${two} volume.status available"},
		{Name: "create without a project in the path", Do: "POST /v3/volumes", Body: `{"volume": {"size": "3", "name": "three", "volume_type": "${default_type}"}}`,
			Save: "three=volume.id", Wait: "volumes/${three} volume.status available"},
		{Name: "create with v1's names", Do: "POST volumes", Body: `{"volume": {"size": 1, "display_name": " four ", "display_description": " trimmed "}}`,
			Save: "four=volume.id", Wait: "volumes/${four} volume.status available"},
		{Name: "create with an unknown member", Do: "POST volumes", Body: `{"volume": {"size": 1, "name": "five", "nosuch": 1}}`,
			Save: "five=volume.id", Wait: "volumes/${five} volume.status available"},
		{Name: "create with hints", Do: "POST volumes", Body: `{"volume": {"size": 1, "name": "six"}, "OS-SCH-HNT:scheduler_hints": {"same_host": ["${one}"]}}`,
			Save: "six=volume.id", Wait: "volumes/${six} volume.status available"},
		{Name: "create with other hints", Do: "POST volumes", Body: `{"volume": {"size": 1, "name": "seven"}, "scheduler_hints": {"x": "y"}}`,
			Save: "seven=volume.id", Wait: "volumes/${seven} volume.status available"},
		{Name: "create for another project", As: Other, Do: "POST volumes", Body: `{"volume": {"size": 1, "name": "theirs"}}`,
			Save: "theirs=volume.id", Wait: "volumes/${theirs} volume.status available"},
	}
}

func volumesCreateBadly() []Step {
	bad := func(name, volume string) Step {
		return Step{Name: "create " + name, Do: "POST volumes", Body: `{"volume": {` + volume + `}}`}
	}
	return []Step{
		{Name: "create as a reader", As: Reader, Do: "POST volumes", Body: `{"volume": {"size": 1}}`},
		{Name: "create with bad hints", Do: "POST volumes", Body: `{"volume": {"size": 1}, "OS-SCH-HNT:scheduler_hints": "x"}`},
		bad("without a size", `"name": "x"`),
		bad("of size 0", `"size": 0`),
		bad("of size -1", `"size": -1`),
		bad("of size a text", `"size": "one"`),
		bad("of size an empty text", `"size": ""`),
		bad("of size 1.5", `"size": 1.5`),
		bad("of size 1.0", `"size": 1.0, "volume_type": "nosuch"`),
		bad("of size true", `"size": true`),
		bad("of size null", `"size": null`),
		bad("of size a list", `"size": [1]`),
		bad("of a size beyond the database", `"size": 2147483648`),
		bad("of a size beyond reason", `"size": 99999999999999999999`),
		bad("of size 2001, over the quota", `"size": 2001`),
		bad("with a name too long", `"size": 1, "name": "`+strings.Repeat("n", 256)+`"`),
		bad("with a name that is a number", `"size": 1, "name": 1`),
		bad("with a description too long", `"size": 1, "description": "`+strings.Repeat("d", 256)+`"`),
		bad("with an absent type", `"size": 1, "volume_type": "nosuch"`),
		bad("with an absent type id", `"size": 1, "volume_type": "`+absent+`"`),
		bad("with a type that is a number", `"size": 1, "volume_type": 1`),
		bad("in an absent zone", `"size": 1, "availability_zone": "nosuch"`),
		bad("in a zone that is a number", `"size": 1, "availability_zone": 1`),
		bad("from an absent snapshot", `"size": 1, "snapshot_id": "`+absent+`"`),
		bad("from a snapshot that is no id", `"size": 1, "snapshot_id": "x"`),
		bad("from an absent volume", `"size": 1, "source_volid": "`+absent+`"`),
		bad("from a volume that is no id", `"size": 1, "source_volid": "x"`),
		bad("from an absent backup", `"size": 1, "backup_id": "`+absent+`"`),
		bad("from a backup that is no id", `"size": 1, "backup_id": "x"`),
		bad("from a snapshot and a volume", `"size": 1, "snapshot_id": "`+absent+`", "source_volid": "`+absent+`"`),
		bad("in an absent group", `"size": 1, "group_id": "`+absent+`"`),
		bad("in an absent consistency group", `"size": 1, "consistencygroup_id": "`+absent+`"`),
		bad("from an image that is no id", `"size": 1, "imageRef": "`+strings.Repeat("i", 256)+`"`),
		bad("with multiattach", `"size": 1, "multiattach": true`),
		bad("with multiattach as a text", `"size": 1, "multiattach": "nonsense"`),
		bad("with metadata that is a text", `"size": 1, "metadata": "x"`),
		bad("with metadata that is a list", `"size": 1, "metadata": []`),
		bad("with metadata of a number", `"size": 1, "metadata": {"a": 1}`),
		bad("with metadata of null", `"size": 1, "metadata": {"a": null}`),
		bad("with metadata without a key", `"size": 1, "metadata": {"": "x"}`),
		bad("with a metadata key too long", `"size": 1, "metadata": {"`+strings.Repeat("k", 256)+`": "x"}`),
		bad("with a metadata value too long", `"size": 1, "metadata": {"k": "`+strings.Repeat("v", 256)+`"}`),
	}
}

func volumesRead() []Step {
	return []Step{
		{Name: "show", Do: "GET volumes/${one}"},
		{Name: "show without a project in the path", Do: "GET /v3/volumes/${one}"},
		{Name: "show as a reader", As: Reader, Do: "GET volumes/${two}"},
		{Name: "show as admin", As: Admin, Do: "GET volumes/${two}"},
		{Name: "show another project's", Do: "GET volumes/${theirs}"},
		{Name: "show an absent one", Do: "GET volumes/" + absent},
		{Name: "show what is no id", Do: "GET volumes/nosuch"},
		{Name: "show one with a trimmed name", Do: "GET volumes/${four}"},
		{Name: "show one with an unknown member", Do: "GET volumes/${five}", Before: "3.53"},
		{Name: "steps of a volume's view", As: Admin, Do: "GET volumes/${two}", At: "3.12 3.13 3.20 3.21 3.47 3.48 3.60 3.61 3.62 3.63 3.64 3.65 3.68 3.69"},
		{Name: "steps of a volume's view for a member", Do: "GET volumes/${two}", At: "3.13 3.21 3.48 3.61 3.63 3.65 3.69"},
	}
}

func volumesList() []Step {
	list := func(name, query string) Step {
		return Step{Name: "list " + name, Do: "GET volumes?" + query, Unordered: true}
	}
	sorted := func(name, query string) Step { return Step{Name: "list " + name, Do: "GET volumes?" + query} }
	return []Step{
		{Name: "list", Do: "GET volumes", Unordered: true},
		{Name: "list as a reader", As: Reader, Do: "GET volumes", Unordered: true},
		{Name: "list another project's", As: Other, Do: "GET volumes"},
		{Name: "detail", Do: "GET volumes/detail", Unordered: true},
		{Name: "detail another project's", As: Other, Do: "GET volumes/detail"},
		{Name: "detail as admin", As: Admin, Do: "GET volumes/detail?all_tenants=1", Unordered: true},
		{Name: "list all tenants as a member", Do: "GET volumes?all_tenants=1", Unordered: true},
		{Name: "list all tenants as admin", As: Admin, Do: "GET volumes?all_tenants=true", Unordered: true},
		{Name: "list with a bad all_tenants", As: Admin, Do: "GET volumes?all_tenants=maybe", Unordered: true},
		{Name: "list a project as admin", As: Admin, Do: "GET volumes?all_tenants=1&project_id=${other_project}"},
		{Name: "list a project without all_tenants as admin", As: Admin, Do: "GET volumes?project_id=${other_project}"},
		sorted("sorted by name", "sort=name:asc"),
		sorted("sorted by name downward", "sort=name:desc"),
		sorted("sorted by display_name", "sort_key=display_name&sort_dir=asc"),
		sorted("sorted by size and name", "sort=size,name:asc"),
		sorted("a page", "sort=name:asc&limit=2"),
		sorted("the next page", "sort=name:asc&limit=2&marker=${one}"),
		sorted("the last page", "sort=name:asc&limit=10&marker=${two}"),
		sorted("from an offset", "sort=name:asc&offset=2"),
		sorted("a page from an offset", "sort=name:asc&offset=1&limit=1"),
		sorted("a page of none", "limit=0"),
		sorted("from an offset beyond the end", "offset=1000"),
		sorted("with count", "with_count=true&limit=1&sort=name:asc"),
		sorted("with a bad count", "with_count=maybe&sort=name:asc"),
		list("by name", "name=one"),
		list("by part of a name", "name~=o"),
		list("by absent name", "name=nosuch"),
		list("by status", "status=available"),
		list("by other status", "status=error"),
		list("by size", "size=2"),
		list("by zone", "availability_zone=nova"),
		list("by metadata", "metadata=%7B%22a%22%3A%20%221%22%7D"),
		list("by other metadata", "metadata=%7B%22a%22%3A%20%222%22%7D"),
		list("by bootable", "bootable=true"),
		list("by not bootable", "bootable=false"),
		list("by migration status", "migration_status=none"),
		list("by consumes_quota", "consumes_quota=true"),
		list("by not consumes_quota", "consumes_quota=false"),
		list("by glance metadata", "glance_metadata=%7B%22a%22%3A%20%221%22%7D"),
		list("by group", "group_id="+absent),
		list("created after", "created_at=gt:2020-01-01T00:00:00"),
		list("created before", "created_at=lt:2020-01-01T00:00:00"),
		list("by multiattach", "multiattach=false"),
		list("by volume type", "volume_type_id=${default_type}"),
	}
}

func volumesListBadly() []Step {
	list := func(name, query string) Step {
		return Step{Name: "list " + name, Do: "GET volumes?" + query, Unordered: true}
	}
	return []Step{
		list("with a bad limit", "limit=x"),
		list("with a negative limit", "limit=-1"),
		list("with a huge limit", "limit=999999"),
		list("with a limit beyond numbers", "limit=99999999999999999999"),
		list("with a bad offset", "offset=x"),
		list("with a negative offset", "offset=-1"),
		list("with an offset beyond the database", "offset=99999999999999999999"),
		list("with a marker that is no id", "marker=x"),
		list("with an absent marker", "marker="+absent),
		list("with another project's marker", "marker=${theirs}"),
		list("with a bad sort key", "sort_key=nosuch"),
		list("with a bad sort direction", "sort_key=name&sort_dir=sideways"),
		list("with a bad sort", "sort=name:sideways"),
		list("with sort and sort_key", "sort=name&sort_key=name"),
		list("with an unknown filter", "nosuch=1"),
		list("with metadata that is no object", "metadata=x"),
		list("with a bad bootable", "bootable=maybe"),
		list("with a bad time", "created_at=gt:yesterday"),
		list("with a bad time operator", "created_at=near:2020-01-01T00:00:00"),
		list("with a bad consumes_quota", "consumes_quota=maybe"),
		{Name: "list with an unknown filter as admin", As: Admin, Do: "GET volumes?nosuch=1"},
		{Name: "steps of filters", Do: "GET volumes?nosuch=1", At: "3.30 3.31", Unordered: true},
		{Name: "steps of like filters", Do: "GET volumes?name~=o", At: "3.33 3.34", Unordered: true},
		{Name: "steps of bootable filters", Do: "GET volumes?bootable=maybe", At: "3.1 3.2", Unordered: true},
		{Name: "steps of counts", Do: "GET volumes?with_count=true&name=one", At: "3.44 3.45", Unordered: true},
		{Name: "steps of time filters", Do: "GET volumes?created_at=gt:2020-01-01T00:00:00&name=one", At: "3.59 3.60", Unordered: true},
		{Name: "steps of group filters", Do: "GET volumes?group_id=" + absent, At: "3.9 3.10", Unordered: true},
		{Name: "detail with everything", Do: "GET volumes/detail?sort=name:asc&limit=2&offset=1&with_count=true&status=available"},
		{Name: "detail of the next page", Do: "GET volumes/detail?sort=name:asc&limit=1&marker=${one}"},
	}
}

func volumesSummary() []Step {
	return []Step{
		{Name: "summary", Do: "GET volumes/summary"},
		{Name: "summary of another project", As: Other, Do: "GET volumes/summary"},
		{Name: "summary of all projects", As: Admin, Do: "GET volumes/summary?all_tenants=1"},
		{Name: "summary filtered", Do: "GET volumes/summary?name=one"},
		{Name: "steps of the summary", Do: "GET volumes/summary", At: "3.11 3.12 3.35 3.36"},
	}
}

func volumesChange() []Step {
	put := func(name, body string) Step {
		return Step{Name: "update " + name, Do: "PUT volumes/${one}", Body: body}
	}
	return []Step{
		put("the name", `{"volume": {"name": "uno"}}`),
		put("the name back, with v1's name", `{"volume": {"display_name": "one", "display_description": "the first"}}`),
		put("metadata", `{"volume": {"metadata": {"m": "1"}}}`),
		put("name with blanks", `{"volume": {"name": "  one  ", "description": "  "}}`),
		put("name to null", `{"volume": {"name": null, "description": null}}`),
		put("everything", `{"volume": {"name": "one", "description": "again", "metadata": {}}}`),
		put("nothing", `{"volume": {}}`),
		put("an unknown member", `{"volume": {"name": "one", "size": 7}}`),
		put("a name too long", `{"volume": {"name": "`+strings.Repeat("n", 256)+`"}}`),
		put("a name that is a number", `{"volume": {"name": 1}}`),
		put("a name that is a list", `{"volume": {"name": []}}`),
		put("with no volume", `{}`),
		put("metadata of a number", `{"volume": {"metadata": {"a": 1}}}`),
		{Name: "update as a reader", As: Reader, Do: "PUT volumes/${one}", Body: `{"volume": {"name": "x"}}`},
		{Name: "update another project's", Do: "PUT volumes/${theirs}", Body: `{"volume": {"name": "x"}}`},
		{Name: "update an absent one", Do: "PUT volumes/" + absent, Body: `{"volume": {"name": "x"}}`},
		{Name: "update as admin", As: Admin, Do: "PUT volumes/${one}", Body: `{"volume": {"description": "by admin"}}`},
		{Name: "show after the updates", Do: "GET volumes/${one}"},
	}
}

func volumesMetadata() []Step {
	return []Step{
		{Name: "metadata", Do: "GET volumes/${two}/metadata"},
		{Name: "metadata of none", Do: "GET volumes/${three}/metadata"},
		{Name: "metadata added", Do: "POST volumes/${two}/metadata", Body: `{"metadata": {"c": "3"}}`},
		{Name: "metadata overwritten", Do: "POST volumes/${two}/metadata", Body: `{"metadata": {"a": "eins"}}`},
		{Name: "metadata of one key", Do: "GET volumes/${two}/metadata/a"},
		{Name: "metadata of an absent key", Do: "GET volumes/${two}/metadata/nosuch"},
		{Name: "metadata key set", Do: "PUT volumes/${two}/metadata/d", Body: `{"meta": {"d": "4"}}`},
		{Name: "metadata key set to nothing", Do: "PUT volumes/${two}/metadata/d", Body: `{"meta": {"d": ""}}`},
		{Name: "metadata key set, empty list", Do: "GET volumes/${two}/metadata"},
		{Name: "metadata replaced", Do: "PUT volumes/${two}/metadata", Body: `{"metadata": {"x": "9"}}`},
		{Name: "metadata replaced by none", Do: "PUT volumes/${two}/metadata", Body: `{"metadata": {}}`},
		{Name: "metadata added again", Do: "POST volumes/${two}/metadata", Body: `{"metadata": {"k": "v", "l": "ü"}}`},
		{Name: "metadata key deleted", Do: "DELETE volumes/${two}/metadata/l"},
		{Name: "metadata key deleted again", Do: "DELETE volumes/${two}/metadata/l"},
		{Name: "steps of etags", Do: "GET volumes/${two}/metadata", At: "3.14 3.15"},
		{Name: "metadata replaced if it matches", Do: "PUT volumes/${two}/metadata", Body: `{"metadata": {"k": "w"}}`,
			Headers: map[string]string{"If-Match": "a26c09ee5c5b2ee4f9cd92d3bdd0dcf6"}},
		{Name: "metadata replaced if it does not match", Do: "PUT volumes/${two}/metadata", Body: `{"metadata": {"k": "never"}}`,
			Headers: map[string]string{"If-Match": "00000000000000000000000000000000"}},
		{Name: "metadata replaced whatever it is", Do: "PUT volumes/${two}/metadata", Body: `{"metadata": {"k": "x"}}`,
			Headers: map[string]string{"If-Match": "*"}},
		{Name: "metadata if it has changed", Do: "GET volumes/${two}/metadata", Headers: map[string]string{"If-None-Match": "*"}},
		{Name: "metadata of an absent volume", Do: "GET volumes/" + absent + "/metadata"},
		{Name: "metadata of another project's", Do: "GET volumes/${theirs}/metadata"},
		{Name: "metadata key of an absent volume", Do: "GET volumes/" + absent + "/metadata/a"},
		{Name: "metadata added to an absent volume", Do: "POST volumes/" + absent + "/metadata", Body: `{"metadata": {"a": "1"}}`},
		{Name: "metadata replaced of an absent volume", Do: "PUT volumes/" + absent + "/metadata", Body: `{"metadata": {"a": "1"}}`},
		{Name: "metadata key set of an absent volume", Do: "PUT volumes/" + absent + "/metadata/a", Body: `{"meta": {"a": "1"}}`},
		{Name: "metadata key deleted of an absent volume", Do: "DELETE volumes/" + absent + "/metadata/a"},
		{Name: "metadata as a reader", As: Reader, Do: "GET volumes/${two}/metadata"},
		{Name: "metadata added as a reader", As: Reader, Do: "POST volumes/${two}/metadata", Body: `{"metadata": {"a": "1"}}`},
		{Name: "metadata replaced as a reader", As: Reader, Do: "PUT volumes/${two}/metadata", Body: `{"metadata": {"a": "1"}}`},
		{Name: "metadata key deleted as a reader", As: Reader, Do: "DELETE volumes/${two}/metadata/k"},
	}
}

func volumesMetadataBadly() []Step {
	post := func(name, body string) Step {
		return Step{Name: "metadata added, " + name, Do: "POST volumes/${two}/metadata", Body: body}
	}
	put := func(name, body string) Step {
		return Step{Name: "metadata key set, " + name, Do: "PUT volumes/${two}/metadata/k", Body: body}
	}
	return []Step{
		post("no member", `{}`),
		post("a list", `{"metadata": []}`),
		post("null", `{"metadata": null}`),
		post("a number", `{"metadata": {"a": 1}}`),
		post("a nested object", `{"metadata": {"a": {}}}`),
		post("an empty key", `{"metadata": {"": "x"}}`),
		post("a key too long", `{"metadata": {"`+strings.Repeat("k", 256)+`": "x"}}`),
		post("a value too long", `{"metadata": {"a": "`+strings.Repeat("v", 256)+`"}}`),
		post("an odd key", `{"metadata": {"a/b": "x"}}`),
		post("another member", `{"metadata": {"a": "1"}, "more": 1}`),
		put("another key", `{"meta": {"other": "x"}}`),
		put("two keys", `{"meta": {"k": "x", "l": "y"}}`),
		put("no key", `{"meta": {}}`),
		put("no member", `{}`),
		put("a text", `{"meta": "x"}`),
		put("a number", `{"meta": {"k": 1}}`),
		put("a value too long", `{"meta": {"k": "`+strings.Repeat("v", 256)+`"}}`),
		put("null", `{"meta": {"k": null}}`),
	}
}

func volumesCopy() []Step {
	return []Step{
		{Name: "clone", Do: "POST volumes", Body: `{"volume": {"source_volid": "${one}", "name": "clone"}}`,
			Save: "clone=volume.id", Wait: "volumes/${clone} volume.status available"},
		{Name: "clone, smaller", Do: "POST volumes", Body: `{"volume": {"source_volid": "${two}", "size": 1}}`},
		{Name: "clone of another project's", Do: "POST volumes", Body: `{"volume": {"source_volid": "${theirs}", "size": 1}}`},
		{Name: "clone and snapshot", Do: "POST volumes", Body: `{"volume": {"source_volid": "${one}", "snapshot_id": "` + absent + `", "size": 1}}`},
		{Name: "clone and image", Do: "POST volumes", Body: `{"volume": {"source_volid": "${one}", "imageRef": "` + absent + `", "size": 1}}`},
		{Name: "snapshot of the second", Do: "POST snapshots", Body: `{"snapshot": {"volume_id": "${two}", "name": "snap"}}`,
			Save: "snap=snapshot.id", Wait: "snapshots/${snap} snapshot.status available"},
		{Name: "from the snapshot", Do: "POST volumes", Body: `{"volume": {"snapshot_id": "${snap}", "size": 3, "name": "restored"}}`,
			Save: "restored=volume.id", Wait: "volumes/${restored} volume.status available"},
		{Name: "from the snapshot, smaller", Do: "POST volumes", Body: `{"volume": {"snapshot_id": "${snap}", "size": 1}}`},
		{Name: "from the snapshot, without a size", Do: "POST volumes", Body: `{"volume": {"snapshot_id": "${snap}", "name": "same size"}}`},
		{Name: "show the clone", Do: "GET volumes/${clone}"},
		{Name: "show the restored", Do: "GET volumes/${restored}"},
		{Name: "quota of volumes used up", Do: "GET os-quota-sets/${member_project}?usage=true", As: Admin},
		{Name: "one volume too many", Do: "POST volumes", Body: `{"volume": {"size": 1, "name": "eleven"}}`},
		{Name: "another one volume too many", Do: "POST volumes", Body: `{"volume": {"size": 1, "name": "twelve"}}`},
	}
}

func volumesDelete() []Step {
	return []Step{
		{Name: "delete one with a snapshot", Do: "DELETE volumes/${two}"},
		{Name: "delete as a reader", As: Reader, Do: "DELETE volumes/${one}"},
		{Name: "delete another project's", Do: "DELETE volumes/${theirs}"},
		{Name: "delete an absent one", Do: "DELETE volumes/" + absent},
		{Name: "delete what is no id", Do: "DELETE volumes/nosuch"},
		{Name: "delete", Do: "DELETE volumes/${one}", Wait: "volumes/${one} gone"},
		{Name: "delete again", Do: "DELETE volumes/${one}"},
		{Name: "show the deleted", Do: "GET volumes/${one}"},
		{Name: "update the deleted", Do: "PUT volumes/${one}", Body: `{"volume": {"name": "x"}}`},
		{Name: "delete by force as a member", Do: "DELETE volumes/${three}?force=true", Since: "3.27"},
		{Name: "delete by force as admin", As: Admin, Do: "DELETE volumes/${three}?force=true", Wait: "volumes/${three} gone"},
		{Name: "delete with cascade", Do: "DELETE volumes/${two}?cascade=true", Wait: "volumes/${two} gone"},
		{Name: "delete with a bad cascade", Do: "DELETE volumes/${four}?cascade=maybe"},
		{Name: "the snapshot is gone too", Do: "GET snapshots/${snap}"},
		{Name: "delete without a project in the path", Do: "DELETE /v3/volumes/${clone}", Wait: "volumes/${clone} gone"},
		{Name: "delete another project's as admin", As: Admin, Do: "DELETE volumes/${theirs}", Wait: "volumes/${theirs} gone"},
		{Name: "list what is left", Do: "GET volumes", Unordered: true},
		{Name: "list the deleted as admin", As: Admin, Do: "GET volumes?all_tenants=1&status=deleted"},
	}
}
