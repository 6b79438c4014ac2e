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
		{Name: "service_api", Check: "role:service", Description: "Which services may use the calls that are made for services."},
	}
	for _, r := range slices.Concat(imageRules(), locationRules(), memberRules(), operatorRules()) {
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
