// Package manageable is the HTTP of what exists in storage and is not, or is, under management: lists of it, and taking it
// under management, each under two paths. What a request means is in app/manage and app/snapshots.
package manageable

import (
	"context"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/member"
	"github.com/clinker/clinker/internal/block/api/snapshots"
	"github.com/clinker/clinker/internal/block/api/volumes"
	uses "github.com/clinker/clinker/internal/block/app/manage"
	usesnapshots "github.com/clinker/clinker/internal/block/app/snapshots"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// Microversions since which a cluster may be named instead of a host.
var (
	clusterInCreate = microversion.V(3, 16)
	clusterInList   = microversion.V(3, 17)
)

// newerPaths is the microversion since which there are manageable_volumes and manageable_snapshots; the older paths know none.
var newerPaths = microversion.From(3, 8)

// Request schemas (cinder/api/schemas/volume_manage.py, snapshot_manage.py).
func volumeSchema(more string) string {
	return `{"type": "object", "properties": {"volume": {"type": "object", "properties": {
		"description": {"$ref": "parameter_types#/description"},
		"availability_zone": {"$ref": "parameter_types#/name_allow_zero_min_length"},
		"bootable": {"$ref": "parameter_types#/boolean"},
		"volume_type": {"$ref": "parameter_types#/name_allow_zero_min_length"},
		"name": {"$ref": "parameter_types#/name_allow_zero_min_length"},
		"host": {"$ref": "parameter_types#/cinder_host"},
		"ref": {"type": ["object", "string"]},
		"metadata": {"$ref": "parameter_types#/metadata_allows_null"}` + more + `},
		"required": ["ref"], "additionalProperties": false}}, "required": ["volume"], "additionalProperties": false}`
}

var (
	volumeSchemas = []wsgi.Schema{
		{Versions: microversion.Until(3, 15), JSON: volumeSchema("")},
		{Versions: microversion.From(3, 16), JSON: volumeSchema(`, "cluster": {"type": ["string", "null"], "minLength": 0, "maxLength": 255}`)},
	}
	snapshotSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"snapshot": {"type": "object", "properties": {
		"description": {"$ref": "parameter_types#/description"},
		"metadata": {"$ref": "parameter_types#/metadata_allows_null"},
		"name": {"$ref": "parameter_types#/name_allow_zero_min_length"},
		"volume_id": {"$ref": "parameter_types#/uuid"},
		"ref": {"type": ["object", "null", "string"]}},
		"required": ["ref", "volume_id"], "additionalProperties": false}}, "required": ["snapshot"], "additionalProperties": false}`}}
)

// Volumes are the two paths for volumes.
func Volumes(u *uses.Manage) []wsgi.Extension {
	h := handlers{uses: u}
	const list, create = "volume_extension:list_manageable", "volume_extension:volume_manage"
	return bothPaths("manageable_volumes", wsgi.Extension{Alias: "os-volume-manage", Name: "VolumeManage", Updated: "2014-02-10T00:00:00+00:00"},
		func(path string) []wsgi.Route {
			return []wsgi.Route{
				{Method: "GET", Path: path, Handler: h.list(list, u.Volumes, "manageable-volumes", summary), Policy: []string{list}},
				{Method: "GET", Path: path + "/detail", Handler: h.list(list, u.Volumes, "manageable-volumes", detail), Policy: []string{list}},
				{Method: "POST", Path: path, Status: 202, Handler: h.createVolume, Schemas: volumeSchemas, Policy: []string{create}},
			}
		})
}

// Snapshots are the two paths for snapshots.
func Snapshots(u *uses.Manage, s *usesnapshots.Snapshots) []wsgi.Extension {
	h := handlers{uses: u, snapshots: s}
	const list, create = "snapshot_extension:list_manageable", "snapshot_extension:snapshot_manage"
	return bothPaths("manageable_snapshots", wsgi.Extension{Alias: "os-snapshot-manage", Name: "SnapshotManage", Updated: "2014-12-31T00:00:00+00:00"},
		func(path string) []wsgi.Route {
			return []wsgi.Route{
				{Method: "GET", Path: path, Handler: h.list(list, u.Snapshots, "manageable-snapshots", ofSource(summary)), Policy: []string{list}},
				{Method: "GET", Path: path + "/detail", Handler: h.list(list, u.Snapshots, "manageable-snapshots", ofSource(detail)), Policy: []string{list}},
				{Method: "POST", Path: path, Status: 202, Handler: h.createSnapshot, Schemas: snapshotSchemas, Policy: []string{create}},
			}
		})
}

// bothPaths are the same routes under the older path, the alias, at every microversion, and under the newer one.
func bothPaths(newer string, e wsgi.Extension, routes func(path string) []wsgi.Route) []wsgi.Extension {
	e.Description = "Allows existing backend storage to be 'managed' by Cinder."
	e.Resources = []wsgi.Resource{{Collection: e.Alias, Routes: routes(e.Alias)}}
	later := routes(newer)
	for i := range later {
		later[i].Versions = newerPaths
	}
	return []wsgi.Extension{e, {Alias: newer, Resources: []wsgi.Resource{{Collection: newer, Routes: later}}}}
}

type handlers struct {
	uses      *uses.Manage
	snapshots *usesnapshots.Snapshots
}

// where reads which back end a request names; the version is the one since which a cluster may be named.
func where(v, clusters microversion.Version, host, cluster string) (uses.Where, error) {
	if !v.AtLeast(clusters) {
		if host == "" {
			return uses.Where{}, block.InvalidInput("Host field is missing.")
		}
		return uses.Where{Host: host}, nil
	}
	if (host == "") == (cluster == "") {
		return uses.Where{}, block.InvalidInput("One and only one of cluster and host must be set.")
	}
	return uses.Where{Host: host, Cluster: cluster}, nil
}

// list gives the handler of a list, whose entries show gives.
func (h handlers) list(rule string, read func(context.Context, uses.ListRequest) ([]uses.Entry, error), name string,
	show func(uses.Entry) map[string]any) wsgi.Handler {
	return func(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
		if err := h.uses.Authorize(ctx, rule); err != nil {
			return nil, err
		}
		asked, err := page(r)
		if err != nil {
			return nil, err
		}
		entries, err := read(ctx, asked)
		if err != nil {
			return nil, err
		}
		list := make([]map[string]any, 0, len(entries))
		for _, e := range entries {
			list = append(list, show(e))
		}
		return wsgi.Value(map[string]any{name: list})
	}
}

// page reads which part of a list is asked for, and where. The order is by reference, falling, if the client names no key.
func page(r *wsgi.Request) (uses.ListRequest, error) {
	var asked uses.ListRequest
	var err error
	if asked.Where, err = where(r.Version, clusterInList, r.Query().Get("host"), r.Query().Get("cluster")); err != nil {
		return asked, err
	}
	p, err := r.Page()
	if err != nil {
		return asked, err
	}
	keys, err := r.Sort()
	if err != nil {
		return asked, err
	}
	asked.Limit, asked.Offset, asked.Marker = p.Limit, p.Offset, p.Marker
	if !r.Query().Has("sort") && !r.Query().Has("sort_key") {
		keys[0].Key = "reference"
	}
	var unknown []string
	for _, k := range keys {
		if k.Key != "reference" && k.Key != "size" {
			unknown = append(unknown, k.Key)
		}
		asked.Sort = append(asked.Sort, uses.SortKey{Key: k.Key, Desc: k.Descending})
	}
	if len(unknown) > 0 {
		return asked, fault.New(fault.Invalid, "InvalidParameterValue", "Invalid sort keys passed: %s", strings.Join(unknown, ", "))
	}
	return asked, nil
}

func summary(e uses.Entry) map[string]any {
	return map[string]any{"reference": e.Reference, "size": e.SizeGiB, "safe_to_manage": e.SafeToManage}
}

func detail(e uses.Entry) map[string]any {
	m := summary(e)
	m["reason_not_safe"], m["cinder_id"], m["extra_info"] = member.OrNull(e.ReasonNotSafe), member.OrNull(e.CinderID), nil
	return m
}

// ofSource adds what a snapshot was taken of.
func ofSource(show func(uses.Entry) map[string]any) func(uses.Entry) map[string]any {
	return func(e uses.Entry) map[string]any {
		m := show(e)
		m["source_reference"] = e.Source
		return m
	}
}

// reference is the member "ref". A text stands for a source-name.
func reference(body wsgi.Object) map[string]any {
	if name := body.String("ref"); name != "" {
		return map[string]any{"source-name": name}
	}
	return body.Object("ref")
}

func (h handlers) createVolume(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	if err := h.uses.AuthorizeVolume(ctx); err != nil {
		return nil, err
	}
	body := r.Body.Object("volume")
	at, err := where(r.Version, clusterInCreate, body.String("host"), body.String("cluster"))
	if err != nil {
		return nil, err
	}
	v, err := h.uses.Volume(ctx, uses.VolumeRequest{Where: at, Reference: reference(body), Name: named(body, "name"),
		Description: named(body, "description"), VolumeType: body.String("volume_type"), AvailabilityZone: body.String("availability_zone"),
		Bootable: body.Bool("bootable"), Metadata: body.StringMap("metadata")})
	if err != nil {
		return nil, err
	}
	return volumes.Plain(ctx, r, v), nil
}

// named is a name or description; an empty one counts as none, as upstream has it.
func named(body wsgi.Object, key string) *string {
	if body.String(key) == "" {
		return nil
	}
	return member.Text(body, key)
}

func (h handlers) createSnapshot(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body := r.Body.Object("snapshot")
	s, err := h.snapshots.Manage(ctx, usesnapshots.CreateRequest{VolumeID: body.String("volume_id"), Name: body.StringPointer("name"),
		Description: body.StringPointer("description"), Metadata: body.StringMap("metadata")}, reference(body))
	if err != nil {
		return nil, err
	}
	return snapshots.Plain(s), nil
}
