// Package policies is the table of the image service's policy rules: who may do what by default, and for which calls. It is
// data only; package oslo/policy gives it effect.
//
// What must not live here: decisions, and rules of other services.
//
// Upstream: glance/policies/*.py, whose names and checks operators refer to in policy.yaml; the descriptions are ours.
package policies

import (
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/oslo/policy"
)

// The checks that rules have by default: persona by persona.
const (
	admin     = "rule:context_is_admin"
	everybody = "rule:default" // upstream leaves the decision to other rules

	projectMember = "role:member and project_id:%(project_id)s"
	projectReader = "role:reader and project_id:%(project_id)s"
	sharedWith    = "project_id:%(member_id)s"
	open          = "'community':%(visibility)s or 'public':%(visibility)s or 'shared':%(visibility)s"

	member          = admin + " or (" + projectMember + ")"
	reader          = admin + " or (" + projectReader + ")"
	creator         = admin + " or (" + projectMember + " and project_id:%(owner)s)"
	seer            = admin + " or (role:reader and (project_id:%(project_id)s or " + sharedWith + " or " + open + "))"
	downloader      = admin + " or (role:member and (project_id:%(project_id)s or " + sharedWith + " or " + open + "))"
	receiver        = admin + " or (role:member and " + sharedWith + ")"
	readerOrSharing = admin + " or role:reader and (project_id:%(project_id)s or " + sharedWith + ")"
	serviceOrMember = "rule:service_api or (" + projectMember + " and project_id:%(owner)s)"
	service         = "rule:service_api"

	metadefAdmin    = "rule:metadef_admin"
	namespaceReader = admin + " or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))"
)

// rule is one rule of the tables.
type rule struct {
	name, check string
	description string
	operations  []string // "METHOD /path"
}

// Defaults is the whole table: the rules that others are built from, then those of the API. Every rule of the API is about
// projects: a token of another scope is refused where scopes are enforced.
func Defaults() []policy.Default {
	out := []policy.Default{
		{Name: "default", Check: "", Description: "Who may do what no rule says anything about."},
		{Name: "context_is_admin", Check: "role:admin", Description: "Who is an administrator, so that is_admin:True holds."},
		{Name: "metadef_default", Check: "", Description: "Who could read definitions of metadata before Xena. For old policy files."},
		{Name: "metadef_admin", Check: admin, Description: "Who may change definitions of metadata."},
		{Name: "service_api", Check: "role:service", Description: "Which services may use the calls that are made for services."},
	}
	for _, r := range slices.Concat(imageRules(), locationRules(), memberRules(), operatorRules(), metadefRules()) {
		// Before Wallaby every rule let everybody through, and code behind it asked whose the image was. Those old checks are
		// not offered: they mean nothing without that code.
		d := policy.Default{Name: r.name, Check: r.check, Description: r.description, ScopeTypes: []string{"project"}}
		for _, operation := range r.operations {
			method, path, _ := strings.Cut(operation, " ")
			d.Operations = append(d.Operations, policy.Operation{Method: method, Path: path})
		}
		out = append(out, d)
	}
	return out
}

func imageRules() []rule {
	return []rule{
		{"add_image", creator, "Create images.", []string{"POST /v2/images"}},
		{"delete_image", member, "Delete images.", []string{"DELETE /v2/images/{image_id}"}},
		{"get_image", seer, "Show an image; whoever may not is told that there is none.", []string{"GET /v2/images/{image_id}"}},
		{"get_images", reader, "List images.", []string{"GET /v2/images"}},
		{"modify_image", member, "Change images, their tags, and bring data into them.", []string{"PATCH /v2/images/{image_id}",
			"PUT /v2/images/{image_id}/tags/{tag}", "DELETE /v2/images/{image_id}/tags/{tag}", "PUT /v2/images/{image_id}/stage",
			"POST /v2/images/{image_id}/import"}},
		{"publicize_image", admin, "Make an image public.", []string{"POST /v2/images", "PATCH /v2/images/{image_id}"}},
		{"communitize_image", member, "Make an image a community image.", []string{"POST /v2/images", "PATCH /v2/images/{image_id}"}},
		{"download_image", downloader, "Download an image's data.", []string{"GET /v2/images/{image_id}/file"}},
		{"upload_image", member, "Upload an image's data.", []string{"PUT /v2/images/{image_id}/file"}},
		{"deactivate", member, "Take an image out of use.", []string{"POST /v2/images/{image_id}/actions/deactivate"}},
		{"reactivate", member, "Take an image back into use.", []string{"POST /v2/images/{image_id}/actions/reactivate"}},
		{"copy_image", admin, "Copy an image's data into further stores.", []string{"POST /v2/images/{image_id}/import"}},
	}
}

func locationRules() []rule {
	return []rule{
		{"get_image_location", reader, "See where an image's data is, where that is shown at all.",
			[]string{"GET /v2/images/{image_id}", "DELETE /v2/stores/{store_id}/{image_id}"}},
		{"set_image_location", member, "Say where an image's data is, where that may be said at all.", []string{"PATCH /v2/images/{image_id}"}},
		{"delete_image_location", admin, "Take a location from an image, and the data there.",
			[]string{"PATCH /v2/images/{image_id}", "DELETE /v2/stores/{store_id}/{image_id}"}},
		{"add_image_location", serviceOrMember, "Give an image without data a location.", []string{"POST /v2/images/{image_id}/locations"}},
		{"fetch_image_location", service, "See where an image's data is, whatever is shown to others.", []string{"GET /v2/images/{image_id}/locations"}},
	}
}

