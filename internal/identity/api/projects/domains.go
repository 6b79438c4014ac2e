package projects

import (
	"context"
	"strings"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/api/rest"
)

func (h handlers) listDomains(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	q, err := h.query(r)
	if err != nil {
		return nil, err
	}
	list, err := h.uses.Domains(ctx, q)
	if err != nil {
		return nil, err
	}
	return r.List("domains", DomainViews(r, list), q.Page.Limit), nil
}

func (h handlers) createDomain(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	d := &identity.Project{ID: r.Body.String("explicit_domain_id"), Name: r.Body.String("name"), Description: r.Body.String("description"),
		Enabled: !r.Body.Has("enabled") || r.Body.Bool("enabled"), Tags: r.Body.Strings("tags"),
		Options: identity.Options(nil).Merge(options(r.Body)), Extra: rest.Others(r.Body, known()...)}
	if err := h.uses.CreateDomain(ctx, d); err != nil {
		return nil, err
	}
	return rest.One("domain", DomainView(r, d)), nil
}

func (h handlers) getDomain(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	d, err := h.uses.Domain(ctx, r.Path("domain_id"))
	if err != nil {
		return nil, err
	}
	return rest.One("domain", DomainView(r, d)), nil
}

func (h handlers) updateDomain(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	if err := r.RequireID(r.Path("domain_id")); err != nil {
		return nil, err
	}
	c := change(r)
	c.DomainID, c.ParentID, c.IsDomain = nil, nil, nil
	d, err := h.uses.UpdateDomain(ctx, r.Path("domain_id"), c)
	if err != nil {
		return nil, err
	}
	return rest.One("domain", DomainView(r, d)), nil
}

func (h handlers) removeDomain(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.DeleteDomain(ctx, r.Path("domain_id"))
}

// tagged answers with the tags of a project.
func tagged(r *rest.Request, tags []string) *rest.Response {
	return rest.JSON(map[string]any{"tags": rest.Strings(tags), "links": map[string]any{"self": r.Self()}})
}

func (h handlers) tags(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	tags, err := h.uses.Tags(ctx, r.Path("project_id"))
	if err != nil {
		return nil, err
	}
	return tagged(r, tags), nil
}

func (h handlers) setTags(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	tags, err := h.uses.SetTags(ctx, r.Path("project_id"), r.Body.Strings("tags"))
	if err != nil {
		return nil, err
	}
	return tagged(r, tags), nil
}

func (h handlers) removeTags(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.RemoveTags(ctx, r.Path("project_id"))
}

func (h handlers) hasTag(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.HasTag(ctx, r.Path("project_id"), r.Path("tag"))
}

// maxTagRunes is how long a tag may be.
const maxTagRunes = 255

func (h handlers) addTag(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	tag := r.Path("tag")
	if strings.ContainsAny(tag, ",/") || len([]rune(tag)) > maxTagRunes {
		return nil, identity.Invalid("'%s' does not match '^[^,/]*$'", tag)
	}
	if err := h.uses.AddTag(ctx, r.Path("project_id"), tag); err != nil {
		return nil, err
	}
	return rest.Empty().With("Location", r.Link("projects/"+r.Path("project_id")+"/tags/"+tag)), nil
}

func (h handlers) removeTag(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.RemoveTag(ctx, r.Path("project_id"), r.Path("tag"))
}
