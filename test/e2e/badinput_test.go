package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"

	"github.com/clinker/clinker/test/harness"
)

// quiesce runs do and checks that the server has no more goroutines afterwards than before.
func quiesce(t *testing.T, cloud *harness.Cloud, do func()) {
	t.Helper()
	const slack = 2 // a heartbeat, a report: work that comes and goes by itself
	cloud.CloseIdle()
	before := cloud.Metric(t, "go_goroutines")
	for range 5 {
		before = max(before, cloud.Metric(t, "go_goroutines"))
	}
	do()
	cloud.CloseIdle()
	harness.Eventually(t, "the goroutines going back", func() (bool, string) {
		now := cloud.Metric(t, "go_goroutines")
		return now <= before+slack, fmt.Sprintf("%v, at first %v", now, before)
	})
}

// TestMalformedRequests: what is no proper request, and what Cinder says to it.
func TestMalformedRequests(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "")
	v := create(t, cloud.Client(t, "admin", latest), volumes.CreateOpts{Size: 1})
	volume, volumeAction, some := "/v3/volumes/"+v.ID, "/v3/volumes/"+v.ID+"/action", `{"volume": {"size": 1}}`
	typed := func(contentType string) http.Header { return http.Header{"Content-Type": {contentType}} }
	versioned := func(header ...string) http.Header { return http.Header{"Openstack-Api-Version": header} }
	const malformed = "Malformed request body"
	quiesce(t, cloud, func() {
		for _, bad := range []struct {
			what   string
			r      harness.Request
			status int
			words  string
		}{
			{"a body that is no JSON", harness.Request{Path: "/v3/volumes", Body: "{"}, 400, malformed},
			{"a body that is only spaces", harness.Request{Path: "/v3/volumes", Body: "  "}, 400, malformed},
			{"JSON and more", harness.Request{Path: "/v3/volumes", Body: some + some}, 400, malformed},
			{"invalid UTF-8", harness.Request{Path: "/v3/volumes", Body: "{\"volume\": {\"size\": 1, \"name\": \"\xff\xfe\"}}"}, 400, malformed},
			{"a body that is a list", harness.Request{Path: "/v3/volumes", Body: "[]"}, 400, ""},
			{"a body that is a text", harness.Request{Path: "/v3/volumes", Body: `"volume"`}, 400, ""},
			{"a body that is null", harness.Request{Path: "/v3/volumes", Body: "null"}, 400, ""},
			{"an empty object", harness.Request{Path: "/v3/volumes", Body: "{}"}, 400, "'volume' is a required property"},
			{"a volume that is a list", harness.Request{Path: "/v3/volumes", Body: `{"volume": []}`}, 400, "[] is not of type 'object'"},
			{"no body", harness.Request{Method: http.MethodPost, Path: "/v3/volumes"}, 400, ""},
			{"an unknown member beside it", harness.Request{Path: "/v3/volumes", Body: `{"volume": {"size": 1}, "x": 1}`}, 400, "Additional properties are not allowed ('x' was unexpected)"},
			{"10,000 brackets", harness.Request{Path: "/v3/volumes", Body: strings.Repeat("[", 10_000)}, 400, malformed},
			{"100,000 bytes of nesting", harness.Request{Path: "/v3/volumes", Body: strings.Repeat(`{"volume":`, 10_000) + "1" + strings.Repeat("}", 10_000)}, 400, ""},
			{"a number that is too large", harness.Request{Path: "/v3/volumes", Body: `{"volume": {"size": 1e999999}}`}, 400, ""},
			{"a number of 10,000 digits", harness.Request{Path: "/v3/volumes", Body: `{"volume": {"size": ` + strings.Repeat("9", 10_000) + `}}`}, 400, ""},
			{"NaN", harness.Request{Path: "/v3/volumes", Body: `{"volume": {"size": NaN}}`}, 400, ""},
			{"XML", harness.Request{Path: "/v3/volumes", Body: "<volume/>", Header: typed("application/xml")}, 415, "Unsupported Content-Type"},
			{"a form", harness.Request{Path: "/v3/volumes", Body: "size=1", Header: typed("application/x-www-form-urlencoded")}, 415, "Unsupported Content-Type"},
			{"a Content-Type that is none", harness.Request{Path: "/v3/volumes", Body: some, Header: typed(";;;")}, 415, ""},

			{"an unknown action", harness.Request{Path: volumeAction, Body: `{"os-explode": {}}`}, 400, "There is no such action: os-explode"},
			{"no action", harness.Request{Path: volumeAction, Body: `{}`}, 400, malformed},
			{"an action that is a text", harness.Request{Path: volumeAction, Body: `"os-extend"`}, 400, malformed},
			{"an action with a list", harness.Request{Path: volumeAction, Body: `{"os-extend": []}`}, 400, ""},
			{"an action with null", harness.Request{Path: volumeAction, Body: `{"os-extend": null}`}, 400, ""},

			{"a malformed microversion", harness.Request{Path: "/v3/volumes", Header: versioned("volume 3.")}, 400, "API Version String 3. is of invalid format"},
			{"a microversion with letters", harness.Request{Path: "/v3/volumes", Header: versioned("volume three")}, 400, "is of invalid format"},
			{"a microversion with three parts", harness.Request{Path: "/v3/volumes", Header: versioned("volume 3.1.2")}, 400, ""},
			{"a microversion with leading zeroes", harness.Request{Path: "/v3/volumes", Header: versioned("volume 3.01")}, 400, ""},
			{"a negative microversion", harness.Request{Path: "/v3/volumes", Header: versioned("volume -3.1")}, 400, ""},
			{"a microversion above the latest", harness.Request{Path: "/v3/volumes", Header: versioned("volume 3.72")}, 406, "Version 3.72 is not supported by the API. Minimum is 3.0 and maximum is 3.71."},
			{"a microversion of long ago", harness.Request{Path: "/v3/volumes", Header: versioned("volume 2.0")}, 406, ""},
			{"a huge microversion", harness.Request{Path: "/v3/volumes", Header: versioned("volume 3.99999999999999999999")}, 406, ""},

			{"another's project", harness.Request{Path: "/v3/0123/volumes", Project: "4567"}, 400, "Malformed request url"},
			{"invalid UTF-8 in the path", harness.Request{Path: "/v3/volumes/%ff%fe"}, 400, ""},
			{"NUL in the path", harness.Request{Path: "/v3/volumes/a%00b"}, 400, ""},
			{"invalid UTF-8 in the query", harness.Request{Path: "/v3/volumes?name=%ff"}, 400, ""},
			{"an id that is none", harness.Request{Path: "/v3/volumes/x"}, 404, "Volume x could not be found."},
			{"an id with a slash in it", harness.Request{Path: "/v3/volumes/a%2Fb"}, 404, ""},
			{"an id with a quote", harness.Request{Path: "/v3/volumes/%27%20OR%201=1--"}, 404, ""},
			{"an id of 5,000 characters", harness.Request{Path: "/v3/volumes/" + strings.Repeat("a", 5000)}, 404, ""},

			{"limit below 0", harness.Request{Path: "/v3/volumes?limit=-1"}, 400, "limit param must be positive"},
			{"limit that is no number", harness.Request{Path: "/v3/volumes?limit=ten"}, 400, "limit param must be an integer"},
			{"offset below 0", harness.Request{Path: "/v3/volumes?offset=-1"}, 400, "offset"},
			{"offset beyond 64 bits", harness.Request{Path: "/v3/volumes?offset=99999999999999999999"}, 400, "offset"},
			{"a marker that is not there", harness.Request{Path: "/v3/volumes?marker=" + nobody}, 404, ""},
			{"an unknown sort key", harness.Request{Path: "/v3/volumes?sort=colour"}, 400, ""},
			{"an unknown direction", harness.Request{Path: "/v3/volumes?sort=name:up"}, 400, "Unknown sort direction, must be 'desc' or 'asc'."},
			{"both forms of sort", harness.Request{Path: "/v3/volumes?sort=name&sort_key=name"}, 400, "deprecated"},
			{"all_tenants that is no truth", harness.Request{Path: "/v3/volumes?all_tenants=perhaps"}, 400, ""},
			{"with_count that is no truth", harness.Request{Path: "/v3/volumes?with_count=perhaps", Version: latest}, 400, ""},
			{"bootable that is no truth", harness.Request{Path: "/v3/volumes?bootable=perhaps", Version: latest}, 400, "'bootable = perhaps'"},
			{"a time that is none", harness.Request{Path: "/v3/volumes?created_at=gt:yesterday", Version: latest}, 400, ""},
			{"a comparison that is none", harness.Request{Path: "/v3/volumes?created_at=about:2026-01-01T00:00:00", Version: latest}, 400, ""},

			{"a volume's update without anything", harness.Request{Method: http.MethodPut, Path: volume, Body: `{"volume": {}}`, Version: latest}, 400, ""},
			{"a volume's update of its size", harness.Request{Method: http.MethodPut, Path: volume, Body: `{"volume": {"size": 2}}`}, 400, "Additional properties"},
			{"metadata key and path that differ", harness.Request{Method: http.MethodPut, Path: volume + "/metadata/a", Body: `{"meta": {"b": "c"}}`}, 400, "Request body and URI mismatch"},
			{"two entries for one key", harness.Request{Method: http.MethodPut, Path: volume + "/metadata/a", Body: `{"meta": {"a": "b", "c": "d"}}`}, 400, "has too many properties"},
			{"a metadata entry that is not there", harness.Request{Path: volume + "/metadata/a"}, 404, "has no metadata with key a"},
			{"metadata with an empty key", harness.Request{Path: volume + "/metadata", Body: `{"metadata": {"": "x"}}`}, 400, ""},
			{"a snapshot without volume", harness.Request{Path: "/v3/snapshots", Body: `{"snapshot": {}}`}, 400, "'volume_id' is a required property"},
			{"an attachment without volume", harness.Request{Path: "/v3/attachments", Body: `{"attachment": {}}`, Version: latest}, 400, "'volume_uuid' is a required property"},
			{"a type without name", harness.Request{Path: "/v3/types", Body: `{"volume_type": {"name": ""}}`}, 400, ""},
			{"an extra spec's key with a slash", harness.Request{Path: "/v3/types/" + nobody + "/extra_specs", Body: `{"extra_specs": {"a/b": "c"}}`}, 400, ""},
		} {
			r := cloud.Do(t, bad.r)
			var words []string
			if bad.words != "" {
				words = append(words, bad.words)
			}
			wantFault(t, bad.what, r, bad.status, words...)
		}
	})
	wantStatus(t, cloud.Client(t, "admin", latest), "after all of it", v.ID, "available")
}

