package groups

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/member"
	"github.com/clinker/clinker/internal/block/api/repeat"
	uses "github.com/clinker/clinker/internal/block/app/groups"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

func (h handlers) actions(since microversion.Range) []wsgi.Action {
	replicating := microversion.Range{Min: replicated}
	return []wsgi.Action{
		{Resource: collection, OnCollection: true, Name: "create-from-src", Versions: microversion.Range{Min: fromSources}, Handler: h.createFromSource,
			Schemas: fromSourceSchemas, Policy: []string{"group:create", "group:get", "group:get_group_snapshot", "volume:create", "volume:multiattach"}},
		{Resource: collection, Name: "delete", Versions: since, Handler: h.delete, Schemas: deleteSchemas, Policy: []string{"group:delete"}},
		{Resource: collection, Name: "reset_status", Versions: microversion.From(3, 20), Handler: h.resetStatus, Schemas: resetSchemas,
			Policy: []string{"group:reset_status"}},
		{Resource: collection, Name: "enable_replication", Versions: replicating, Handler: h.setReplication(uses.Enable()),
			Schemas: emptyAction("enable_replication"), Policy: []string{"group:enable_replication"}},
		{Resource: collection, Name: "disable_replication", Versions: replicating, Handler: h.setReplication(uses.Disable()),
			Schemas: emptyAction("disable_replication"), Policy: []string{"group:disable_replication"}},
		{Resource: collection, Name: "failover_replication", Versions: replicating, Handler: h.failover, Schemas: failoverSchemas,
			Policy: []string{"group:failover_replication"}},
		{Resource: collection, Name: "list_replication_targets", Versions: replicating, Status: 200, Handler: h.targets,
			Schemas: emptyAction("list_replication_targets"), Policy: []string{"group:list_replication_targets"}},
	}
}

func (h handlers) createFromSource(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body := r.Body.Object("create-from-src")
	g, err := h.uses.CreateFromSource(repeat.Mark(ctx, r), uses.FromSource{Name: member.Text(body, "name"), Description: member.Text(body, "description"),
		GroupSnapshotID: body.String("group_snapshot_id"), SourceGroupID: body.String("source_group_id")})
	if err != nil {
		return nil, err
	}
	return summary(g), nil
}

func (h handlers) delete(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.Delete(ctx, r.PathValue("id"), r.Body.Object("delete").Bool("delete-volumes"))
}

func (h handlers) resetStatus(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	status := strings.ToLower(r.Body.Object("reset_status").String("status"))
	return wsgi.Empty(), h.uses.ResetStatus(ctx, r.PathValue("id"), block.GroupStatus(status))
}

func (h handlers) setReplication(what uses.Replication) wsgi.Handler {
	return func(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
		return wsgi.Empty(), h.uses.SetReplication(ctx, r.PathValue("id"), what)
	}
}

func (h handlers) failover(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body := r.Body.Object("failover_replication")
	return h.setReplication(uses.Failover(body.Bool("allow_attached_volume"), body.String("secondary_backend_id")))(ctx, r)
}

func (h handlers) targets(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	targets, err := h.uses.ReplicationTargets(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return wsgi.Value(map[string]any{"replication_targets": targets})
}

// Request schemas (cinder/api/schemas/groups.py).
var (
	createSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"group": {"type": "object", "properties": {
		"description": {"$ref": "parameter_types#/description"},
		"group_type": {"type": "string", "format": "group_type"},
		"name": {"$ref": "parameter_types#/name_allow_zero_min_length"},
		"volume_types": {"type": "array", "minItems": 1, "items": {"type": "string", "maxLength": 255}, "uniqueItems": true},
		"availability_zone": {"type": ["string", "null"], "format": "availability_zone"}},
		"required": ["group_type", "volume_types"], "additionalProperties": false}}, "required": ["group"], "additionalProperties": false}`}}
	updateSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"group": {"type": "object", "properties": {
		"description": {"$ref": "parameter_types#/description"},
		"name": {"$ref": "parameter_types#/name_allow_zero_min_length"},
		"add_volumes": {"$ref": "parameter_types#/description"},
		"remove_volumes": {"$ref": "parameter_types#/description"}},
		"anyOf": [{"required": ["name"]}, {"required": ["description"]}, {"required": ["add_volumes"]}, {"required": ["remove_volumes"]}],
		"additionalProperties": false}}, "required": ["group"], "additionalProperties": false}`}}
	fromSourceSchemas = actionSchema("create-from-src", `{"type": "object", "properties": {
		"description": {"$ref": "parameter_types#/description"},
		"name": {"$ref": "parameter_types#/name_allow_zero_min_length"},
		"source_group_id": {"$ref": "parameter_types#/uuid"},
		"group_snapshot_id": {"$ref": "parameter_types#/uuid"}},
		"oneOf": [{"required": ["group_snapshot_id"]}, {"required": ["source_group_id"]}], "additionalProperties": false}`)
	deleteSchemas = actionSchema("delete", `{"type": "object", "properties": {"delete-volumes": {"$ref": "parameter_types#/boolean"}},
		"additionalProperties": false}`)
	resetSchemas = actionSchema("reset_status", `{"type": "object", "properties": {"status": {"type": "string", "format": "group_status"}},
		"required": ["status"], "additionalProperties": false}`)
	failoverSchemas = actionSchema("failover_replication", `{"type": "object", "properties": {
		"allow_attached_volume": {"$ref": "parameter_types#/boolean"},
		"secondary_backend_id": {"$ref": "parameter_types#/nullable_string"}}, "additionalProperties": false}`)
)

func emptyAction(name string) []wsgi.Schema { return actionSchema(name, `{"type": "object"}`) }

// actionSchema is the schema of an action whose argument has this schema.
func actionSchema(name, argument string) []wsgi.Schema {
	return []wsgi.Schema{{JSON: `{"type": "object", "properties": {"` + name + `": ` + argument + `}, "required": ["` + name + `"], "additionalProperties": false}`}}
}

// StatusFormat is the schema format of a status that may be written by hand. exception is upstream's word for a refusal, and
// format its sentence, with a place for the status and one for those there are (cinder/api/validation/validators.py).
func StatusFormat[S ~string](exception, format string, words ...S) func(any) error {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = "'" + string(word) + "'"
	}
	return func(value any) error {
		text, isText := value.(string)
		named := func(word S) bool { return strings.EqualFold(text, string(word)) }
		if !isText || slices.ContainsFunc(words, named) { // that it is a text, the schema says
			return nil
		}
		reason := "The 'status' can not be empty."
		if strings.TrimSpace(text) != "" {
			reason = fmt.Sprintf(format, text, "("+strings.Join(quoted, ", ")+")")
		}
		return fault.New(fault.Invalid, "", "%s: %s", exception, reason)
	}
}
