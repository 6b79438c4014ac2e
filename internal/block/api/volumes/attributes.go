package volumes

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// attributes are the extensions that add fields to a volume's show and detail, each under its own policy and, but for
// the image's properties, with its alias as prefix (cinder/api/contrib/volume_*_attribute.py, volume_image_metadata.py).
func (h handlers) attributes(core *app.Core) []wsgi.Extension {
	return []wsgi.Extension{
		{Alias: "os-vol-host-attr", Name: "VolumeHostAttribute", Description: "Expose host as an attribute of a volume.",
			Updated: "2011-11-03T00:00:00+00:00",
			Views: attribute(core, "volume_extension:volume_host_attribute", func(w *jsonview.Writer, v *block.Volume) {
				w.StringOrNull("os-vol-host-attr:host", string(v.Host))
			})},
		{Alias: "os-vol-tenant-attr", Name: "VolumeTenantAttribute", Description: "Expose the internal project_id as an attribute of a volume.",
			Updated: "2011-11-03T00:00:00+00:00",
			Views: attribute(core, "volume_extension:volume_tenant_attribute", func(w *jsonview.Writer, v *block.Volume) {
				w.StringOrNull("os-vol-tenant-attr:tenant_id", v.ProjectID)
			})},
		{Alias: "os-vol-mig-status-attr", Name: "VolumeMigStatusAttribute", Description: "Expose migration_status as an attribute of a volume.",
			Updated: "2013-08-08T00:00:00+00:00",
			Views: attribute(core, "volume_extension:volume_mig_status_attribute", func(w *jsonview.Writer, v *block.Volume) {
				w.StringOrNull("os-vol-mig-status-attr:migstat", v.MigrationStatus)
				w.StringOrNull("os-vol-mig-status-attr:name_id", v.NameID)
			})},
		{Alias: "os-vol-image-meta", Name: "VolumeImageMetadata", Description: "Show image metadata associated with the volume.",
			Updated: "2012-12-07T00:00:00+00:00", Actions: h.imageMetadataActions(),
			Views: attribute(core, "volume_extension:volume_image_metadata:show", func(w *jsonview.Writer, v *block.Volume) {
				if len(v.ImageMetadata) > 0 {
					w.StringMap("volume_image_metadata", v.ImageMetadata)
				}
			})},
	}
}

// attribute is the view extension that writes fields for whoever may see them.
func attribute(core *app.Core, rule string, write func(*jsonview.Writer, *block.Volume)) []wsgi.ViewExtension {
	field := func(w *jsonview.Writer, item any) { write(w, item.(*block.Volume)) }
	open := func(ctx context.Context, _ *wsgi.Request, _ any) (wsgi.FieldWriter, error) {
		if core.Authorize(ctx, rule) != nil {
			return nil, nil
		}
		return field, nil
	}
	return []wsgi.ViewExtension{{Resource: collection, Open: open}}
}