// TestNoRoute: what no route has is a page, not a fault, as Cinder's router has it.
func TestNoRoute(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "")
	for _, r := range []harness.Request{
		{Method: http.MethodPatch, Path: "/v3/volumes"}, {Method: http.MethodDelete, Path: "/v3/volumes"}, {Method: http.MethodPut, Path: "/v3/volumes"},
		{Method: http.MethodPost, Path: "/v3/volumes/" + nobody}, {Method: "BREW", Path: "/v3/volumes"}, {Method: http.MethodHead, Path: "/v3/volumes"},
		{Method: http.MethodTrace, Path: "/v3/volumes"},
		{Path: "/v3/elephants"}, {Path: "/v3/volumes/" + nobody + "/colour"}, {Path: "/v3/../v3/volumes"},
		{Path: "/v3/./volumes"}, {Path: "/v3/volumes/%2e%2e/volumes"}, {Method: http.MethodGet, Path: "/v3/volumes/" + nobody + "/action"},
	} {
		answer := cloud.Do(t, r)
		if _, _, _, fault := answer.Fault(); answer.Status != 404 || fault {
			t.Errorf("%s %s: status %d, fault %v, want a plain 404", r.Method, r.Path, answer.Status, fault)
		}
	}
	for _, path := range []string{"/nowhere", "/v2/volumes", "/v1", "/v33/volumes"} {
		want(t, path, cloud.Do(t, harness.Request{Path: path}), 404)
	}
	want(t, "OPTIONS, which the cors filter answers", cloud.Do(t, harness.Request{Method: http.MethodOptions, Path: "/v3/volumes"}), 200)
	for path, status := range map[string]int{"/": 300, "/v3/": 200, "/healthcheck": 200, "/v3/volumes.json": 200} {
		want(t, path, cloud.Do(t, harness.Request{Path: path}), status)
	}
}

