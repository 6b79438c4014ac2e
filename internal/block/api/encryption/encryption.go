// Package encryption is the HTTP of how volume types are encrypted and of what is told about encrypted volumes. What a
// request means is in app/encryption.
package encryption

import (
	"context"
	"maps"
	"strconv"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/member"
	uses "github.com/clinker/clinker/internal/block/app/encryption"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// schema is the schema of create and update, which differ in what is required (cinder/api/schemas/volume_type_encryption.py).
func schema(required string) []wsgi.Schema {
	return []wsgi.Schema{{JSON: `{"type": "object", "properties": {"encryption": {"type": "object", "properties": {
		"key_size": {"$ref": "parameter_types#/key_size"},
		"provider": {"type": "string", "minLength": 0, "maxLength": 255},
		"control_location": {"enum": ["front-end", "back-end"]},
		"cipher": {"type": ["string", "null"], "minLength": 0, "maxLength": 255}},
		` + required + `"additionalProperties": true}}, "required": ["encryption"], "additionalProperties": false}`}}
}

// Types is the extension under /types/{id}/encryption (cinder/api/contrib/volume_type_encryption.py).
func Types(u *uses.Encryption) wsgi.Extension {
	h := handlers{u}
	const whole, item, rule = "types/{id}/encryption", "types/{id}/encryption/{key}", "volume_extension:volume_type_encryption:"
	return wsgi.Extension{
		Alias: "encryption", Name: "VolumeTypeEncryption", Description: "Encryption support for volume types.", Updated: "2013-07-01T00:00:00+00:00",
		Resources: []wsgi.Resource{{Collection: "types", Routes: []wsgi.Route{
			{Method: "GET", Path: whole, Handler: h.index, Policy: []string{rule + "get"}},
			{Method: "POST", Path: whole, Handler: h.create, Schemas: schema(`"required": ["provider", "control_location"], `), Policy: []string{rule + "create"}},
			{Method: "GET", Path: item, Handler: h.show, Policy: []string{rule + "get"}},
			{Method: "PUT", Path: item, Handler: h.update, Schemas: schema(""), Policy: []string{rule + "update"}},
			{Method: "DELETE", Path: item, Status: 202, Handler: h.delete, Policy: []string{rule + "delete"}},
		}}},
	}
}

// Volumes is the extension under /volumes/{id}/encryption (cinder/api/contrib/volume_encryption_metadata.py).
func Volumes(u *uses.Encryption) wsgi.Extension {
	h := handlers{u}
	policy := []string{"volume_extension:volume_encryption_metadata"}
	return wsgi.Extension{
		Alias: "os-volume-encryption-metadata", Name: "VolumeEncryptionMetadata", Description: "Volume encryption metadata retrieval support.",
		Updated: "2013-07-10T00:00:00+00:00",
		Resources: []wsgi.Resource{{Collection: "volumes", Routes: []wsgi.Route{
			{Method: "GET", Path: "volumes/{id}/encryption", Handler: h.metadata, Policy: policy},
			{Method: "GET", Path: "volumes/{id}/encryption/{key}", Handler: h.metadataItem, Policy: policy},
		}}},
	}
}

type handlers struct{ uses *uses.Encryption }

// values is the row as upstream shows it; empty if there is none.
func values(e *block.TypeEncryption) map[string]any {
	if e == nil {
		return map[string]any{}
	}
	return map[string]any{"encryption_id": e.ID, "volume_type_id": e.TypeID, "provider": e.Provider, "control_location": e.ControlLocation,
		"cipher": e.Cipher, "key_size": e.KeySizeBits, "created_at": member.Time(e.CreatedAt), "updated_at": member.Time(e.UpdatedAt),
		"deleted_at": nil, "deleted": false}
}

func (h handlers) index(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	e, err := h.uses.OfType(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return wsgi.Value(values(e))
}

// show gives one field of the row: the last part of the path is a name here, and an id for update and delete.
func (h handlers) show(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	e, err := h.uses.OfType(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	key := r.PathValue("key")
	value, there := values(e)[key]
	if !there {
		return nil, block.TypeEncryptionNotFound(r.PathValue("id"))
	}
	return wsgi.Value(map[string]any{key: value})
}

// keySize reads key_size: a number, in digits or not; nil for null. The schema has seen that it is one or null.
func keySize(body wsgi.Object) *int64 {
	if n, ok := body.Int("key_size"); ok {
		return &n
	}
	return nil
}

// echo is what was sent, with key_size as a number and what was added, as upstream answers it.
func echo(sent wsgi.Object, more map[string]any) (*wsgi.Response, error) {
	body := map[string]any(maps.Clone(sent))
	if n := keySize(sent); n != nil {
		body["key_size"] = *n
	}
	maps.Copy(body, more)
	return wsgi.Value(map[string]any{"encryption": body})
}

func (h handlers) create(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body := r.Body.Object("encryption")
	e, err := h.uses.Create(ctx, block.TypeEncryption{TypeID: r.PathValue("id"), Provider: body.String("provider"),
		ControlLocation: body.String("control_location"), Cipher: body.StringPointer("cipher"), KeySizeBits: keySize(body)})
	if err != nil {
		return nil, err
	}
	return echo(body, map[string]any{"encryption_id": e.ID, "volume_type_id": e.TypeID})
}

func (h handlers) update(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body := r.Body.Object("encryption")
	c := uses.Change{Provider: body.StringPointer("provider"), ControlLocation: body.StringPointer("control_location")}
	if body.Has("cipher") {
		c.Cipher = new(body.StringPointer("cipher"))
	}
	if body.Has("key_size") {
		c.KeySizeBits = new(keySize(body))
	}
	if err := h.uses.Update(ctx, r.PathValue("id"), c); err != nil {
		return nil, err
	}
	return echo(body, nil)
}

func (h handlers) delete(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.Delete(ctx, r.PathValue("id"))
}

// metadataValues is what a consumer has to know; of a volume whose type is not encrypted, the key alone, which is null.
func (h handlers) metadataValues(ctx context.Context, r *wsgi.Request) (map[string]any, error) {
	key, e, err := h.uses.OfVolume(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	values := map[string]any{"encryption_key_id": member.OrNull(key)}
	if e != nil {
		values["control_location"], values["provider"] = e.ControlLocation, e.Provider
		values["cipher"], values["key_size"] = nil, nil
		if e.Cipher != nil {
			values["cipher"] = *e.Cipher
		}
		if e.KeySizeBits != nil {
			values["key_size"] = *e.KeySizeBits
		}
	}
	return values, nil
}

func (h handlers) metadata(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	values, err := h.metadataValues(ctx, r)
	if err != nil {
		return nil, err
	}
	return wsgi.Value(values)
}

// metadataItem answers with the bare text of one value, and with nothing for null. Upstream fails on a number and on a key
// that there is not: here the number is its digits, the missing key 404.
func (h handlers) metadataItem(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	values, err := h.metadataValues(ctx, r)
	if err != nil {
		return nil, err
	}
	value, there := values[r.PathValue("key")]
	if !there {
		return nil, fault.New(fault.NotFound, "", "The encryption of volume %s has no %q.", r.PathValue("id"), r.PathValue("key"))
	}
	switch v := value.(type) {
	case string:
		return &wsgi.Response{Body: []byte(v), Type: "text/html; charset=UTF-8"}, nil
	case int64:
		return &wsgi.Response{Body: strconv.AppendInt(nil, v, 10), Type: "text/html; charset=UTF-8"}, nil
	}
	return wsgi.Empty(), nil
}
