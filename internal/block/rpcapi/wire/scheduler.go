package wire

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/arguments"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/objects"
	vo "github.com/clinker/clinker/internal/oslo/versionedobjects"
)

// schedulerMethods are those of cinder/scheduler/rpcapi.py that there are messages for.
func schedulerMethods() map[string]method {
	methods := map[string]method{
		rpcapi.MethodCreateVolume: takes("3.0", encodeScheduling, decodeScheduling),
		rpcapi.MethodCreateSnapshot: takes("3.0", func(e *arguments.Encoder, m *rpcapi.CreateSnapshot) {
			e.Flow(m.FlowID)
			s := e.SetSnapshot("snapshot", m.SnapshotID)
			v, t := e.Volume(s.VolumeID)
			e.SetObject("volume", objects.Volume(v, t))
			spec := vo.New("RequestSpec")
			spec.Set("snapshot_id", s.ID)
			spec.Set("volume_properties", objects.SizeOnly(v.SizeGiB))
			e.SetObject("request_spec", spec)
			e.SetAll(map[string]any{"backend": arguments.OrNull(queueOf(v)), "filter_properties": nil})
		}, func(d *arguments.Decoder, m *rpcapi.CreateSnapshot) {
			m.FlowID, m.SnapshotID = d.Flow(), d.ID("snapshot", "Snapshot")
		}),
		rpcapi.MethodExtendVolume: takes("3.0", func(e *arguments.Encoder, m *rpcapi.ExtendVolume) {
			e.Flow(m.FlowID)
			v, t := e.Volume(m.VolumeID)
			v.SizeGiB = m.OldSizeGiB
			e.SetAll(map[string]any{"new_size": m.NewSizeGiB, "reservations": arguments.NotNull(m.Reservations), "request_spec": plainSpec(e, v, t, t), "filter_properties": nil})
			e.SetObject("volume", objects.Volume(v, t))
		}, decodeExtension),
		rpcapi.MethodCreateGroup:          takes("3.0", encodeGroupScheduling, decodeGroup),
		rpcapi.MethodValidateHostCapacity: validateHostCapacity(),
		rpcapi.MethodGetPools:             getPools(),
		rpcapi.MethodCreateBackup:         takes("3.0", encodeBackupTask, decodeBackupTask),
		rpcapi.MethodUpdateServiceCapabilities: takes("3.3", func(e *arguments.Encoder, m *rpcapi.ServiceCapabilities) {
			e.SetAll(map[string]any{"service_name": m.ServiceName, "host": m.Host, "capabilities": m.Capabilities,
				"cluster_name": arguments.OrNull(m.ClusterName), "timestamp": m.Timestamp.UTC().Format(arguments.TimestampLayout)})
		}, func(d *arguments.Decoder, m *rpcapi.ServiceCapabilities) {
			*m = rpcapi.ServiceCapabilities{ServiceName: d.Text("service_name"), Host: d.Text("host"), Capabilities: d.Dict("capabilities"),
				ClusterName: d.Text("cluster_name"), Timestamp: timestamp(d)}
		}),
		rpcapi.MethodNotifyServiceCapabilities: takes("3.5", func(e *arguments.Encoder, m *rpcapi.NotifyCapabilities) {
			e.SetAll(map[string]any{"service_name": m.ServiceName, "backend": m.Backend, "capabilities": m.Capabilities,
				"timestamp": m.Timestamp.UTC().Format(arguments.TimestampLayout)})
		}, func(d *arguments.Decoder, m *rpcapi.NotifyCapabilities) {
			*m = rpcapi.NotifyCapabilities{ServiceName: d.Text("service_name"), Backend: d.Text("backend"), Capabilities: d.Dict("capabilities"), Timestamp: timestamp(d)}
		}),
	}
	maps.Copy(methods, schedulerMoves())
	return methods
}

