// Package listing is what get_pools makes of the pools: which of them a caller asks for, and what is said of each that the
// reports say in another form.
//
// What must not live here: which pool is chosen for a volume; decide has that.
package listing

import (
	"fmt"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
)

// byType is the filter that is no capability: a volume type by id or name.
const byType = "volume_type"

// Choose gives the pools that have all that the filters ask for: a name, any capability, and room in general for a volume type,
// which is asked of ableToHold. The pools are its own to change.
func Choose(pools []rpcapi.PoolInfo, filters map[string]string, ableToHold func(typeNameOrID string) ([]block.Host, error)) ([]rpcapi.PoolInfo, error) {
	chosen := slices.DeleteFunc(pools, func(p rpcapi.PoolInfo) bool {
		for key, value := range filters {
			if !has(p, key, value) {
				return true
			}
		}
		return false
	})
	if filters[byType] == "" {
		return chosen, nil
	}
	able, err := ableToHold(filters[byType])
	return slices.DeleteFunc(chosen, func(p rpcapi.PoolInfo) bool { return !slices.Contains(able, p.Name) }), err
}

// has compares what a pool reports with a text: truth values by any word for them, all else by its text. What is not reported
// is like nothing.
func has(p rpcapi.PoolInfo, key, value string) bool {
	switch key {
	case "name":
		return value == "" || value == string(p.Name)
	case byType:
		return true
	}
	switch reported := p.Capabilities[key].(type) {
	case nil:
		return false
	case bool:
		return slices.Contains([]string{"1", "t", "true", "on", "y", "yes"}, strings.ToLower(strings.TrimSpace(value))) == reported
	default:
		return fmt.Sprint(reported) == value
	}
}

// Protocols is the storage protocol as the driver spells it, by pool; under the empty name that of the back end, for the
// pools that say nothing.
func Protocols(capabilities map[string]any) map[string]any {
	all := map[string]any{"": capabilities["storage_protocol"]}
	note := func(pool map[string]any) {
		name, _ := pool["pool_name"].(string)
		if p, ok := pool["storage_protocol"]; ok && p != nil && p != "" && name != "" {
			all[name] = p
		}
	}
	switch list := capabilities["pools"].(type) {
	case []map[string]any:
		for _, pool := range list {
			note(pool)
		}
	case []any:
		for _, e := range list {
			if pool, ok := e.(map[string]any); ok {
				note(pool)
			}
		}
	}
	return all
}
