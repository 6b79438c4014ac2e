package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"slices"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/sqlkit"
)

// loadChildren fills properties, tags and locations: three queries for every MaxInSet images.
func loadChildren(ctx context.Context, s *sqlkit.Session, images []*image.Image) error {
	byID := make(map[string]*image.Image, len(images))
	ids := make([]string, len(images))
	for n, i := range images {
		i.Properties, i.Tags, i.Locations = map[string]string{}, []string{}, nil
		byID[i.ID], ids[n] = i, i.ID
	}
	return sqlkit.InChunks(s.Dialect(), ids, func(in string, args []any) error {
		for text, scan := range map[string]func(*sql.Rows, map[string]*image.Image) error{
			`SELECT image_id, name, value FROM image_properties WHERE image_id IN ` + in:                      scanProperty,
			`SELECT image_id, value FROM image_tags WHERE image_id IN ` + in + ` ORDER BY value`:              scanTag,
			`SELECT image_id, value, meta_data FROM image_locations WHERE image_id IN ` + in + ` ORDER BY id`: scanLocation,
		} {
			if err := s.Query(ctx, text, func(rows *sql.Rows) error { return scan(rows, byID) }, args...); err != nil {
				return err
			}
		}
		return nil
	})
}

func scanProperty(rows *sql.Rows, byID map[string]*image.Image) error {
	var id, name, value sqlkit.Text
	err := rows.Scan(&id, &name, &value)
	if err == nil {
		byID[string(id)].Properties[string(name)] = string(value)
	}
	return err
}

func scanTag(rows *sql.Rows, byID map[string]*image.Image) error {
	var id, value sqlkit.Text
	err := rows.Scan(&id, &value)
	if err == nil {
		i := byID[string(id)]
		i.Tags = append(i.Tags, string(value))
	}
	return err
}

func scanLocation(rows *sql.Rows, byID map[string]*image.Image) error {
	var id, url sqlkit.Text
	var metadata sqlkit.Blob
	if err := rows.Scan(&id, &url, &metadata); err != nil {
		return err
	}
	l := image.Location{URL: string(url), Metadata: map[string]any{}}
	if metadata != nil {
		if err := json.Unmarshal(metadata, &l.Metadata); err != nil {
			return fault.Wrap(err, fault.Internal, "", "a location of image %s cannot be read", id)
		}
	}
	i := byID[string(id)]
	i.Locations = append(i.Locations, l)
	return nil
}

// putChildren writes what differs from before.
func (t *tx) putChildren(ctx context.Context, i, before *image.Image) error {
	if err := t.putProperties(ctx, i, before); err != nil {
		return err
	}
	if err := t.putTags(ctx, i, before); err != nil {
		return err
	}
	return t.putLocations(ctx, i, before)
}

func (t *tx) putProperties(ctx context.Context, i, before *image.Image) error {
	for name := range before.Properties {
		if _, kept := i.Properties[name]; !kept {
			if err := t.run(ctx, `DELETE FROM image_properties WHERE image_id = ? AND name = ?`, i.ID, name); err != nil {
				return err
			}
		}
	}
	text := t.db.Dialect().Upsert("image_properties", []string{"image_id", "name", "value", "created_at", "deleted"},
		[]string{"image_id", "name"}, []string{"value"})
	for _, name := range slices.Sorted(maps.Keys(i.Properties)) {
		value := i.Properties[name]
		if old, there := before.Properties[name]; there && old == value {
			continue
		}
		if err := t.run(ctx, text, i.ID, name, value, t.at(t.now()), false); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) putTags(ctx context.Context, i, before *image.Image) error {
	for _, tag := range before.Tags {
		if slices.Contains(i.Tags, tag) {
			continue
		}
		if err := t.run(ctx, `DELETE FROM image_tags WHERE image_id = ? AND value = ?`, i.ID, tag); err != nil {
			return err
		}
	}
	for _, tag := range i.Tags {
		if slices.Contains(before.Tags, tag) {
			continue
		}
		err := t.run(ctx, `INSERT INTO image_tags (image_id, value, created_at, deleted) VALUES (?, ?, ?, FALSE)`, i.ID, tag, t.at(t.now()))
		if err != nil {
			return err
		}
	}
	return nil
}

// putLocations writes all locations again if one has changed: their order is that of their rows.
func (t *tx) putLocations(ctx context.Context, i, before *image.Image) error {
	texts, err := metadataTexts(i)
	if err != nil {
		return err
	}
	old, err := metadataTexts(before)
	if err != nil {
		return err
	}
	sameURL := func(a, b image.Location) bool { return a.URL == b.URL }
	if slices.Equal(texts, old) && slices.EqualFunc(i.Locations, before.Locations, sameURL) {
		return nil
	}
	if err := t.run(ctx, `DELETE FROM image_locations WHERE image_id = ?`, i.ID); err != nil {
		return err
	}
	for n, l := range i.Locations {
		err := t.run(ctx, `INSERT INTO image_locations (image_id, value, meta_data, status, created_at, deleted)
			VALUES (?, ?, ?, 'active', ?, FALSE)`, i.ID, l.URL, texts[n], t.at(t.now()))
		if err != nil {
			return err
		}
	}
	return nil
}

func metadataTexts(i *image.Image) ([]string, error) {
	texts := make([]string, len(i.Locations))
	for n, l := range i.Locations {
		b, err := json.Marshal(l.Metadata)
		if err != nil {
			return nil, fault.Wrap(err, fault.Internal, "", "a location of image %s cannot be written", i.ID)
		}
		texts[n] = string(b)
	}
	return texts, nil
}
