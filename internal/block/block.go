// Package block is the domain of Block Storage: volumes, snapshots, attachments, types, services and quotas as plain
// values, their states, and which change of state is allowed from where. It does no I/O and knows neither HTTP nor SQL;
// every other package of the wing stands on it.
//
// Names and meanings are Cinder's (cinder/objects). Where a column may be NULL, an empty string, a zero time or a nil
// pointer says so; *string is used only where Cinder tells "" and NULL apart in its answers.
package block

import (
	"strings"
	"time"
)

// Binary names, as the services table and policies know them.
const (
	BinaryAPI       = "cinder-api"
	BinaryScheduler = "cinder-scheduler"
	BinaryVolume    = "cinder-volume"
	BinaryBackup    = "cinder-backup"
)

// DefaultTypeName is the volume type that Cinder's first migration makes and that applies when nothing else is said.
const DefaultTypeName = "__DEFAULT__"

// GiB is a gibibyte, the unit of every volume size in the API.
const GiB = int64(1) << 30

// MaxSizeGiB is the largest volume size that is accepted: what a signed 32-bit column holds.
const MaxSizeGiB = 1<<31 - 1

// Host is the address of a storage pool, "host@backend#pool"; the last two parts may be missing.
type Host string

// Backend is the address without its pool: "host@backend", or "host".
func (h Host) Backend() string {
	s, _, _ := strings.Cut(string(h), "#")
	return s
}

// Node is the machine's name alone: what stands before the "@".
func (h Host) Node() string {
	s, _, _ := strings.Cut(h.Backend(), "@")
	return s
}

// BackendName is the back end's section name: what stands between "@" and "#", empty if there is none.
func (h Host) BackendName() string {
	_, s, _ := strings.Cut(h.Backend(), "@")
	return s
}

// Pool is the pool's name, empty if the address has none.
func (h Host) Pool() string {
	_, s, _ := strings.Cut(string(h), "#")
	return s
}

// WithPool is the same back end with this pool; an empty pool gives the bare back end.
func (h Host) WithPool(pool string) Host {
	if pool == "" {
		return Host(h.Backend())
	}
	return Host(h.Backend() + "#" + pool)
}

// Timestamps are the three that every row carries. Zero means NULL.
type Timestamps struct {
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt time.Time
}