// TestOversizedBodies: 114,688 bytes and no more, however they are announced; a client that promises and does not send
// costs nothing.
func TestOversizedBodies(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "")
	const limit = 114688
	body := func(n int) []byte {
		text := []byte(`{"volume": {"size": 1, "name": "`)
		text = append(text, bytes.Repeat([]byte("x"), n-len(text)-3)...)
		return append(text, `"}}`...)
	}
	wantFault(t, "the largest there may be", cloud.Do(t, harness.Request{Path: "/v3/volumes", Body: body(limit)}), 400)
	tooLarge := func(what string, answer harness.Response) {
		t.Helper()
		if answer.Status != http.StatusRequestEntityTooLarge || !strings.Contains(string(answer.Body), "Request is too large") {
			t.Errorf("%s: status %d and %q, want the filter's 413", what, answer.Status, answer.Body)
		}
	}
	wantFault(t, "one byte more, in chunks", cloud.Do(t, harness.Request{Path: "/v3/volumes", Body: io.MultiReader(bytes.NewReader(body(limit + 1)))}), 413, "Request is too large")
	tooLarge("one byte more", cloud.Do(t, harness.Request{Path: "/v3/volumes", Body: body(limit + 1)}))
	quiesce(t, cloud, func() {
		tooLarge("on an action", cloud.Do(t, harness.Request{Path: "/v3/volumes/" + nobody + "/action", Body: body(limit + 1)}))
		for _, lines := range []string{
			"Content-Length: 99999999999", "Content-Length: 1000000000000000000000", "Content-Length: -1", "Content-Length: 5\r\nContent-Length: 6",
			"Transfer-Encoding: elephants", "Content-Length: 5\r\nTransfer-Encoding: chunked", "Expect: 100-continue\r\nContent-Length: 120000",
			"X-Long: " + strings.Repeat("x", 200_000), "No colon", "Bad Name: x", "Host: another",
		} {
			if status := raw(t, cloud, "POST /v3/volumes HTTP/1.1\r\nHost: x\r\nX-Auth-Token: a:admin\r\nContent-Type: application/json\r\n"+lines+"\r\n\r\n"); status < 400 || status >= 500 && status != 501 {
				t.Errorf("%.60q: status %d", lines, status)
			}
		}
		for _, text := range []string{"\x16\x03\x01\x02\x00\x01", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
			"GET /v3/volumes?%zz HTTP/1.1\r\nHost: x\r\nX-Auth-Token: a:%\r\n\r\n", "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", strings.Repeat("G", 100_000)} {
			if status := raw(t, cloud, text); status >= 500 && status != 505 {
				t.Errorf("%.40q: status %d", text, status)
			}
		}
	})
}

