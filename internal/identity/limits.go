package identity

// RegisteredLimit is how much of something a service lets every project have, unless a Limit says otherwise. Whether
// anybody heeds it is the service's affair.
type RegisteredLimit struct {
	ID, ServiceID string
	RegionID      string // "" for every region
	ResourceName  string
	DefaultLimit  int64 // -1: as much as they want
	Description   *string
}

// Limit is how much one project, or one domain, may have instead of a RegisteredLimit.
type Limit struct {
	ID, RegisteredLimitID string
	ProjectID, DomainID   string // one of them is ""
	ResourceLimit         int64  // as DefaultLimit
	Description           *string

	// What the registered limit says, read with it.
	ServiceID, RegionID, ResourceName string
}

// Policy is a text that somebody keeps for services to fetch. Nothing here reads it.
type Policy struct {
	ID, Type, Blob string
	Extra          Extra
}
