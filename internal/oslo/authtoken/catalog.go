package authtoken

import "encoding/json"

// Service is an entry of a token's catalog.
type Service struct {
	Type      string     `json:"type"`
	Name      string     `json:"name"`
	Endpoints []Endpoint `json:"endpoints"`
}

// Endpoint is where a service is found. Interface is "public", "internal" or "admin".
type Endpoint struct {
	Interface string `json:"interface"`
	Region    string `json:"region_id"`
	URL       string `json:"url"`
}

// CatalogHeader is the value of X-Service-Catalog, which has kept the form of Identity v2: per service, the endpoints of a
// region together.
func CatalogHeader(services []Service) string {
	list := make([]map[string]any, 0, len(services))
	for _, s := range services {
		regions := []map[string]string{}
		byName := map[string]map[string]string{}
		for _, e := range s.Endpoints {
			region := byName[e.Region]
			if region == nil {
				region = map[string]string{}
				if e.Region != "" {
					region["region"] = e.Region
				}
				byName[e.Region] = region
				regions = append(regions, region)
			}
			region[e.Interface+"URL"] = e.URL
		}
		list = append(list, map[string]any{"type": s.Type, "name": s.Name, "endpoints": regions})
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(err) // maps of texts always encode
	}
	return string(text)
}

// Address finds a service of a type in a catalog, in the form of X-Service-Catalog: the first address of an interface ("public",
// "internal", "admin") in a region; an empty region is any. there says whether the catalog has a service of the type at all.
// The address is as the catalog has it, "" if there is none. The error is that of a catalog that cannot be read.
func Address(catalog, serviceType, iface, region string) (address string, there bool, err error) {
	var services []struct {
		Type      string              `json:"type"`
		Endpoints []map[string]string `json:"endpoints"`
	}
	if err := json.Unmarshal([]byte(catalog), &services); err != nil {
		return "", false, err
	}
	for _, s := range services {
		if s.Type != serviceType {
			continue
		}
		there = true
		for _, e := range s.Endpoints {
			if address := e[iface+"URL"]; address != "" && (region == "" || e["region"] == region) {
				return address, true, nil
			}
		}
	}
	return "", there, nil
}
