package operators

import (
	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/arguments"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/objects"
	vo "github.com/clinker/clinker/internal/oslo/versionedobjects"
)

// cleanupArguments are those of work_cleanup and do_cleanup.
func cleanupArguments(version string) arguments.Method {
	return arguments.Takes(version, func(e *arguments.Encoder, m *rpcapi.CleanupRequest) {
		o := vo.New("CleanupRequest")
		for name, text := range map[string]string{"cluster_name": m.ClusterName, "host": m.Host, "binary": m.Binary, "resource_id": m.ResourceID,
			"resource_type": m.ResourceType} {
			o.Set(name, arguments.OrNull(text))
		}
		for name, flag := range map[string]*bool{"is_up": m.Up, "disabled": m.Disabled} {
			o.Set(name, nil)
			if flag != nil {
				o.Set(name, *flag)
			}
		}
		o.Set("service_id", nil)
		if m.ServiceID != 0 {
			o.Set("service_id", m.ServiceID)
		}
		o.Set("until", nil)
		if !m.Until.IsZero() {
			o.Set("until", m.Until)
		}
		e.SetObject("cleanup_request", o)
	}, func(d *arguments.Decoder, m *rpcapi.CleanupRequest) {
		o := d.Object("cleanup_request", "CleanupRequest")
		*m = rpcapi.CleanupRequest{ServiceID: o.Int("service_id"), ClusterName: o.Text("cluster_name"), Host: o.Text("host"), Binary: o.Text("binary"),
			ResourceID: o.Text("resource_id"), ResourceType: o.Text("resource_type"), Until: o.Time("until")}
		for name, flag := range map[string]**bool{"is_up": &m.Up, "disabled": &m.Disabled} {
			if o != nil && o.Data[name] != nil {
				*flag = new(o.Bool(name))
			}
		}
	})
}

// workCleanup is the request to a scheduler, which answers with two lists of services.
func workCleanup() arguments.Method {
	return arguments.Answering(cleanupArguments("3.4"), func(e *arguments.Encoder, r *rpcapi.WorkCleanup) any {
		lists := []any{[]any{}, []any{}}
		for i, services := range [][]*block.Service{r.Cleaning, r.Unavailable} {
			list := make([]any, 0, len(services))
			for _, s := range services {
				list = append(list, e.Object(objects.Service(s)))
			}
			lists[i] = list
		}
		return lists
	}, func(d *arguments.Decoder, r *rpcapi.WorkCleanup) {
		lists, _ := d.Args[arguments.Answer].([]any)
		if len(lists) != 2 {
			d.Refuse(arguments.Answer, "is not two lists of services")
			return
		}
		r.Cleaning, r.Unavailable = servicesOf(d, lists[0]), servicesOf(d, lists[1])
	})
}

// servicesOf are the services in a list, as far as an answer to a user needs them.
func servicesOf(d *arguments.Decoder, list any) []*block.Service {
	d.Args[arguments.Answer] = list
	var found []*block.Service
	for _, entry := range d.Dicts(arguments.Answer) {
		d.Args[arguments.Answer] = entry
		if o := d.Object(arguments.Answer, "Service"); o != nil {
			found = append(found, &block.Service{ID: o.Int("id"), UUID: o.Text("uuid"), Host: o.Text("host"), Binary: o.Text("binary"),
				ClusterName: o.Text("cluster_name"), Topic: o.Text("topic"), AvailabilityZone: o.Text("availability_zone"), Disabled: o.Bool("disabled")})
		}
	}
	return found
}
