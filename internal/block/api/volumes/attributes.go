package volumes

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// Attributes are the extensions that add fields to a volume's show and detail, each under its own policy and, but for
// the image's properties, with its alias as prefix (cinder/api/contrib/volume_*_attribute.py, volume_image_metadata.py).
func Attributes(core *app.Core) []wsgi.Extension {
	return []wsgi.Extension{
		attribute(core, "os-vol-host-attr", "VolumeHostAttribute", "Shows the back end a volume is on.", "2011-11-03T00:00:00+00:00",
			"volume_extension:volume_host_attribute", func(w *jsonview.Writer, v *block.Volume) {
				w.StringOrNull("os-vol-host-attr:host", string(v.Host))
			}),
		attribute(core, "os-vol-tenant-attr", "VolumeTenantAttribute", "Shows the project a volume belongs to.", "2011-11-03T00:00:00+00:00",
			"volume_extension:volume_tenant_attribute", func(w *jsonview.Writer, v *block.Volume) {
				w.StringOrNull("os-vol-tenant-attr:tenant_id", v.ProjectID)
			}),
		attribute(core, "os-vol-mig-status-attr", "VolumeMigStatusAttribute", "Shows how the migration of a volume stands.",
			"2013-08-08T00:00:00+00:00", "volume_extension:volume_mig_status_attribute", func(w *jsonview.Writer, v *block.Volume) {
				w.StringOrNull("os-vol-mig-status-attr:migstat", v.MigrationStatus)
				w.StringOrNull("os-vol-mig-status-attr:name_id", v.NameID)
			}),
		attribute(core, "os-vol-image-meta", "VolumeImageMetadata", "Shows the properties of the image a volume was made from.",
			"2012-12-07T00:00:00+00:00", "volume_extension:volume_image_metadata:show", func(w *jsonview.Writer, v *block.Volume) {
				if len(v.ImageMetadata) > 0 {
					w.StringMap("volume_image_metadata", v.ImageMetadata)
				}
			}),
	}
}

func attribute(core *app.Core, alias, name, description, updated, rule string, write func(*jsonview.Writer, *block.Volume)) wsgi.Extension {
	open := func(ctx context.Context, _ *wsgi.Request, _ any) (wsgi.FieldWriter, error) {
		if core.Authorize(ctx, rule) != nil {
			return nil, nil
		}
		return func(w *jsonview.Writer, item any) { write(w, item.(*block.Volume)) }, nil
	}
	return wsgi.Extension{Alias: alias, Name: name, Description: description, Updated: updated,
		Views: []wsgi.ViewExtension{{Resource: collection, Open: open}}}
}
