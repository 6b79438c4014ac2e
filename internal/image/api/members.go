package api

import (
	"net/http"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/api/web"
)

func (a *API) listMembers(w http.ResponseWriter, r *http.Request) error {
	list, err := a.members.List(r.Context(), r.PathValue("image_id"))
	if err != nil {
		return err
	}
	views := make([]map[string]any, len(list))
	for n, m := range list {
		views[n] = memberView(m)
	}
	return web.WriteValue(w, http.StatusOK, map[string]any{"members": views, "schema": "/v2/schemas/members"})
}

func (a *API) createMember(w http.ResponseWriter, r *http.Request) error {
	body, _, err := web.Object(w, r)
	if err != nil {
		return err
	}
	if !body.Has("member") {
		return fault.New(fault.Invalid, "", "Member to be added not specified")
	}
	member, ok := body["member"].(string)
	if !ok || member == "" {
		return fault.New(fault.Invalid, "", "Member can't be empty")
	}
	if len(member) > 255 {
		return fault.New(fault.Invalid, "", "Member can't be longer than 255 characters")
	}
	m, err := a.members.Create(r.Context(), r.PathValue("image_id"), member)
	return writeMember(w, m, err)
}

func (a *API) showMember(w http.ResponseWriter, r *http.Request) error {
	m, err := a.members.Show(r.Context(), r.PathValue("image_id"), r.PathValue("member_id"))
	return writeMember(w, m, err)
}

func (a *API) updateMember(w http.ResponseWriter, r *http.Request) error {
	body, _, err := web.Object(w, r)
	if err != nil {
		return err
	}
	if !body.Has("status") {
		return fault.New(fault.Invalid, "", "Status not specified")
	}
	m, err := a.members.Update(r.Context(), r.PathValue("image_id"), r.PathValue("member_id"), image.MemberStatus(body.String("status")))
	return writeMember(w, m, err)
}

func (a *API) deleteMember(w http.ResponseWriter, r *http.Request) error {
	if err := a.members.Delete(r.Context(), r.PathValue("image_id"), r.PathValue("member_id")); err != nil {
		return err
	}
	return web.NoContent(w)
}

func writeMember(w http.ResponseWriter, m *image.Member, err error) error {
	if err != nil {
		return err
	}
	return web.WriteValue(w, http.StatusOK, memberView(m))
}
