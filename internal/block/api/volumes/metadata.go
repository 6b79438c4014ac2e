package volumes

import (
	"context"
	"maps"
	"slices"

	uses "github.com/clinker/clinker/internal/block/app/volumes"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// tagged is the microversion since which metadata carries an ETag and heeds If-Match.
var tagged = microversion.V(3, 15)

func etag(md map[string]string) string {
	pairs := make([]jsonview.Pair, 0, len(md))
	for _, key := range slices.Sorted(maps.Keys(md)) {
		pairs = append(pairs, jsonview.Pair{Key: key, Value: md[key]})
	}
	return jsonview.ETag("metadata", pairs)
}

// ifMatch gives the check of the request's If-Match header against metadata as it stands; nil when there is nothing to check.
func ifMatch(r *wsgi.Request) func(map[string]string) error {
	if !r.Version.AtLeast(tagged) || r.Header("If-Match") == "" {
		return nil
	}
	return func(md map[string]string) error {
		if !r.IfMatch(etag(md)) {
			return fault.New(fault.PreconditionFailed, "", "The metadata has changed since it was read.")
		}
		return nil
	}
}

func metadataAnswer(md map[string]string) *wsgi.Response {
	w := jsonview.New(256)
	w.Open()
	w.StringMap("metadata", md)
	w.Close()
	return wsgi.JSON(w)
}

func itemAnswer(key, value string) *wsgi.Response {
	w := jsonview.New(256)
	w.Open()
	w.StringMap("meta", map[string]string{key: value})
	w.Close()
	return wsgi.JSON(w)
}

func (h handlers) metadata(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	md, err := h.uses.Metadata(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	resp := metadataAnswer(md)
	if r.Version.AtLeast(tagged) {
		resp.With("ETag", etag(md))
	}
	return resp, nil
}

func (h handlers) mergeMetadata(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	md, err := h.uses.PutMetadata(ctx, r.PathValue("id"), r.Body.StringMap("metadata"), false, nil)
	if err != nil {
		return nil, err
	}
	return metadataAnswer(md), nil
}

func (h handlers) replaceMetadata(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	md, err := h.uses.PutMetadata(ctx, r.PathValue("id"), r.Body.StringMap("metadata"), true, ifMatch(r))
	if err != nil {
		return nil, err
	}
	return metadataAnswer(md), nil
}

func (h handlers) metadataItem(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	id, key := r.PathValue("id"), r.PathValue("key")
	md, err := h.uses.Metadata(ctx, id)
	if err != nil {
		return nil, err
	}
	value, there := md[key]
	if !there {
		return nil, uses.MetadataNotFound(id, key)
	}
	return itemAnswer(key, value), nil
}

func (h handlers) setMetadataItem(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	key, item := r.PathValue("key"), r.Body.StringMap("meta")
	if _, there := item[key]; !there {
		return nil, fault.New(fault.Invalid, "", "Request body and URI mismatch")
	}
	if len(item) > 1 {
		return nil, fault.New(fault.Invalid, "", "Request body contains too many items")
	}
	if _, err := h.uses.PutMetadata(ctx, r.PathValue("id"), item, false, ifMatch(r)); err != nil {
		return nil, err
	}
	return itemAnswer(key, item[key]), nil
}

func (h handlers) deleteMetadataItem(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.DeleteMetadata(ctx, r.PathValue("id"), r.PathValue("key"), nil)
}
