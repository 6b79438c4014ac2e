package store

import "context"

// QuotaClassWriter sets the limits of quota classes; QuotaReader reads them.
type QuotaClassWriter interface {
	// PutQuotaClassLimits merges limits into those of a class.
	PutQuotaClassLimits(ctx context.Context, class string, limits map[string]int64) error
}