// schedulerMoves are those about volumes that are there already and get another place, type or owner of their bytes.
func schedulerMoves() map[string]method {
	return map[string]method{
		rpcapi.MethodRetype: takes("3.0", func(e *arguments.Encoder, m *rpcapi.Retype) {
			e.Flow(m.FlowID)
			v, old := beforeRetype(e, m)
			to := e.VolumeType(m.NewTypeID)
			spec := plainSpec(e, v, old, to)
			spec["migration_policy"], spec["quota_reservations"], spec["old_reservations"] = policy(m.OnDemand), m.Reservations, m.OldReservations
			spec["availability_zones"] = []string{v.AvailabilityZone}
			if to != nil {
				if zones, limited := to.Zones(); limited {
					spec["availability_zones"] = arguments.NotNull(zones)
				}
			}
			e.SetAll(map[string]any{"request_spec": spec, "filter_properties": map[string]any{}})
			e.SetObject("volume", objects.Volume(v, old))
		}, func(d *arguments.Decoder, m *rpcapi.Retype) {
			spec, v := d.Spec("request_spec"), d.Object("volume", "Volume")
			*m = rpcapi.Retype{FlowID: d.Flow(), VolumeID: v.Text("id"), OldTypeID: v.Text("volume_type_id"), OldMultiattach: v.Bool("multiattach"),
				NewTypeID: spec.Dict("volume_type").Text("id"), OnDemand: spec.Text("migration_policy") == onDemand,
				Reservations: spec.Texts("quota_reservations"), OldReservations: spec.Texts("old_reservations")}
			if m.NewTypeID == "" {
				d.Refuse("request_spec", "names no volume type")
			}
		}),
		rpcapi.MethodMigrateVolume: takes("3.3", func(e *arguments.Encoder, m *rpcapi.MigrateVolume) {
			e.Flow(m.FlowID)
			v, t := e.Volume(m.VolumeID)
			e.SetAll(map[string]any{"backend": string(m.Host), "force_copy": m.ForceHostCopy, "request_spec": plainSpec(e, v, t, t), "filter_properties": nil})
			e.SetObject("volume", objects.Volume(v, t))
		}, func(d *arguments.Decoder, m *rpcapi.MigrateVolume) {
			*m = rpcapi.MigrateVolume{FlowID: d.Flow(), VolumeID: d.ID("volume", "Volume"), Host: block.Host(d.Required("backend")), ForceHostCopy: d.Flag("force_copy")}
		}),
		rpcapi.MethodManageExisting: takes("3.0", func(e *arguments.Encoder, m *rpcapi.ManageExisting) {
			e.Flow(m.FlowID)
			v, t := e.Volume(m.VolumeID)
			spec := plainSpec(e, v, t, t)
			spec["ref"] = m.Reference
			e.SetAll(map[string]any{"request_spec": spec, "filter_properties": nil})
			e.SetObject("volume", objects.Volume(v, t))
		}, func(d *arguments.Decoder, m *rpcapi.ManageExisting) {
			*m = rpcapi.ManageExisting{FlowID: d.Flow(), VolumeID: d.ID("volume", "Volume"), Reference: d.Spec("request_spec").Dict("ref")}
		}),
		rpcapi.MethodManageExistingSnapshot: takes("3.0", func(e *arguments.Encoder, m *rpcapi.ManageExistingSnapshot) {
			e.Flow(m.FlowID)
			s := e.SetSnapshot("snapshot", m.SnapshotID)
			v, t := e.Volume(s.VolumeID)
			e.SetObject("volume", objects.Volume(v, t))
			e.SetAll(map[string]any{"ref": m.Reference, "filter_properties": nil, "request_spec": map[string]any{"snapshot_id": s.ID,
				"volume_properties": map[string]any{"size": v.SizeGiB}, "resource_properties": map[string]any{"size": v.SizeGiB}}})
		}, decodeManageSnapshot),
	}
}

// queueOf is a volume's back end as upstream addresses it: its cluster's, or its host's.
func queueOf(v *block.Volume) string {
	if v.ClusterName != "" {
		return v.ClusterName
	}
	return string(v.Host)
}

