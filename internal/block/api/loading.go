package api

import (
	"maps"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// What upstream loads extensions by: its two functions, or the class of one.
const (
	contrib  = "cinder.api.contrib."
	standard = contrib + "standard_extensions"
	selected = contrib + "select_extensions"
)

var (
	extensionClasses = config.MultiString("DEFAULT", "osapi_volume_extension", []string{standard}, "Which extensions the API has: all with "+
		standard+", those that osapi_volume_ext_list names with "+selected+", or one by its class, such as "+contrib+"backups.Backups.")
	extensionNames = config.List("DEFAULT", "osapi_volume_ext_list", nil, "The extensions that "+selected+" chooses, by the names of their classes: "+
		"Backups, Volume_actions, ...")
)

// modules gives upstream's module for each alias; its class is called as the module with a capital letter in front.
func modules() map[string]string {
	return map[string]string{
		"OS-SCH-HNT": "scheduler_hints", "backups": "backups", "capabilities": "capabilities", "cgsnapshots": "cgsnapshots",
		"consistencygroups": "consistencygroups", "encryption": "volume_type_encryption", "os-admin-actions": "admin_actions",
		"os-availability-zone": "availability_zones", "os-extended-services": "extended_services",
		"os-extended-snapshot-attributes": "extended_snapshot_attributes", "os-hosts": "hosts", "os-quota-class-sets": "quota_classes",
		"os-quota-sets": "quotas", "os-services": "services", "os-snapshot-actions": "snapshot_actions", "os-snapshot-manage": "snapshot_manage",
		"os-snapshot-unmanage": "snapshot_unmanage", "os-types-extra-specs": "types_extra_specs", "os-types-manage": "types_manage",
		"os-used-limits": "used_limits", "os-vol-host-attr": "volume_host_attribute", "os-vol-image-meta": "volume_image_metadata",
		"os-vol-mig-status-attr": "volume_mig_status_attribute", "os-vol-tenant-attr": "volume_tenant_attribute",
		"os-volume-actions": "volume_actions", "os-volume-encryption-metadata": "volume_encryption_metadata", "os-volume-manage": "volume_manage",
		"os-volume-transfer": "volume_transfer", "os-volume-type-access": "volume_type_access", "os-volume-unmanage": "volume_unmanage",
		"qos-specs": "qos_specs_manage", "scheduler-stats": "scheduler_stats",
	}
}

// chosenExtensions reads which extensions are to be loaded, by alias; nil are all. A class that there is not is refused.
func chosenExtensions(c *config.Config) ([]string, error) {
	byClass := map[string]string{}
	for alias, module := range modules() {
		byClass[strings.ToUpper(module[:1])+module[1:]] = alias
	}
	chosen := []string{}
	for _, class := range extensionClasses.Get(c) {
		name := class[strings.LastIndexByte(class, '.')+1:]
		alias, known := byClass[name]
		switch {
		case class == standard:
			return nil, nil
		case class == selected:
			for _, name := range extensionNames.Get(c) {
				if alias, known = byClass[name]; !known {
					return nil, extensionNames.Refuse(c, "", "there is no extension "+name, strings.Join(slices.Sorted(maps.Keys(byClass)), ", "))
				}
				chosen = append(chosen, alias)
			}
		case known && class == contrib+modules()[alias]+"."+name:
			chosen = append(chosen, alias)
		default:
			return nil, extensionClasses.Refuse(c, "", "there is no extension "+class, standard+", "+selected+", "+contrib+"backups.Backups and its like")
		}
	}
	return chosen, nil
}

// leftOut are the aliases of extensions that only does not name. What upstream has as no extension is never left out, nor is
// what cannot be.
func leftOut(all []wsgi.Extension, only []string) []string {
	if only == nil {
		return nil
	}
	var out []string
	for _, e := range all {
		if e.Name != "" && !e.Core && !slices.Contains(only, e.Alias) {
			out = append(out, e.Alias)
		}
	}
	return out
}
