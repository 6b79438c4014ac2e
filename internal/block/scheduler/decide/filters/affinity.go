package filters

import (
	"slices"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
)

// The scheduler hints of this file's filters.
const (
	hintSameHost        = "same_host"
	hintDifferentHost   = "different_host"
	hintLocalToInstance = "local_to_instance"
)

// refuseAll refuses every pool for the same reason.
func refuseAll(reason string) (Check, error) {
	return func(*snapshot.Pool) string { return reason }, nil
}

// volumeIDs reads a hint that is a volume's id or a list of them. A hint with anything else in it is not readable: it is
// better to refuse than to place the volume as nobody meant it.
func volumeIDs(hints map[string]any, hint string) (ids []string, readable bool) {
	switch v := hints[hint].(type) {
	case nil:
		return nil, !has(hints, hint)
	case string:
		ids = []string{v}
	case []string:
		ids = v
	case []any:
		for _, e := range v {
			id, ok := e.(string)
			if !ok {
				return nil, false
			}
			ids = append(ids, id)
		}
	default:
		return nil, false
	}
	return ids, !slices.ContainsFunc(ids, func(id string) bool { return uuid.Validate(id) != nil })
}

func has(hints map[string]any, hint string) bool {
	_, ok := hints[hint]
	return ok
}

// holder finds one of the volumes that is on the pool.
func holder(r *snapshot.Request, ids []string, p *snapshot.Pool) (id string, found bool) {
	for _, id := range ids {
		if p.At(r.VolumeHosts[id]) {
			return id, true
		}
	}
	return "", false
}

// differentBackend refuses the pools of the volumes in the hint different_host.
func differentBackend(r *snapshot.Request) (Check, error) {
	ids, readable := volumeIDs(r.Hints, hintDifferentHost)
	switch {
	case !readable:
		return refuseAll("the scheduler hint different_host must be the id of a volume or a list of ids")
	case len(ids) == 0:
		return nil, nil
	}
	return func(p *snapshot.Pool) string {
		if id, found := holder(r, ids, p); found {
			return "volume " + id + " of the hint different_host is there"
		}
		return ""
	}, nil
}

// sameBackend refuses all pools but those of the volumes in the hint same_host.
func sameBackend(r *snapshot.Request) (Check, error) {
	ids, readable := volumeIDs(r.Hints, hintSameHost)
	switch {
	case !readable:
		return refuseAll("the scheduler hint same_host must be the id of a volume or a list of ids")
	case len(ids) == 0:
		return nil, nil
	}
	return func(p *snapshot.Pool) string {
		if _, found := holder(r, ids, p); found {
			return ""
		}
		return "none of the volumes of the hint same_host is there"
	}, nil
}

// instanceLocality refuses all pools but those on the machine where the instance of the hint local_to_instance runs.
func instanceLocality(r *snapshot.Request) (Check, error) {
	hint := r.Hints[hintLocalToInstance]
	if hint == nil || hint == "" {
		return nil, nil
	}
	id, ok := hint.(string)
	if !ok || uuid.Validate(id) != nil {
		return refuseAll("the scheduler hint local_to_instance must be the id of an instance")
	}
	node := r.InstanceHosts[id]
	if node == "" {
		return refuseAll("it is not known where instance " + id + " of the hint local_to_instance runs")
	}
	return func(p *snapshot.Pool) string {
		if p.ID().Node() == node {
			return ""
		}
		return "instance " + id + " of the hint local_to_instance runs elsewhere"
	}, nil
}
