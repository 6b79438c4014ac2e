package api

import (
	"net/http"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image/api/web"
)

func (a *API) showImportInfo(w http.ResponseWriter, _ *http.Request) error {
	return web.WriteValue(w, http.StatusOK, map[string]any{"import-methods": map[string]any{
		"description": "Import methods available.", "type": "array", "value": a.core.Options.ImportMethods}})
}

// stores is what is said of the stores to everybody.
func (a *API) stores() []map[string]any {
	list := []map[string]any{}
	for _, s := range a.core.Stores.All() {
		view := map[string]any{"id": s.ID}
		if s.Description != "" {
			view["description"] = s.Description
		}
		if s.ID == a.core.Stores.Default() {
			view["default"] = "true"
		}
		list = append(list, view)
	}
	return list
}

func (a *API) showStores(w http.ResponseWriter, _ *http.Request) error {
	return web.WriteValue(w, http.StatusOK, map[string]any{"stores": a.stores()})
}

func (a *API) showStoresDetail(w http.ResponseWriter, r *http.Request) error {
	if err := a.core.AuthorizeOperator(r.Context(), "stores_info_detail"); err != nil {
		return err
	}
	list := a.stores()
	for n, s := range a.core.Stores.All() {
		list[n]["type"], list[n]["properties"], list[n]["weight"] = s.Type(), s.Properties(), s.Weight
	}
	return web.WriteValue(w, http.StatusOK, map[string]any{"stores": list})
}

// showUsage is empty, as it is upstream where quotas are not Keystone's.
func (a *API) showUsage(w http.ResponseWriter, _ *http.Request) error {
	return web.WriteValue(w, http.StatusOK, map[string]any{"usage": map[string]any{}})
}

func (a *API) showSchema(w http.ResponseWriter, r *http.Request) error {
	document, ok := a.schemas.Document(r.PathValue("name"))
	if !ok {
		return fault.New(fault.NotFound, "", "The resource could not be found.")
	}
	return web.WriteJSON(w, http.StatusOK, document)
}

// noCache answers the calls of the image cache, which there is none of, as upstream does where it is off.
func (a *API) noCache(rule string) web.Handler {
	return func(_ http.ResponseWriter, r *http.Request) error {
		if err := a.core.AuthorizeOperator(r.Context(), rule); err != nil {
			return err
		}
		return fault.New(fault.NotFound, "", "Caching via API is not supported at this site.")
	}
}
