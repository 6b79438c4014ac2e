package sqlstore

import (
	"context"
	"slices"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/store"
	"github.com/clinker/clinker/internal/identity/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
)

const projectColumns = "id, name, domain_id, parent_id, description, enabled, is_domain, options, extra"

func projectFields(p *identity.Project) []any {
	return []any{(*sqlkit.Text)(&p.ID), (*sqlkit.Text)(&p.Name), (*sqlkit.Text)(&p.DomainID), (*sqlkit.Text)(&p.ParentID),
		(*sqlkit.Text)(&p.Description), (*sqlkit.Bool)(&p.Enabled), (*sqlkit.Bool)(&p.IsDomain),
		rows.Object[identity.Options]{To: &p.Options}, rows.Object[identity.Extra]{To: &p.Extra}}
}

func projectName(p *identity.Project) string { return p.Name }

// project reads one by a condition, with its tags.
func (c conn) project(ctx context.Context, missing func() error, condition string, args ...any) (p *identity.Project, err error) {
	q := rows.From(projectColumns, "projects")
	q.Where(condition, args...)
	err = c.Read(ctx, func(s *sqlkit.Session) error {
		c := c
		c.Session = s
		if p, err = rows.Get(ctx, c.Conn, q, projectFields, missing); err != nil {
			return err
		}
		p.Tags, err = s.Strings(ctx, `SELECT name FROM project_tags WHERE project_id = ? ORDER BY name`, p.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Project implements store.ProjectReader.
func (c conn) Project(ctx context.Context, id string) (*identity.Project, error) {
	return c.project(ctx, notFound(identity.TheProject, id), "id = ?", id)
}

// ProjectByName implements store.ProjectReader.
func (c conn) ProjectByName(ctx context.Context, domainID, name string) (*identity.Project, error) {
	return c.project(ctx, notFound(identity.TheProject, name), "name = ? AND domain_id = ? AND is_domain = FALSE", name, domainID)
}

// Domain implements store.ProjectReader.
func (c conn) Domain(ctx context.Context, id string) (*identity.Project, error) {
	return c.project(ctx, notFound(identity.TheDomain, id), "id = ? AND is_domain = TRUE", id)
}

// DomainByName implements store.ProjectReader.
func (c conn) DomainByName(ctx context.Context, name string) (*identity.Project, error) {
	return c.project(ctx, notFound(identity.TheDomain, name), "name = ? AND domain_id = '' AND is_domain = TRUE", name)
}

// Projects implements store.ProjectReader.
func (c conn) Projects(ctx context.Context, q store.ProjectQuery) (found []*identity.Project, err error) {
	err = c.Read(ctx, func(s *sqlkit.Session) error {
		sel := rows.From(projectColumns, "projects")
		sel.Among(s.Dialect(), "id", q.IDs)
		sel.Named(q.Name, q.Names)
		sel.Equal("domain_id", q.DomainID)
		sel.Equal("parent_id", q.ParentID)
		sel.Flag("enabled", q.Enabled)
		sel.Flag("is_domain", q.IsDomain)
		restrictTags(sel, s.Dialect(), q)
		sel.Paged(q.Page)
		if found, err = rows.List(ctx, s, sel, projectFields, projectName); err != nil || len(found) == 0 {
			return err
		}
		return readTags(ctx, s, found)
	})
	return found, err
}

// restrictTags restricts projects by their tags.
func restrictTags(q *rows.Selection, d sqlkit.Dialect, p store.ProjectQuery) {
	counted := func(tags []string, condition string, more ...any) {
		if len(tags) == 0 {
			return
		}
		list, args := d.InSet(tags)
		q.Where("(SELECT COUNT(*) FROM project_tags t WHERE t.project_id = projects.id AND t.name IN "+list+") "+condition, append(args, more...)...)
	}
	distinct := func(tags []string) []string { return slices.Compact(slices.Sorted(slices.Values(tags))) }
	counted(p.Tags, "= ?", len(distinct(p.Tags)))
	counted(p.TagsAny, "> 0")
	counted(p.NotTags, "< ?", len(distinct(p.NotTags)))
	counted(p.NotTagsAny, "= 0")
}

// readTags reads the tags of many projects, which come in the order of their ids.
func readTags(ctx context.Context, s *sqlkit.Session, projects []*identity.Project) error {
	byID := make(map[string]*identity.Project, len(projects))
	ids := make([]string, len(projects))
	for i, p := range projects {
		byID[p.ID], ids[i] = p, p.ID
	}
	return rows.Children(ctx, s, ids, func(in string) string {
		return `SELECT project_id, name FROM project_tags WHERE project_id IN ` + in + ` ORDER BY project_id, name`
	}, func(id, tag string) { byID[id].Tags = append(byID[id].Tags, tag) })
}

func projectConflict(p *identity.Project) func() error {
	return func() error {
		if p.IsDomain {
			return identity.Conflict("project", "it is not permitted to have two projects acting as domains with the same name: %s.", p.Name)
		}
		return identity.Conflict("project", "it is not permitted to have two projects with either the same name or same id in the same domain: name is %s, project id %s.",
			p.Name, p.ID)
	}
}

// CreateProject implements store.ProjectWriter.
func (t tx) CreateProject(ctx context.Context, p *identity.Project) error {
	options, extra, err := optionsAndExtra(p.Options, p.Extra)
	if err != nil {
		return err
	}
	err = t.Insert(ctx, projectConflict(p), rows.InsertInto("projects", projectColumns), p.ID, p.Name, p.DomainID, p.ParentID, p.Description,
		p.Enabled, p.IsDomain, options, extra)
	if err != nil {
		return err
	}
	return t.putTags(ctx, p)
}

// UpdateProject implements store.ProjectWriter.
func (t tx) UpdateProject(ctx context.Context, p *identity.Project) error {
	options, extra, err := optionsAndExtra(p.Options, p.Extra)
	if err != nil {
		return err
	}
	err = t.Change(ctx, notFound(identity.TheProject, p.ID), projectConflict(p),
		`UPDATE projects SET name = ?, description = ?, enabled = ?, options = ?, extra = ? WHERE id = ?`,
		p.Name, p.Description, p.Enabled, options, extra, p.ID)
	if err != nil {
		return err
	}
	if err := t.All(ctx, p.ID, `DELETE FROM project_tags WHERE project_id = ?`); err != nil {
		return err
	}
	return t.putTags(ctx, p)
}

func (t tx) putTags(ctx context.Context, p *identity.Project) error {
	slices.Sort(p.Tags)
	p.Tags = slices.Compact(p.Tags)
	for _, tag := range p.Tags {
		if _, err := t.Exec(ctx, `INSERT INTO project_tags (project_id, name) VALUES (?, ?)`, p.ID, tag); err != nil {
			return err
		}
	}
	return nil
}

// DeleteProject implements store.ProjectWriter.
func (t tx) DeleteProject(ctx context.Context, id string) error {
	err := t.All(ctx, id,
		`DELETE FROM assignments WHERE target_id = ? AND type IN ('UserProject', 'GroupProject', 'UserDomain', 'GroupDomain')`,
		`DELETE FROM credentials WHERE project_id = ?`,
		`DELETE FROM application_credentials WHERE project_id = ?`,
		`DELETE FROM trusts WHERE project_id = ?`,
		`DELETE FROM limits WHERE project_id = ?`,
		`DELETE FROM limits WHERE domain_id = ?`,
		`UPDATE users SET default_project_id = '' WHERE default_project_id = ?`)
	if err != nil {
		return err
	}
	return t.Change(ctx, notFound(identity.TheProject, id), nil, `DELETE FROM projects WHERE id = ?`, id)
}

func optionsAndExtra(o identity.Options, e identity.Extra) (options, extra string, err error) {
	if options, err = rows.JSONText(o); err != nil {
		return "", "", err
	}
	extra, err = rows.JSONText(e)
	return options, extra, err
}
