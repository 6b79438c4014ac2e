package scheduler

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
)

// maxHintVolumes bounds how many volumes the hints of one request may name; the filters refuse what is not looked up.
const maxHintVolumes = 1000

// request is what decide needs to know of a volume and its type, for the given operation.
func (s *Scheduler) request(ctx context.Context, op snapshot.Operation, v *block.Volume) (*snapshot.Request, error) {
	r, _, err := s.requestAndType(ctx, op, v, nil)
	return r, err
}

// requestAndType is request with the type, which is nil if the volume has none. known is the type if it has been read already.
func (s *Scheduler) requestAndType(ctx context.Context, op snapshot.Operation, v *block.Volume, known *block.VolumeType) (*snapshot.Request, *block.VolumeType, error) {
	r := &snapshot.Request{
		Operation: op, VolumeID: v.ID, SizeGiB: v.SizeGiB, Multiattach: v.Multiattach, AttachStatus: v.AttachStatus,
		AvailabilityZone: v.AvailabilityZone, UserID: v.UserID, ProjectID: v.ProjectID,
		VolumeProperties: snapshot.Properties(v),
	}
	if v.VolumeTypeID == "" {
		return r, nil, nil
	}
	t := known
	if t == nil || t.ID != v.VolumeTypeID {
		var err error
		if t, err = s.store.VolumeType(ctx, v.VolumeTypeID, ""); err != nil {
			return nil, nil, err
		}
	}
	r.TypeName, r.ExtraSpecs = t.Name, t.ExtraSpecs
	if t.QoSSpecsID == "" {
		return r, t, nil
	}
	q, err := s.store.QoSSpecs(ctx, t.QoSSpecsID)
	switch {
	case fault.Is(err, fault.NotFound):
		return r, t, nil
	case err != nil:
		return nil, nil, err
	}
	r.QoSSpecs = make(map[string]any, len(q.Specs))
	for key, value := range q.Texts() {
		r.QoSSpecs[key] = value
	}
	if len(r.QoSSpecs) > 0 { // upstream passes none rather than empty ones
		r.VolumeProperties["qos_specs"] = r.QoSSpecs
	}
	return r, t, nil
}

// volumeHosts looks up, in one query, where the volumes live that the hints same_host and different_host name. A user's
// hints see the user's own volumes only, so that nobody learns from a placement where others' are.
func (s *Scheduler) volumeHosts(ctx context.Context, hints map[string]any, projectID string) (map[string]block.Host, error) {
	ids := append(hintedVolumes(hints["same_host"]), hintedVolumes(hints["different_host"])...)
	if len(ids) == 0 {
		return nil, nil
	}
	if reqctx.From(ctx).IsAdmin {
		projectID = ""
	}
	volumes, err := s.store.Volumes(ctx, store.VolumeQuery{IDs: ids[:min(len(ids), maxHintVolumes)], ProjectID: projectID})
	if err != nil {
		return nil, err
	}
	hosts := make(map[string]block.Host, len(volumes))
	for _, v := range volumes {
		hosts[v.ID] = v.Host
		if v.ClusterName != "" {
			hosts[v.ID] = block.Host(v.ClusterName)
		}
	}
	return hosts, nil
}

// hintedVolumes are the ids in a hint: one, or a list. Whether they are ids at all is the filters' to say.
func hintedVolumes(hint any) []string {
	switch v := hint.(type) {
	case string:
		return []string{v}
	case []string:
		return append([]string(nil), v...)
	case []any:
		var ids []string
		for _, e := range v {
			if id, ok := e.(string); ok {
				ids = append(ids, id)
			}
		}
		return ids
	}
	return nil
}
