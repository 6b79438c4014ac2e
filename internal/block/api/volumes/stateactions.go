package volumes

import (
	"context"

	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// Argument schemas (cinder/api/schemas/volume_image_metadata.py, admin_actions.py).
const (
	setImageMetadataArgument = `{"type": "object", "properties": {"metadata": {"$ref": "parameter_types#/image_metadata"}},
		"required": ["metadata"], "additionalProperties": false}`
	unsetImageMetadataArgument = `{"type": "object", "properties": {"key": {"type": "string", "minLength": 1, "maxLength": 255}},
		"required": ["key"], "additionalProperties": false}`
	revertArgument           = `{"type": "object", "properties": {"snapshot_id": {"type": ["string", "null"]}}, "additionalProperties": true}`
	extendCompletionArgument = `{"type": "object", "properties": {"error": {"type": ["string", "null", "boolean"]}}, "additionalProperties": false}`
)

// imageMetadataActions are the actions on image metadata.
func (h handlers) imageMetadataActions() []wsgi.Action {
	const image = "volume_extension:volume_image_metadata:"
	return []wsgi.Action{
		answering200(h.action("os-set_image_metadata", image+"set", setImageMetadataArgument, h.setImageMetadata)),
		answering200(h.action("os-show_image_metadata", "volume:get_volume_metadata", anything, h.showImageMetadata)),
		answering200(h.action("os-unset_image_metadata", image+"remove", unsetImageMetadataArgument, h.unsetImageMetadata)),
	}
}

// revertAction is the way back to a snapshot.
func (h handlers) revertAction() wsgi.Action {
	a := h.action("revert", "volume:revert_to_snapshot", revertArgument, h.revert)
	a.Versions = microversion.From(3, 40)
	return a
}

func (h handlers) revert(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.Revert(ctx, r.PathValue("id"), r.Body.Object("revert").String("snapshot_id"))
}

func metadataAnswer(md map[string]string) *wsgi.Response {
	w := jsonview.New(256)
	w.Open()
	w.StringMap("metadata", md)
	w.Close()
	return wsgi.JSON(w)
}

func (h handlers) setImageMetadata(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	md, err := h.uses.PutImageMetadata(ctx, r.PathValue("id"), r.Body.Object("os-set_image_metadata").StringMap("metadata"))
	if err != nil {
		return nil, err
	}
	return metadataAnswer(md), nil
}

func (h handlers) showImageMetadata(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	md, err := h.uses.ImageMetadata(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return metadataAnswer(md), nil
}

func (h handlers) unsetImageMetadata(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.DeleteImageMetadata(ctx, r.PathValue("id"), r.Body.Object("os-unset_image_metadata").String("key"))
}

// completeExtend takes any text for an error, as upstream does.
func (h handlers) completeExtend(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	failed := false
	switch said := r.Body.Object("os-extend_volume_completion")["error"].(type) {
	case bool:
		failed = said
	case string:
		failed = said != ""
	}
	return wsgi.Empty(), h.uses.CompleteExtend(ctx, r.PathValue("id"), failed)
}
