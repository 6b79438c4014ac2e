package scheduler

import (
	"strings"
	"time"

	"github.com/clinker/clinker/internal/block/scheduler/decide"
	"github.com/clinker/clinker/internal/block/scheduler/decide/filters"
	"github.com/clinker/clinker/internal/block/scheduler/decide/weighers"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/config"
)

// handles are the scheduler's own options in cinder.conf. Those it shares with other services (host, report_interval,
// service_down_time, ...) are whoever's that puts the process together.
type handles struct {
	filters, weighers   config.Handle[[]string]
	handler             config.Handle[string]
	maxAttempts         config.Handle[int]
	initWait, reap      config.Handle[time.Duration]
	capacity, allocated config.Handle[float64]
	volumeNumber        config.Handle[float64]
}

func declare() handles {
	const group = config.DefaultGroup
	d := decide.DefaultOptions()
	return handles{
		filters: config.List(group, "scheduler_default_filters", d.Filters,
			"The filters that a pool must pass to be chosen, in the order in which they are asked."),
		weighers: config.List(group, "scheduler_default_weighers", d.Weighers,
			"The weighers that put the pools which passed in order."),
		handler: config.String(group, "scheduler_weight_handler", "cinder.scheduler.weights."+d.Handler,
			"What is made of the weights: the best pool is chosen (OrderedHostWeightHandler), or one by chance, "+
				"a better one more likely (StochasticHostWeightHandler)."),
		maxAttempts: config.Int(group, "scheduler_max_attempts", d.MaxAttempts,
			"How many back ends may be tried for one volume before it is given up.", config.Min(1)),
		initWait: config.Seconds(group, "scheduler_driver_init_wait_time", time.Minute,
			"How long after its start the scheduler waits at most for the back ends to report before it schedules.", config.Min(1)),
		reap: config.Seconds(group, "message_reap_interval", 24*time.Hour,
			"How many seconds lie between one removal of expired user messages and the next.", config.Min(1)),
		capacity: config.Float(group, "capacity_weight_multiplier", d.Multipliers.Capacity,
			"How much CapacityWeigher counts. A negative number fills one pool before the next."),
		allocated: config.Float(group, "allocated_capacity_weight_multiplier", d.Multipliers.AllocatedCapacity,
			"How much AllocatedCapacityWeigher counts. A positive number fills one pool before the next."),
		volumeNumber: config.Float(group, "volume_number_multiplier", d.Multipliers.VolumeNumber,
			"How much VolumeNumberWeigher counts. A positive number fills one pool before the next."),
	}
}

// Configuration is the scheduler's own options: Options to be loaded, and what they say once they are.
type Configuration struct{ handles handles }

// NewConfiguration declares the options.
func NewConfiguration() Configuration { return Configuration{declare()} }

// Options are the options for config.Load, the sample file and the reference page.
func (c Configuration) Options() []config.Option {
	h := c.handles
	return []config.Option{h.filters, h.weighers, h.handler, h.maxAttempts, h.initWait, h.reap, h.capacity, h.allocated, h.volumeNumber}
}

// Read fills Decide and InitWait of o from the configuration. A filter, weigher or handler that is not known is a
// fault.Invalid that says where it was written and what there is.
func (c Configuration) Read(from *config.Config, o *Options) error {
	h := c.handles
	o.InitWait, o.MessageReapInterval = h.initWait.Get(from), h.reap.Get(from)
	o.Decide = &decide.Options{
		Filters: h.filters.Get(from), Weighers: h.weighers.Get(from), Handler: h.handler.Get(from),
		MaxAttempts: h.maxAttempts.Get(from),
		Multipliers: weighers.Multipliers{Capacity: h.capacity.Get(from), AllocatedCapacity: h.allocated.Get(from),
			VolumeNumber: h.volumeNumber.Get(from)},
	}
	if _, err := filters.Select(o.Decide.Filters); err != nil {
		return h.filters.Refuse(from, "", fault.UserText(err), strings.Join(filters.Names(), ", "))
	}
	if _, err := weighers.Select(o.Decide.Weighers); err != nil {
		return h.weighers.Refuse(from, "", fault.UserText(err), strings.Join(weighers.Names(), ", "))
	}
	if _, err := weighers.SelectHandler(o.Decide.Handler); err != nil {
		return h.handler.Refuse(from, "", fault.UserText(err), strings.Join(weighers.HandlerNames(), ", "))
	}
	return nil
}
