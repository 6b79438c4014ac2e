package e2e

import (
	"slices"
	"testing"

	"github.com/clinker/clinker/test/harness"
)

// groups is a cloud with what the tests of groups ask of it; gophercloud knows no groups.
type groups struct {
	*harness.Cloud
	t *testing.T
}

const groupsProject = "9709b5"

// ask sends a request that must be answered with this status, and gives the one object of the answer.
func (g groups) ask(method, path string, body any, status int) map[string]any {
	g.t.Helper()
	r := g.Do(g.t, harness.Request{Method: method, Path: "/v3/" + groupsProject + path, Body: body, Project: groupsProject, Version: latest})
	want(g.t, method+" "+path, r, status)
	if len(r.Body) == 0 {
		return nil
	}
	var answer map[string]map[string]any
	r.Into(g.t, &answer)
	for _, object := range answer {
		return object
	}
	return nil
}

// settled waits until something is available.
func (g groups) settled(path string) map[string]any {
	g.t.Helper()
	var now map[string]any
	harness.Eventually(g.t, path+" becoming available", func() (bool, string) {
		now = g.ask("GET", path, nil, 200)
		status, _ := now["status"].(string)
		if status == "error" {
			g.t.Fatalf("%s is %v", path, now)
		}
		return status == "available", status
	})
	return now
}

// gone waits until there is no group or group snapshot like this.
func (g groups) gone(path string) {
	g.t.Helper()
	harness.Eventually(g.t, path+" going away", func() (bool, string) {
		r := g.Do(g.t, harness.Request{Path: "/v3/" + groupsProject + path, Project: groupsProject, Version: latest})
		return r.Status == 404, string(r.Body)
	})
}

// TestGroupBytes takes a group of two volumes, one of them in use, through a group snapshot at one instant, and makes groups
// from that and from the group: each volume of a copy holds what its source held then.
func TestGroupBytes(t *testing.T) {
	t.Parallel()
	harness.NeedTools(t, "qemu-io", "qemu-img", "nbdcopy")
	cloud := harness.Start(t, "")
	g := groups{cloud, t}
	c := cloud.Client(t, groupsProject, latest)
	var made struct {
		Type struct{ ID string } `json:"group_type"`
	}
	r := cloud.Do(t, harness.Request{Path: "/v3/group_types", Version: latest, Body: map[string]any{"group_type": map[string]any{"name": "at one instant",
		"group_specs": map[string]any{"consistent_group_snapshot_enabled": "<is> True"}}}})
	want(t, "a group type", r, 202)
	r.Into(t, &made)

	group, _ := g.ask("POST", "/groups", map[string]any{"group": map[string]any{"name": "g", "group_type": made.Type.ID,
		"volume_types": []string{"__DEFAULT__"}}}, 202)["id"].(string)
	g.settled("/groups/" + group)
	var volumes []string
	for range 2 {
		id, _ := g.ask("POST", "/volumes", map[string]any{"volume": map[string]any{"size": 1, "group_id": group, "volume_type": "__DEFAULT__"}}, 202)["id"].(string)
		await(t, c, id, "available")
		volumes = append(volumes, id)
	}
	first := harness.NewPicture(1)
	then := map[string]*harness.Picture{volumes[0]: first, volumes[1]: first.Clone()} // a clone goes its own way
	withDevice(t, c, volumes[0], func(uri string) { then[volumes[0]].Upload(t, uri) })
	attachment, uri := attach(t, c, volumes[1], instance)
	then[volumes[1]].Upload(t, uri)

	picture, _ := g.ask("POST", "/group_snapshots", map[string]any{"group_snapshot": map[string]any{"group_id": group, "name": "s"}}, 202)["id"].(string)
	g.settled("/group_snapshots/" + picture)

	now := map[string]*harness.Picture{}
	for id, p := range then {
		now[id] = p.Clone()
	}
	withDevice(t, c, volumes[0], func(uri string) { now[volumes[0]].Overwrite(t, uri) })
	now[volumes[1]].Overwrite(t, uri)
	detach(t, c, attachment)

	for member, source := range map[string]struct {
		id    string
		holds map[string]*harness.Picture
	}{"group_snapshot_id": {picture, then}, "source_group_id": {group, now}} {
		copied, _ := g.ask("POST", "/groups/action", map[string]any{"create-from-src": map[string]any{member: source.id, "name": "copy"}}, 202)["id"].(string)
		g.settled("/groups/" + copied)
		list, _ := g.ask("GET", "/groups/"+copied+"?list_volume=true", nil, 200)["volumes"].([]any)
		if len(list) != 2 {
			t.Fatalf("the group by %s has the volumes %v", member, list)
		}
		var origins []string
		for _, one := range list {
			v := get(t, c, one.(string))
			origin := v.SourceVolID
			if v.SnapshotID != "" {
				snap := g.ask("GET", "/snapshots/"+v.SnapshotID, nil, 200)
				origin, _ = snap["volume_id"].(string)
			}
			origins = append(origins, origin)
			withDevice(t, c, v.ID, func(uri string) { source.holds[origin].Compare(t, "a copy by "+member, uri) })
		}
		slices.Sort(origins)
		slices.Sort(volumes)
		if !slices.Equal(origins, volumes) {
			t.Errorf("the group by %s was made from %v, want %v", member, origins, volumes)
		}
		g.ask("POST", "/groups/"+copied+"/action", map[string]any{"delete": map[string]any{"delete-volumes": true}}, 202)
		g.gone("/groups/" + copied)
	}
	g.ask("DELETE", "/group_snapshots/"+picture, nil, 202)
	g.gone("/group_snapshots/" + picture)
	g.ask("POST", "/groups/"+group+"/action", map[string]any{"delete": map[string]any{"delete-volumes": true}}, 202)
	g.gone("/groups/" + group)
	for _, id := range volumes {
		awaitGone(t, c, id)
	}
	wantUsage(t, cloud, groupsProject, 0, 0, 0)
}
