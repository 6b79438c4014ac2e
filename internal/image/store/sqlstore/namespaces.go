package sqlstore

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/store"
	"github.com/clinker/clinker/internal/sqlkit"
)

const namespaceColumns = `n.id, n.namespace, n.display_name, n.description, n.visibility, n.protected, n.owner, n.created_at, n.updated_at`

func namespaceFields(n *image.Namespace) []any {
	return []any{(*sqlkit.Int)(&n.ID), (*sqlkit.Text)(&n.Name), sqlkit.OptionalText{To: &n.DisplayName}, sqlkit.OptionalText{To: &n.Description},
		(*sqlkit.Text)(&n.Visibility), (*sqlkit.Bool)(&n.Protected), (*sqlkit.Text)(&n.Owner), (*sqlkit.Time)(&n.CreatedAt), (*sqlkit.Time)(&n.UpdatedAt)}
}

// Namespace implements store.MetadefReader.
func (r *reader) Namespace(ctx context.Context, name string) (*image.Namespace, error) {
	n := new(image.Namespace)
	err := r.read(ctx, func(s *sqlkit.Session) error {
		found, err := s.QueryRow(ctx, `SELECT `+namespaceColumns+` FROM metadef_namespaces n WHERE n.namespace = ?`, namespaceFields(n), name)
		if err == nil && !found {
			err = image.NamespaceNotFound(name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return n, nil
}

// Namespaces implements store.MetadefReader.
func (r *reader) Namespaces(ctx context.Context, q store.NamespaceQuery) (list []*image.Namespace, err error) {
	if q.Page.Limit <= 0 {
		return nil, nil
	}
	err = r.read(ctx, func(s *sqlkit.Session) error {
		b := builder(namespaceColumns, "metadef_namespaces n")
		if !q.All {
			b.Where("(n.visibility = 'public' OR n.owner = " + b.Var(q.Owner) + ")")
		}
		if q.Visibility != "" {
			b.Where("n.visibility = " + b.Var(string(q.Visibility)))
		}
		if q.ResourceTypes != nil {
			in, args := s.Dialect().InSet(q.ResourceTypes[:min(len(q.ResourceTypes), sqlkit.MaxInSet)])
			for _, a := range args {
				in = strings.Replace(in, "?", b.Var(a), 1)
			}
			b.Where("EXISTS (SELECT 1 FROM metadef_namespace_resource_types a JOIN metadef_resource_types t ON t.id = a.resource_type_id " +
				"WHERE a.namespace_id = n.id AND t.name IN " + in + ")")
		}
		p := page{Page: q.Page, alias: "n", table: "metadef_namespaces", keepsAll: true, notFound: image.NamespaceNotFound(q.Page.Marker),
			sortable: []string{"id", "namespace", "display_name", "description", "visibility", "protected", "owner", "created_at", "updated_at"}}
		if p.Marker != "" {
			var id int64
			if found, err := s.QueryRow(ctx, `SELECT id FROM metadef_namespaces WHERE namespace = ?`, []any{(*sqlkit.Int)(&id)}, p.Marker); err != nil || !found {
				return orError(err, p.notFound)
			}
			p.Marker = strconv.FormatInt(id, 10)
		}
		if err := r.page(ctx, s, b, p); err != nil {
			return err
		}
		text, args := b.Build()
		return s.Query(ctx, text, func(rows *sql.Rows) error {
			n := new(image.Namespace)
			list = append(list, n)
			return rows.Scan(namespaceFields(n)...)
		}, args...)
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// orError is err, or what it means that there was none.
func orError(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// Associations implements store.MetadefReader.
func (r *reader) Associations(ctx context.Context, namespaces ...int64) (map[int64][]*image.Association, error) {
	all := map[int64][]*image.Association{}
	if len(namespaces) == 0 {
		return all, nil
	}
	args := make([]any, len(namespaces))
	for i, id := range namespaces {
		args[i] = id
	}
	in := "(?" + strings.Repeat(", ?", len(args)-1) + ")"
	err := r.read(ctx, func(s *sqlkit.Session) error {
		text := `SELECT a.namespace_id, t.name, a.prefix, a.properties_target, a.created_at, a.updated_at FROM metadef_namespace_resource_types a
			JOIN metadef_resource_types t ON t.id = a.resource_type_id WHERE a.namespace_id IN ` + in + ` ORDER BY a.created_at, a.resource_type_id`
		return s.Query(ctx, text, func(rows *sql.Rows) error {
			a, id := new(image.Association), int64(0)
			err := rows.Scan((*sqlkit.Int)(&id), (*sqlkit.Text)(&a.ResourceType), sqlkit.OptionalText{To: &a.Prefix},
				sqlkit.OptionalText{To: &a.PropertiesTarget}, (*sqlkit.Time)(&a.CreatedAt), (*sqlkit.Time)(&a.UpdatedAt))
			all[id] = append(all[id], a)
			return err
		}, args...)
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// ResourceTypes implements store.MetadefReader.
func (r *reader) ResourceTypes(ctx context.Context) (list []*image.ResourceType, err error) {
	err = r.read(ctx, func(s *sqlkit.Session) error {
		return s.Query(ctx, `SELECT name, created_at, updated_at FROM metadef_resource_types ORDER BY id`, func(rows *sql.Rows) error {
			t := new(image.ResourceType)
			list = append(list, t)
			return rows.Scan((*sqlkit.Text)(&t.Name), (*sqlkit.Time)(&t.CreatedAt), (*sqlkit.Time)(&t.UpdatedAt))
		})
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// namespaceValues are what a write sets.
func namespaceValues(n *image.Namespace) []any {
	return []any{n.Name, sqlkit.NullIfNil(n.DisplayName), sqlkit.NullIfNil(n.Description), string(n.Visibility), n.Protected, n.Owner}
}

// CreateNamespace implements store.MetadefWriter.
func (t *tx) CreateNamespace(ctx context.Context, n *image.Namespace) error {
	n.CreatedAt = t.now()
	n.UpdatedAt = n.CreatedAt
	if err := t.nameIsFree(ctx, n); err != nil {
		return err
	}
	args := append(namespaceValues(n), t.at(n.CreatedAt), t.at(n.UpdatedAt))
	err := t.run(ctx, `INSERT INTO metadef_namespaces (namespace, display_name, description, visibility, protected, owner, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, args...)
	if err != nil {
		return err
	}
	_, err = t.session.QueryRow(ctx, `SELECT id FROM metadef_namespaces WHERE namespace = ?`, []any{(*sqlkit.Int)(&n.ID)}, n.Name)
	return err
}

// nameIsFree refuses the name of another namespace.
func (t *tx) nameIsFree(ctx context.Context, n *image.Namespace) error {
	taken, err := t.session.QueryRow(ctx, `SELECT 1 FROM metadef_namespaces WHERE namespace = ? AND id <> ?`, []any{new(sqlkit.Int)}, n.Name, n.ID)
	if err == nil && taken {
		err = image.NamespaceDuplicate(n.Name)
	}
	return err
}

// SaveNamespace implements store.MetadefWriter.
func (t *tx) SaveNamespace(ctx context.Context, n *image.Namespace) error {
	n.UpdatedAt = t.now()
	if err := t.nameIsFree(ctx, n); err != nil {
		return err
	}
	args := append(namespaceValues(n), t.at(n.UpdatedAt), n.ID)
	changed, err := t.session.Exec(ctx, `UPDATE metadef_namespaces SET namespace = ?, display_name = ?, description = ?, visibility = ?, protected = ?,
		owner = ?, updated_at = ? WHERE id = ?`, args...)
	if err == nil && changed == 0 {
		err = image.NamespaceNotFound(n.Name)
	}
	return err
}

// DestroyNamespace implements store.MetadefWriter.
func (t *tx) DestroyNamespace(ctx context.Context, n *image.Namespace) error {
	for _, table := range []string{"metadef_objects", "metadef_properties", "metadef_tags", "metadef_namespace_resource_types"} {
		if err := t.run(ctx, `DELETE FROM `+table+` WHERE namespace_id = ?`, n.ID); err != nil {
			return err
		}
	}
	return t.run(ctx, `DELETE FROM metadef_namespaces WHERE id = ?`, n.ID)
}

// CreateAssociation implements store.MetadefWriter.
func (t *tx) CreateAssociation(ctx context.Context, n *image.Namespace, a *image.Association) error {
	a.CreatedAt = t.now()
	a.UpdatedAt = a.CreatedAt
	id := int64(0)
	const find = `SELECT id FROM metadef_resource_types WHERE name = ?`
	found, err := t.session.QueryRow(ctx, find, []any{(*sqlkit.Int)(&id)}, a.ResourceType)
	if err != nil {
		return err
	}
	if !found {
		err := t.run(ctx, `INSERT INTO metadef_resource_types (name, protected, created_at, updated_at) VALUES (?, FALSE, ?, ?)`,
			a.ResourceType, t.at(a.CreatedAt), t.at(a.UpdatedAt))
		if err != nil {
			return err
		}
		if _, err := t.session.QueryRow(ctx, find, []any{(*sqlkit.Int)(&id)}, a.ResourceType); err != nil {
			return err
		}
	}
	there, err := t.session.QueryRow(ctx, `SELECT 1 FROM metadef_namespace_resource_types WHERE namespace_id = ? AND resource_type_id = ?`,
		[]any{new(sqlkit.Int)}, n.ID, id)
	if err != nil {
		return err
	}
	if there {
		return image.AssociationDuplicate(a.ResourceType, n.Name)
	}
	return t.run(ctx, `INSERT INTO metadef_namespace_resource_types (resource_type_id, namespace_id, prefix, properties_target, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?)`, id, n.ID, sqlkit.NullIfNil(a.Prefix), sqlkit.NullIfNil(a.PropertiesTarget), t.at(a.CreatedAt), t.at(a.UpdatedAt))
}

// DestroyAssociation implements store.MetadefWriter.
func (t *tx) DestroyAssociation(ctx context.Context, n *image.Namespace, resourceType string) (bool, error) {
	gone, err := t.session.Exec(ctx, `DELETE FROM metadef_namespace_resource_types WHERE namespace_id = ? AND resource_type_id IN
		(SELECT id FROM metadef_resource_types WHERE name = ?)`, n.ID, resourceType)
	return gone > 0, err
}
