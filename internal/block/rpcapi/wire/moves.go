package wire

import (
	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/arguments"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/objects"
)

// moveMethods are those about volumes that change their type or their place.
func moveMethods() map[string]method {
	return map[string]method{
		rpcapi.MethodRetype: takes("3.5", func(e *arguments.Encoder, m *rpcapi.Retype) {
			e.Flow(m.FlowID)
			v, t := beforeRetype(e, m)
			e.SetObject("volume", objects.Volume(v, t))
			setDestination(e, m.Destination)
			e.SetAll(map[string]any{"new_type_id": m.NewTypeID, "migration_policy": policy(m.OnDemand), "reservations": m.Reservations,
				"old_reservations": m.OldReservations})
		}, func(d *arguments.Decoder, m *rpcapi.Retype) {
			v := d.Object("volume", "Volume")
			*m = rpcapi.Retype{FlowID: d.Flow(), VolumeID: v.Text("id"), OldTypeID: v.Text("volume_type_id"), OldMultiattach: v.Bool("multiattach"),
				NewTypeID: d.Required("new_type_id"), OnDemand: d.Text("migration_policy") == onDemand, Destination: destination(d),
				Reservations: d.Texts("reservations"), OldReservations: d.Texts("old_reservations")}
		}),
		rpcapi.MethodMigrateVolume: takes("3.5", func(e *arguments.Encoder, m *rpcapi.MigrateVolume) {
			e.Flow(m.FlowID)
			e.SetVolume("volume", m.VolumeID)
			setDestination(e, m.Destination)
			e.Set("force_host_copy", m.ForceHostCopy)
		}, func(d *arguments.Decoder, m *rpcapi.MigrateVolume) {
			*m = rpcapi.MigrateVolume{FlowID: d.Flow(), VolumeID: d.ID("volume", "Volume"), ForceHostCopy: d.Flag("force_host_copy"), Destination: destination(d)}
			m.Host = m.Destination.Host
		}),
		rpcapi.MethodMigrateVolumeCompletion: answering(takes("3.0", func(e *arguments.Encoder, m *rpcapi.MigrateVolumeCompletion) {
			e.SetVolume("volume", m.VolumeID)
			e.SetVolume("new_volume", m.NewVolumeID)
			e.Set("error", m.Failed)
		}, func(d *arguments.Decoder, m *rpcapi.MigrateVolumeCompletion) {
			*m = rpcapi.MigrateVolumeCompletion{VolumeID: d.ID("volume", "Volume"), NewVolumeID: d.ID("new_volume", "Volume"), Failed: d.Flag("error")}
		}), func(_ *arguments.Encoder, id *string) any { return *id }, func(d *arguments.Decoder, id *string) { *id = d.Text(arguments.Answer) }),
		rpcapi.MethodUpdateMigratedVolume: takes("3.0", func(e *arguments.Encoder, m *rpcapi.UpdateMigratedVolume) {
			e.Flow(m.FlowID)
			v, t := e.Volume(m.VolumeID)
			e.SetObject("volume", objects.Volume(v, t))
			e.SetVolume("new_volume", m.LeftoverID)
			e.Set("volume_status", arguments.OrNull(v.PreviousStatus))
			e.More(arrivalMore{string(m.SourceHost), m.Retyped})
		}, func(d *arguments.Decoder, m *rpcapi.UpdateMigratedVolume) {
			*m = rpcapi.UpdateMigratedVolume{FlowID: d.Flow(), VolumeID: d.ID("volume", "Volume"), LeftoverID: d.ID("new_volume", "Volume")}
			var more arrivalMore
			d.More(&more)
			m.SourceHost, m.Retyped = block.Host(more.SourceHost), more.Retyped
		}),
	}
}

// arrivalMore is what an update_migrated_volume says to a Clinker beside the arguments. Python's means something else by
// this method: there it is a question to the back end, and the leftover's host sees to the rest.
type arrivalMore struct {
	SourceHost string `json:"source_host"`
	Retyped    bool   `json:"retyped,omitempty"`
}

// setDestination writes the place that a scheduler chose.
func setDestination(e *arguments.Encoder, p rpcapi.Destination) {
	e.Set("host", map[string]any{"host": string(p.Host), "cluster_name": arguments.OrNull(p.ClusterName), "capabilities": p.Capabilities})
	if p.AvailabilityZone != "" {
		e.More(destinationMore{p.AvailabilityZone})
	}
}

// destinationMore is what a destination says to a Clinker beside the arguments.
type destinationMore struct {
	AvailabilityZone string `json:"availability_zone"`
}

// destination reads the place; of a Python scheduler's choice its service's row says which zone it is in.
func destination(d *arguments.Decoder) rpcapi.Destination {
	host := d.Dict("host")
	p := rpcapi.Destination{Host: block.Host(host.Text("host")), ClusterName: host.Text("cluster_name"), Capabilities: host.Dict("capabilities")}
	if p.Host == "" {
		d.Refuse("host", "names no back end")
		return p
	}
	var more destinationMore
	if d.More(&more) || d.Err != nil {
		p.AvailabilityZone = more.AvailabilityZone
		return p
	}
	p.AvailabilityZone = d.Zone(p.Host)
	return p
}