// raw sends bytes as they are and gives the status of the answer, or 0 when there was none. After what is not a whole
// request it ends its side, so that the server need not wait for the rest; after a whole one that would mean that it
// wants no answer any more.
func raw(t *testing.T, cloud *harness.Cloud, text string) int {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", net.JoinHostPort(cloud.Bind, "8776"))
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(5*time.Second)))
	_, _ = io.WriteString(conn, text) // the server may hang up in the middle
	if !strings.HasPrefix(text, "GET") || !strings.HasSuffix(text, "\r\n\r\n") {
		_ = conn.(*net.TCPConn).CloseWrite()
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

// junk replaces what is right in a request.
func junk() []any {
	deep := any("x")
	for range 200 {
		deep = []any{deep}
	}
	return []any{nil, true, false, 0, -1, 1.5, 1 << 53, json.Number("1e400"), json.Number(strings.Repeat("9", 400)), "", " ", "x", "true",
		"\x00", "a\x00b", "\u202e\ufeff", "🙂", long(255), long(256), strings.Repeat("x", 5000), "'; DROP TABLE volumes; --", "%s%n%d{}", "../../etc/passwd",
		nobody, strings.ToUpper(nobody), "<b>", []any{}, []any{nil}, map[string]any{}, map[string]any{"": nil}, map[string]any{"a": map[string]any{"b": 1}}, deep}
}

// mutants are a body with each of its members in turn replaced by junk, removed, or joined by an unknown one.
func mutants(body map[string]any) []map[string]any {
	var all []map[string]any
	for _, key := range slices.Sorted(maps.Keys(body)) {
		with := func(value any) map[string]any {
			m := maps.Clone(body)
			m[key] = value
			return m
		}
		for _, value := range junk() {
			all = append(all, with(value))
		}
		without := maps.Clone(body)
		delete(without, key)
		all = append(all, without)
		if inner, ok := body[key].(map[string]any); ok {
			for _, m := range mutants(inner) {
				all = append(all, with(m))
			}
		}
	}
	extra := maps.Clone(body)
	extra["\x00unknown"] = "x"
	return append(all, extra)
}

// TestMutants sends every kind of request with every kind of wrong value in every place. None may lead to a 5xx or
// leave a goroutine behind.
func TestMutants(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "[DEFAULT]\nuse_default_quota_class = false\nquota_volumes = -1\nquota_snapshots = -1\nquota_gigabytes = -1\n")
	c := cloud.Client(t, "admin", latest)
	v := create(t, c, volumes.CreateOpts{Size: 1})
	s := snapshot(t, c, v.ID, "s")
	typeID := volumeType(t, c, "t", nil)
	type object = map[string]any
	act := func(name string, argument any) object { return object{name: argument} }
	volume, snap := "/v3/volumes/"+v.ID, "/v3/snapshots/"+s.ID
	requests := []harness.Request{
		{Path: "/v3/volumes", Body: object{"volume": object{"size": 1, "name": "n", "description": "d", "metadata": object{"k": "v"}, "snapshot_id": nil,
			"source_volid": nil, "volume_type": "t", "availability_zone": "nova", "imageRef": nil, "group_id": nil, "backup_id": nil},
			"OS-SCH-HNT:scheduler_hints": object{"same_host": []any{v.ID}, "query": `["=", "$x", 1]`}}},
		{Method: http.MethodPut, Path: volume, Body: object{"volume": object{"name": "n", "description": "d", "metadata": object{"k": "v"}}}},
		{Path: volume + "/metadata", Body: object{"metadata": object{"k": "v"}}},
		{Method: http.MethodPut, Path: volume + "/metadata", Body: object{"metadata": object{"k": "v"}}},
		{Method: http.MethodPut, Path: volume + "/metadata/k", Body: object{"meta": object{"k": "v"}}},
		{Path: volume + "/action", Body: act("os-set_bootable", object{"bootable": true})},
		{Path: volume + "/action", Body: act("os-update_readonly_flag", object{"readonly": false})},
		{Path: volume + "/action", Body: act("os-extend", object{"new_size": 0})},
		{Path: volume + "/action", Body: act("os-initialize_connection", object{"connector": object{"host": "h", "initiator": "i", "multipath": false}})},
		{Path: volume + "/action", Body: act("os-terminate_connection", object{"connector": object{"host": "h"}})},
		{Path: volume + "/action", Body: act("os-attach", object{"instance_uuid": instance, "mountpoint": "/dev/vdb", "mode": "ro"})},
		{Path: volume + "/action", Body: act("os-detach", object{"attachment_id": nobody})},
		{Path: volume + "/action", Body: act("os-force_detach", object{"attachment_id": nobody, "connector": object{"host": "h"}})},
		{Path: volume + "/action", Body: act("os-reset_status", object{"status": "available", "attach_status": "detached", "migration_status": "none"})},
		{Path: "/v3/snapshots", Body: object{"snapshot": object{"volume_id": v.ID, "name": "n", "description": "d", "force": true, "metadata": object{"k": "v"}}}},
		{Method: http.MethodPut, Path: snap, Body: object{"snapshot": object{"name": "n", "description": "d"}}},
		{Path: snap + "/metadata", Body: object{"metadata": object{"k": "v"}}},
		{Path: snap + "/action", Body: act("os-reset_status", object{"status": "available"})},
		{Path: "/v3/attachments", Body: object{"attachment": object{"volume_uuid": nobody, "instance_uuid": instance, "mode": "rw", "connector": object{"host": "h"}}}},
		{Method: http.MethodPut, Path: "/v3/attachments/" + nobody, Body: object{"attachment": object{"connector": object{"host": "h"}}}},
		{Path: "/v3/attachments/" + nobody + "/action", Body: act("os-complete", object{})},
		{Path: "/v3/types", Body: object{"volume_type": object{"name": "t", "description": "d", "os-volume-type-access:is_public": true, "extra_specs": object{"k": "v"}}}},
		{Method: http.MethodPut, Path: "/v3/types/" + typeID, Body: object{"volume_type": object{"name": "t", "description": "d", "is_public": true}}},
		{Path: "/v3/types/" + typeID + "/extra_specs", Body: object{"extra_specs": object{"k": "v"}}},
		{Method: http.MethodPut, Path: "/v3/types/" + typeID + "/extra_specs/k", Body: object{"k": "v"}},
		{Path: "/v3/types/" + typeID + "/action", Body: act("addProjectAccess", object{"project": "p"})},
		{Path: "/v3/types/" + typeID + "/action", Body: act("removeProjectAccess", object{"project": "p"})},
		{Method: http.MethodPut, Path: "/v3/os-quota-sets/p", Body: object{"quota_set": object{"volumes": 1, "gigabytes_t": 5}}},
		{Method: http.MethodPut, Path: "/v3/os-services/disable-log-reason", Body: object{"host": "none", "binary": "cinder-volume", "disabled_reason": "r"}},
		{Method: http.MethodPut, Path: "/v3/os-services/enable", Body: object{"host": "none", "binary": "cinder-volume"}},
		{Method: http.MethodPut, Path: "/v3/os-services/freeze", Body: object{"host": "none", "cluster": nil}},
	}
	sent := 0
	send := func(r harness.Request) {
		sent++
		if answer := cloud.Do(t, r); answer.Status >= 500 && answer.Status != 501 {
			body, _ := json.Marshal(r.Body)
			t.Errorf("%s %s %.200s: status %d: %.200s", r.Method, r.Path, body, answer.Status, answer.Body)
		}
	}
	quiesce(t, cloud, func() {
		for _, r := range requests {
			for _, m := range mutants(r.Body.(object)) {
				r.Body, r.Version = m, latest
				send(r)
			}
		}
		for _, path := range []string{"volumes", "volumes/detail", "volumes/summary", "snapshots", "snapshots/detail", "attachments", "types", "os-services",
			"scheduler-stats/get_pools", "limits", "os-quota-sets/p", "volumes/" + v.ID} {
			for _, parameter := range []string{"limit", "offset", "marker", "sort", "sort_key", "sort_dir", "name", "name~", "status", "metadata", "bootable", "size",
				"created_at", "updated_at", "all_tenants", "with_count", "project_id", "is_public", "extra_specs", "detail", "usage", "host", "binary", "volume_id", "consumes_quota", "%00"} {
				for _, value := range []string{"", "-1", "0", "x", "99999999999999999999", "%00", "%ff", "{'a':'b'}", "{'a", "{{{", "[1]", "gt:x", "lt:2026-01-01T00:00:00", "gt:,lt:", "a:b:c,,:", "1&" + parameter + "=2", "%"} {
					send(harness.Request{Path: "/v3/" + path + "?" + parameter + "=" + value, Version: latest})
				}
			}
		}
	})
	t.Logf("%d requests", sent)
}