func memberRules() []rule {
	return []rule{
		{"add_member", member, "Share an image with a project.", []string{"POST /v2/images/{image_id}/members"}},
		{"delete_member", member, "Share an image with a project no longer.", []string{"DELETE /v2/images/{image_id}/members/{member_id}"}},
		{"get_member", readerOrSharing, "Show a project an image is shared with.", []string{"GET /v2/images/{image_id}/members/{member_id}"}},
		{"get_members", readerOrSharing, "List the projects an image is shared with.", []string{"GET /v2/images/{image_id}/members"}},
		{"modify_member", receiver, "Accept or reject an image.", []string{"PUT /v2/images/{image_id}/members/{member_id}"}},
	}
}

func operatorRules() []rule {
	tasks := []string{"GET /v2/tasks", "GET /v2/tasks/{task_id}", "POST /v2/tasks", "DELETE /v2/tasks/{task_id}"}
	return []rule{
		{"stores_info_detail", admin + " or service_roles:service", "See how the stores are configured.", []string{"GET /v2/info/stores/detail"}},
		{"tasks_api_access", admin, "Use the calls for tasks.", tasks},
		{"get_task", everybody, "Show a task; see tasks_api_access.", nil},
		{"get_tasks", everybody, "List tasks; see tasks_api_access.", nil},
		{"add_task", everybody, "Create tasks; see tasks_api_access.", nil},
		{"manage_image_cache", admin, "As it was before Xena: all calls for the image cache. For old policy files.", nil},
		{"cache_image", admin, "Have an image cached.", []string{"PUT /v2/cache/{image_id}"}},
		{"cache_list", admin, "See what is cached.", []string{"GET /v2/cache"}},
		{"cache_delete", admin, "Drop images from the cache.", []string{"DELETE /v2/cache", "DELETE /v2/cache/{image_id}"}},
	}
}

func metadefRules() []rule {
	const types, namespaces, one = "/v2/metadefs/resource_types", "/v2/metadefs/namespaces", "/v2/metadefs/namespaces/{namespace}"
	rules := []rule{
		{"get_metadef_namespace", namespaceReader, "Show a namespace of definitions.", []string{"GET " + one}},
		{"get_metadef_namespaces", reader, "List namespaces of definitions.", []string{"GET " + namespaces}},
		{"add_metadef_namespace", metadefAdmin, "Create a namespace of definitions.", []string{"POST " + namespaces}},
		{"modify_metadef_namespace", metadefAdmin, "Change a namespace of definitions.", []string{"PUT " + one}},
		{"delete_metadef_namespace", metadefAdmin, "Delete a namespace of definitions, or all objects, properties or tags in it.",
			[]string{"DELETE " + one, "DELETE " + one + "/objects", "DELETE " + one + "/properties", "DELETE " + one + "/tags"}},
		{"list_metadef_resource_types", namespaceReader, "List the types of resources that definitions are for.", []string{"GET " + types, "GET " + one + "/resource_types"}},
		{"get_metadef_resource_type", namespaceReader, "Show what type of resource a namespace is for.", []string{"GET " + one + "/resource_types"}},
		{"add_metadef_resource_type_association", metadefAdmin, "Say that a namespace is for a type of resource.", []string{"POST " + one + "/resource_types"}},
		{"remove_metadef_resource_type_association", metadefAdmin, "Say that a namespace is not for a type of resource any more.",
			[]string{"DELETE " + one + "/resource_types/{resource_type}"}},
		{"add_metadef_tags", metadefAdmin, "Define many tags at once.", []string{"POST " + one + "/tags"}},
		{"delete_metadef_tags", metadefAdmin, "Delete all tags of a namespace.", []string{"DELETE " + one + "/tags"}},
	}
	for _, d := range []struct{ kind, plural, create, remove string }{
		{"object", "objects", "/objects", "delete"}, {"property", "properties", "/properties", "remove"}, {"tag", "tags", "/tags/{name}", "delete"},
	} {
		item := one + "/" + d.plural + "/{name}"
		rules = append(rules,
			rule{"get_metadef_" + d.kind, namespaceReader, "Show a definition of this kind.", []string{"GET " + item}},
			rule{"get_metadef_" + d.plural, namespaceReader, "List definitions of this kind.", []string{"GET " + one + "/" + d.plural}},
			rule{"add_metadef_" + d.kind, metadefAdmin, "Create a definition of this kind.", []string{"POST " + one + d.create}},
			rule{"modify_metadef_" + d.kind, metadefAdmin, "Change a definition of this kind.", []string{"PUT " + item}},
			rule{d.remove + "_metadef_" + d.kind, metadefAdmin, "Delete a definition of this kind.", []string{"DELETE " + item}})
	}
	return rules
}
