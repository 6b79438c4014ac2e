package volumes

import (
	"context"
	"strings"

	useimages "github.com/clinker/clinker/internal/block/app/images"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// Argument schemas (cinder/api/schemas/volume_actions.py); MORE are the members that came later.
const (
	uploadArgument = `{"type": "object", "properties": {
		"image_name": {"type": "string", "minLength": 1, "maxLength": 255},
		"force": {"$ref": "parameter_types#/boolean"},
		"disk_format": {"type": "string", "enum": ["raw", "vmdk", "vdi", "qcow2", "vhd", "vhdx", "ploop"]},
		"container_format": {"$ref": "parameter_types#/description"}MORE},
		"required": ["image_name"], "additionalProperties": false}`
	uploadMembers = `,
		"visibility": {"type": "string", "enum": ["community", "public", "private", "shared"]},
		"protected": {"$ref": "parameter_types#/boolean"}`
	reimageArgument = `{"type": "object", "properties": {"image_id": {"$ref": "parameter_types#/uuid"},
		"reimage_reserved": {"$ref": "parameter_types#/boolean"}}, "required": ["image_id"], "additionalProperties": false}`
)

// imageHandlers are the actions of a volume that an image has a part in.
type imageHandlers struct{ uses *useimages.Images }

func (i imageHandlers) actions(h handlers) []wsgi.Action {
	upload := h.action("os-volume_upload_image", "volume_extension:volume_actions:upload_image", anything, i.upload)
	upload.Policy = append(upload.Policy, "volume_extension:volume_actions:upload_public")
	upload.Schemas = actionSchema("os-volume_upload_image", strings.Replace(uploadArgument, "MORE", "", 1))
	upload.Schemas[0].Versions = microversion.Until(3, 0)
	later := actionSchema("os-volume_upload_image", strings.Replace(uploadArgument, "MORE", uploadMembers, 1))
	later[0].Versions = microversion.From(3, 1)
	upload.Schemas = append(upload.Schemas, later...)
	reimage := h.action("os-reimage", "volume:reimage", reimageArgument, i.reimage)
	reimage.Policy = append(reimage.Policy, "volume:reimage_reserved")
	reimage.Versions = microversion.From(3, 68)
	return []wsgi.Action{upload, reimage}
}

func (i imageHandlers) upload(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	a := r.Body.Object("os-volume_upload_image")
	asked := useimages.UploadRequest{Name: a.String("image_name"), DiskFormat: orElse(a.String("disk_format"), "raw"),
		ContainerFormat: orElse(a.String("container_format"), "bare"), Force: a.Bool("force")}
	if r.Version.AtLeast(microversion.V(3, 1)) {
		asked.Visibility, asked.Protected = orElse(a.String("visibility"), "private"), new(a.Bool("protected"))
	}
	made, err := i.uses.Upload(ctx, r.PathValue("id"), asked)
	if err != nil {
		return nil, err
	}
	return uploadAnswer(made), nil
}

func orElse(text, fallback string) string {
	if text == "" {
		return fallback
	}
	return text
}

// uploadAnswer is the answer to an upload; the volume type stands in it as upstream keeps it.
func uploadAnswer(u *useimages.Upload) *wsgi.Response {
	w := jsonview.New(1024)
	w.Open()
	w.Key("os-volume_upload_image")
	w.Open()
	w.String("id", u.Volume.ID)
	w.Time("updated_at", u.Volume.UpdatedAt)
	w.String("status", "uploading")
	w.Pointer("display_description", u.Volume.Description)
	w.Int("size", u.Volume.SizeGiB)
	w.Key("volume_type")
	w.Open()
	w.String("id", u.Type.ID)
	w.String("name", u.Type.Name)
	w.Pointer("description", u.Type.Description)
	w.Bool("is_public", u.Type.IsPublic)
	w.StringMap("extra_specs", u.Type.ExtraSpecs)
	w.StringOrNull("qos_specs_id", u.Type.QoSSpecsID)
	w.Time("created_at", u.Type.CreatedAt)
	w.Time("updated_at", u.Type.UpdatedAt)
	w.Time("deleted_at", u.Type.DeletedAt)
	w.Bool("deleted", false)
	w.Close()
	w.String("image_id", u.Image.ID)
	w.String("container_format", u.Image.ContainerFormat)
	w.String("disk_format", u.Image.DiskFormat)
	w.StringOrNull("image_name", u.Image.Name)
	w.Bool("protected", u.Image.Protected)
	w.String("visibility", u.Image.Visibility)
	w.Close()
	w.Close()
	return wsgi.JSON(w)
}

func (i imageHandlers) reimage(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	a := r.Body.Object("os-reimage")
	return wsgi.Empty(), i.uses.Reimage(ctx, r.PathValue("id"), a.String("image_id"), a.Bool("reimage_reserved"))
}
