package app

import "github.com/clinker/clinker/internal/identity/store"

// What the API may say about lists is what the store can choose by; the API itself does not see the store.
type (
	// Page is store.Page.
	Page = store.Page
	// Comparator is store.Comparator.
	Comparator = store.Comparator
	// NameFilter is store.NameFilter.
	NameFilter = store.NameFilter
	// TimeFilter is store.TimeFilter.
	TimeFilter = store.TimeFilter
	// ProjectQuery is store.ProjectQuery.
	ProjectQuery = store.ProjectQuery
	// UserQuery is store.UserQuery.
	UserQuery = store.UserQuery
	// GroupQuery is store.GroupQuery.
	GroupQuery = store.GroupQuery
	// RoleQuery is store.RoleQuery.
	RoleQuery = store.RoleQuery
	// ServiceQuery is store.ServiceQuery.
	ServiceQuery = store.ServiceQuery
	// EndpointQuery is store.EndpointQuery.
	EndpointQuery = store.EndpointQuery
	// RegionQuery is store.RegionQuery.
	RegionQuery = store.RegionQuery
	// RegisteredLimitQuery is store.RegisteredLimitQuery.
	RegisteredLimitQuery = store.RegisteredLimitQuery
	// LimitQuery is store.LimitQuery.
	LimitQuery = store.LimitQuery
	// PolicyQuery is store.PolicyQuery.
	PolicyQuery = store.PolicyQuery
	// EndpointGroupQuery is store.EndpointGroupQuery.
	EndpointGroupQuery = store.EndpointGroupQuery
)

// The comparators of a NameFilter.
const (
	Contains   = store.Contains
	StartsWith = store.StartsWith
	EndsWith   = store.EndsWith
)
