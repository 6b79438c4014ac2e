// Package policies is the table of Block Storage's policy rules: who may do what by default, for which calls, and what
// the rule was before. It is data only; package oslo/policy gives it effect.
//
// What must not live here: decisions, and rules of other services.
//
// Upstream: cinder/policies/*.py, whose names and checks operators refer to in policy.yaml; the descriptions are ours.
package policies

import (
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/oslo/policy"
)

// The checks that rules have by default: persona by persona.
const (
	reader = "rule:xena_system_admin_or_project_reader" // who may look at a project
	member = "rule:xena_system_admin_or_project_member" // who may use a project
	admin  = "rule:admin_api"                           // who runs the cloud
)

// The checks that rules had before the Xena release; they still count while enforce_new_defaults is off.
const (
	everybody    = "@"
	adminOrOwner = "rule:admin_or_owner"
	anyAdmin     = "rule:system_or_domain_or_project_admin"
	unchanged    = "" // there was no other check
)

// rule is one rule of the tables.
type rule struct {
	name, check string
	was         string // the check before
	oldName     string // the name before, "" if it was the same
	description string
	operations  []string // "METHOD /path", with the action in parentheses
}

// Defaults is the whole table: the rules that others are built from, then those of the API.
func Defaults() []policy.Default {
	out := building()
	for _, r := range all() {
		d := policy.Default{Name: r.name, Check: r.check, Description: r.description}
		for _, operation := range r.operations {
			method, path, _ := strings.Cut(operation, " ")
			d.Operations = append(d.Operations, policy.Operation{Method: method, Path: path})
		}
		if r.was != unchanged {
			name := r.oldName
			if name == "" {
				name = r.name
			}
			d.Deprecated = &policy.Deprecated{
				Name: name, Check: r.was, Since: "Xena",
				Reason: "the default rules tell reader, member and admin apart since the Xena release",
			}
		}
		out = append(out, d)
	}
	return out
}

// all is every rule that a call asks for.
func all() []rule {
	return slices.Concat(
		volumesRules(), volumeActionsRules(), volumeConnectionRules(), volumeMetadataRules(), attachmentsRules(), volumeTransferRules(),
		manageableVolumesRules(), snapshotsRules(), snapshotActionsRules(), snapshotMetadataRules(),
		manageableSnapshotsRules(), backupsRules(), backupActionsRules(), groupsRules(), groupActionsRules(),
		groupSnapshotsRules(), groupSnapshotActionsRules(), groupTypesRules(), volumeTypeRules(),
		typeExtraSpecsRules(), volumeAccessRules(), defaultTypesRules(), qosSpecsRules(), servicesRules(),
		hostsRules(), clustersRules(), capabilitiesRules(), schedulerStatsRules(), workersRules(), limitsRules(),
		quotasRules(), quotaClassRules(), messagesRules(),
	)
}

// building are the rules that no call asks for by itself.
func building() []policy.Default {
	return []policy.Default{
		{Name: "context_is_admin", Check: "role:admin", Description: "Who is an administrator, so that is_admin:True holds."},
		{Name: "admin_api", Check: "is_admin:True or (role:admin and is_admin_project:True)",
			Description: "Who may use the calls for those who run the cloud."},
		{Name: "xena_system_admin_or_project_reader", Check: "(role:admin) or (role:reader and project_id:%(project_id)s)",
			Description: "Who may look at what belongs to a project."},
		{Name: "xena_system_admin_or_project_member", Check: "(role:admin) or (role:member and project_id:%(project_id)s)",
			Description: "Who may use and change what belongs to a project."},
		{Name: "admin_or_owner", Check: "is_admin:True or (role:admin and is_admin_project:True) or project_id:%(project_id)s",
			Description: "As it was before Xena: administrators, and everybody in the project. For old policy files."},
		{Name: "system_or_domain_or_project_admin", Check: "(role:admin and system_scope:all) or " +
			"(role:admin and domain_id:%(domain_id)s) or (role:admin and project_id:%(project_id)s)",
			Description: "As it was before Xena: administrators of the cloud, the domain or the project. For old policy files."},
		{Name: "volume_extension:volume_type_encryption", Check: "rule:admin_api",
			Description: "As it was before Xena: all calls about the encryption of volume types. For old policy files."},
	}
}