// timestamp is when a report was made; a missing one is now, as upstream has it.
func timestamp(d *arguments.Decoder) time.Time {
	s := d.Text("timestamp")
	if s == "" {
		return time.Now().UTC()
	}
	for _, layout := range [...]string{arguments.TimestampLayout, time.RFC3339Nano, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	d.Refuse("timestamp", "is no time")
	return time.Time{}
}

// onDemand is the migration policy that lets a volume be moved because of its new type.
const onDemand = "on-demand"

func policy(moves bool) string {
	if moves {
		return onDemand
	}
	return "never"
}

// beforeRetype is a volume, with its type, as it was before its retype: our row has the new type already.
func beforeRetype(e *arguments.Encoder, m *rpcapi.Retype) (*block.Volume, *block.VolumeType) {
	v, t := e.Volume(m.VolumeID)
	if v.VolumeTypeID != m.OldTypeID {
		t = e.VolumeType(m.OldTypeID)
	}
	v.VolumeTypeID, v.Multiattach = m.OldTypeID, m.OldMultiattach
	return v, t
}

// plainSpec is a request_spec in the form of a dictionary, which upstream makes of a volume and of the type it has, or is
// to have.
func plainSpec(e *arguments.Encoder, v *block.Volume, t, asked *block.VolumeType) map[string]any {
	spec := map[string]any{"volume_id": v.ID, "volume_type": map[string]any{}}
	properties := arguments.JSONOf(objects.Volume(v, t))
	properties["name_id"] = v.BackendID()
	if qos := e.QoS(asked); len(qos) > 0 {
		properties["qos_specs"] = qos
	}
	spec["volume_properties"] = properties
	if asked != nil {
		spec["volume_type"] = typeDict(asked)
	}
	return spec
}

// typeDict is a type as upstream's database layer has it.
func typeDict(t *block.VolumeType) map[string]any {
	m := arguments.JSONOf(objects.VolumeType(t))
	delete(m, "projects")
	return m
}

func decodeExtension(d *arguments.Decoder, m *rpcapi.ExtendVolume) {
	v := d.Object("volume", "Volume")
	*m = rpcapi.ExtendVolume{FlowID: d.Flow(), VolumeID: v.Text("id"), OldSizeGiB: v.Int("size"), NewSizeGiB: d.Number("new_size"), Reservations: d.Texts("reservations")}
}

// encodeScheduling writes create_volume to a scheduler.
func encodeScheduling(e *arguments.Encoder, m *rpcapi.CreateVolume) {
	r := &m.Request
	encodeCreation(e, m)
	e.SetAll(map[string]any{"snapshot_id": arguments.OrNull(r.SnapshotID), "image_id": arguments.OrNull(r.ImageID), "backup_id": arguments.OrNull(r.BackupID),
		"filter_properties": filterProperties(r)})
}

// creationMore is what a create_volume says to a Clinker beside the arguments.
type creationMore struct {
	BackupHost string `json:"backup_host,omitempty"`
}

// encodeCreation writes what the two services have in common, and gives the volume.
func encodeCreation(e *arguments.Encoder, m *rpcapi.CreateVolume) *block.Volume {
	e.Flow(m.FlowID)
	e.AtHand = m.AtHand
	r := &m.Request
	if r.BackupHost != "" {
		e.More(creationMore{r.BackupHost})
	}
	v, t := e.Volume(m.VolumeID)
	o := objects.Volume(v, t)
	e.SetObject("volume", o)
	spec := vo.New("RequestSpec")
	for name, id := range map[string]string{"consistencygroup_id": v.ConsistencyGroupID, "group_id": v.GroupID, "cgsnapshot_id": "", "image_id": r.ImageID,
		"snapshot_id": r.SnapshotID, "source_volid": r.SourceVolumeID, "volume_id": v.ID, "backup_id": r.BackupID} {
		spec.Set(name, arguments.OrNull(id))
	}
	if r.PinnedBackend != "" {
		spec.Set("resource_backend", string(r.PinnedBackend))
	}
	spec.Set("volume", o)
	spec.Set("volume_type", nil)
	if t != nil {
		spec.Set("volume_type", objects.VolumeType(t))
	}
	properties := objects.Properties(v, e.QoS(t))
	properties.Set("availability_zone", arguments.OrNull(r.AvailabilityZone))
	spec.Set("volume_properties", properties)
	spec.Set("availability_zones", nil)
	if r.Zones != nil {
		spec.Set("availability_zones", r.Zones)
	} else if r.AvailabilityZone != "" {
		spec.Set("availability_zones", []string{r.AvailabilityZone})
	}
	e.SetObject("request_spec", spec)
	return v
}

// filterProperties are a request's hints, and what earlier attempts came to.
func filterProperties(r *rpcapi.CreateRequest) map[string]any {
	p := map[string]any{}
	if len(r.Hints) > 0 {
		p["scheduler_hints"] = r.Hints
	}
	if r.Attempts > 0 {
		tried := make([]string, 0, len(r.Tried))
		for _, h := range r.Tried {
			tried = append(tried, string(h))
		}
		retry := map[string]any{"num_attempts": r.Attempts, "hosts": tried, "backends": tried}
		if r.LastError != "" {
			retry["exc"] = []string{r.LastError}
		}
		p["retry"] = retry
	}
	return p
}

func decodeScheduling(d *arguments.Decoder, m *rpcapi.CreateVolume) {
	m.AtHand.Volume, m.AtHand.Type = decodeCreation(d, m)
	r := &m.Request
	for name, id := range map[string]*string{"snapshot_id": &r.SnapshotID, "image_id": &r.ImageID, "backup_id": &r.BackupID} {
		if given := d.Text(name); given != "" {
			*id = given
		}
	}
	r.Host = "" // it is to be found
}

// decodeCreation reads what the two services have in common, and gives the rows as the sender had them; nil if it had not all of
// them. A request_spec that is missing is made of the volume, as upstream makes it.
func decodeCreation(d *arguments.Decoder, m *rpcapi.CreateVolume) (*block.Volume, *block.VolumeType) {
	v, spec, filters := d.Object("volume", "Volume"), d.Spec("request_spec"), d.Dict("filter_properties")
	m.FlowID, m.VolumeID = d.Flow(), v.Text("id")
	m.Request = rpcapi.CreateRequest{VolumeID: m.VolumeID, SnapshotID: spec.Text("snapshot_id"), SourceVolumeID: spec.Text("source_volid"),
		ImageID: spec.Text("image_id"), BackupID: spec.Text("backup_id"), AvailabilityZone: spec.Dict("volume_properties").Text("availability_zone"),
		Zones: spec.Texts("availability_zones"), Hints: filters.Dict("scheduler_hints"), PinnedBackend: block.Host(spec.Text("resource_backend")),
		Host: block.Host(v.Text("host"))}
	r := &m.Request
	if spec == nil {
		r.AvailabilityZone, r.SnapshotID, r.SourceVolumeID = v.Text("availability_zone"), v.Text("snapshot_id"), v.Text("source_volid")
	}
	if slices.Equal(r.Zones, []string{r.AvailabilityZone}) {
		r.Zones = nil // upstream says twice what the user asked for
	}
	retry := filters.Dict("retry")
	r.Attempts = int(min(max(retry.Number("num_attempts"), 0), 1000))
	tried := retry.Texts("backends")
	if tried == nil {
		tried = retry.Texts("hosts")
	}
	for _, h := range tried {
		r.Tried = append(r.Tried, block.Host(h))
	}
	r.LastError = lastLine(retry["exc"])
	var more creationMore
	d.More(&more)
	r.BackupHost = more.BackupHost
	if r.BackupID != "" && r.BackupHost == "" && d.Err == nil {
		b, err := d.Store.Backup(d.Context, r.BackupID, "")
		if err != nil {
			d.Fail(err)
			return nil, nil
		}
		r.BackupHost = b.Host
	}
	if d.Err != nil {
		return nil, nil
	}
	return objects.ReadVolume(v)
}

// lastLine is what went wrong in an earlier attempt: of a traceback its last line, at most some hundred characters.
func lastLine(exc any) string {
	const most = 500
	lines := arguments.Dict{"exc": exc}.Texts("exc")
	text := arguments.Dict{"exc": exc}.Text("exc")
	if len(lines) > 0 {
		text = lines[len(lines)-1]
	}
	if text = strings.TrimSpace(text); len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return text
}

func validateHostCapacity() method {
	m := takes("3.0", func(e *arguments.Encoder, m *rpcapi.ValidateHostCapacity) {
		spec := vo.New("RequestSpec")
		spec.Set("volume_properties", objects.SizeOnly(m.SizeGiB))
		e.SetObject("request_spec", spec)
		e.SetAll(map[string]any{"backend": string(m.Host), "filter_properties": nil})
	}, func(d *arguments.Decoder, m *rpcapi.ValidateHostCapacity) {
		*m = rpcapi.ValidateHostCapacity{Host: block.Host(d.Required("backend")), SizeGiB: d.Spec("request_spec").Dict("volume_properties").Number("size")}
	})
	return answering(m, func(e *arguments.Encoder, r *rpcapi.HostCapacity) any {
		if r.Reason != "" {
			e.More(r.Reason)
		}
		return r.Enough
	}, func(d *arguments.Decoder, r *rpcapi.HostCapacity) {
		r.Enough = d.Flag(arguments.Answer)
		if !d.More(&r.Reason) && !r.Enough {
			r.Reason = "No valid backend was found. The back end has no room for it."
		}
	})
}

func getPools() method {
	m := takes("3.0", func(e *arguments.Encoder, m *rpcapi.GetPools) {
		e.Set("filters", nil)
		if m.Filters != nil {
			e.Set("filters", m.Filters)
		}
	}, func(d *arguments.Decoder, m *rpcapi.GetPools) {
		filters := d.Dict("filters")
		if filters == nil {
			return
		}
		m.Filters = make(map[string]string, len(filters))
		for name, v := range filters {
			m.Filters[name] = textOf(v)
		}
	})
	return answering(m, func(_ *arguments.Encoder, r *rpcapi.PoolsReply) any {
		list := make([]any, 0, len(r.Pools))
		for _, p := range r.Pools {
			list = append(list, map[string]any{"name": string(p.Name), "capabilities": p.Capabilities})
		}
		return list
	}, func(d *arguments.Decoder, r *rpcapi.PoolsReply) {
		r.Pools = []rpcapi.PoolInfo{}
		for _, p := range d.Dicts(arguments.Answer) {
			r.Pools = append(r.Pools, rpcapi.PoolInfo{Name: block.Host(arguments.Dict(p).Text("name")), Capabilities: arguments.Dict(p).Dict("capabilities")})
		}
	})
}
