package identity

// The attributes of endpoints that an endpoint group chooses by.
const (
	FilterService   = "service_id"
	FilterRegion    = "region_id"
	FilterInterface = "interface"
)

// EndpointGroup is the endpoints that have attributes in common. A project that was given one, or single endpoints, sees those
// in its catalog and no others.
type EndpointGroup struct {
	ID, Name    string
	Description *string
	Filters     map[string]any // texts, by the names above
}

// Has reports whether the endpoint is in the group: every filter has to fit.
func (g *EndpointGroup) Has(e *Endpoint) bool {
	for name, want := range g.Filters {
		var is any
		switch name {
		case FilterService:
			is = e.ServiceID
		case FilterRegion:
			is = e.RegionID
		case FilterInterface:
			is = e.Interface
		}
		if is != want {
			return false
		}
	}
	return true
}
