package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/google/uuid"
	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/glance"
	"github.com/clinker/clinker/internal/reqctx"
)

// checkID keeps what is no id out of the URLs that are made of it.
func checkID(id string) error {
	if uuid.Validate(id) != nil {
		return glance.NotFound(id)
	}
	return nil
}

// Image implements glance.Service.
func (c *Client) Image(ctx context.Context, id string) (i *glance.Image, err error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	err = c.call(ctx, id, func(ctx context.Context, to *gophercloud.ServiceClient) error {
		found, err := images.Get(ctx, to, id).Extract()
		if err == nil {
			i = image(found)
		}
		return err
	})
	return i, err
}

// ImagesByName implements glance.Service.
func (c *Client) ImagesByName(ctx context.Context, name string) (list []*glance.Image, err error) {
	var page struct {
		Images []images.Image `json:"images"`
	}
	err = c.call(ctx, "", func(ctx context.Context, to *gophercloud.ServiceClient) error {
		_, err := to.Get(ctx, to.ServiceURL("images")+"?"+url.Values{"name": {name}, "limit": {"2"}}.Encode(), &page, nil)
		return err
	})
	for _, found := range page.Images {
		if found.Name == name { // the filter knows operators, "in:" is one
			list = append(list, image(&found))
		}
	}
	return list, err
}

// Create implements glance.Service.
func (c *Client) Create(ctx context.Context, n glance.NewImage) (i *glance.Image, err error) {
	o := images.CreateOpts{ID: n.ID, Name: n.Name, ContainerFormat: n.ContainerFormat, DiskFormat: n.DiskFormat,
		Protected: n.Protected, Properties: n.Properties}
	if n.Visibility != "" {
		o.Visibility = new(images.ImageVisibility(n.Visibility))
	}
	err = c.call(ctx, n.ID, func(ctx context.Context, to *gophercloud.ServiceClient) error {
		made, err := images.Create(ctx, to, o).Extract()
		if err == nil {
			i = image(made)
		}
		return err
	})
	if !fault.Is(err, fault.Conflict) {
		return i, err
	}
	// An earlier try may have entered it and its answer been lost. Somebody else's image of this id is none of ours.
	there, readErr := c.Image(ctx, n.ID)
	if readErr != nil || there.Owner != reqctx.From(ctx).ProjectID {
		return nil, err
	}
	return there, nil
}

// Delete implements glance.Service.
func (c *Client) Delete(ctx context.Context, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	return c.call(ctx, id, func(ctx context.Context, to *gophercloud.ServiceClient) error {
		return images.Delete(ctx, to, id).ExtractErr()
	})
}

// baseProperties are members of the image schema for which gophercloud has no field: no properties of the image's own.
var baseProperties = []string{"direct_url", "locations", "os_hash_algo", "os_hash_value", "stores", "self"}

// image is what gophercloud found, in our words.
func image(g *images.Image) *glance.Image {
	i := &glance.Image{ID: g.ID, Name: g.Name, Status: string(g.Status), Visibility: string(g.Visibility), Owner: g.Owner,
		Protected: g.Protected, ContainerFormat: g.ContainerFormat, DiskFormat: g.DiskFormat,
		SizeBytes: g.SizeBytes, VirtualSizeBytes: g.VirtualSize, MinDiskGiB: int64(g.MinDiskGigabytes),
		MinRAMMiB: int64(g.MinRAMMegabytes), Checksum: g.Checksum, CreatedAt: g.CreatedAt, UpdatedAt: g.UpdatedAt,
		Properties: map[string]string{}}
	i.HashAlgorithm, _ = g.Properties["os_hash_algo"].(string)
	i.HashValue, _ = g.Properties["os_hash_value"].(string)
	i.Locations = locations(g.Properties)
	for name, value := range g.Properties {
		if value == nil || slices.Contains(baseProperties, name) {
			continue
		}
		text, ok := value.(string)
		if !ok {
			encoded, err := json.Marshal(value)
			if err != nil {
				continue // what came as JSON goes as JSON
			}
			text = string(encoded)
		}
		i.Properties[name] = text
	}
	return i
}

// locations are the URLs of direct_url and locations, each once.
func locations(properties map[string]any) []string {
	var urls []string
	add := func(value any) {
		if u, ok := value.(string); ok && u != "" && !slices.Contains(urls, u) {
			urls = append(urls, u)
		}
	}
	add(properties["direct_url"])
	list, _ := properties["locations"].([]any)
	for _, entry := range list {
		if l, ok := entry.(map[string]any); ok {
			add(l["url"])
		}
	}
	return urls
}

// isStatus says whether an error is an answer with this status.
func isStatus(err error, status int) bool {
	code, ok := errors.AsType[gophercloud.ErrUnexpectedResponseCode](err)
	return ok && code.Actual == status
}

// noBytes says whether an answer to a download means that the image has no bytes (yet).
func noBytes(err error) bool {
	return isStatus(err, http.StatusNoContent) || isStatus(err, http.StatusNotFound)
}
