package backup

import (
	"slices"
	"time"

	"github.com/clinker/clinker/internal/oslo/config"
)

// Configuration is the service's options.
type Configuration struct {
	maxOperations        config.Handle[int]
	checkInterval, timer config.Handle[time.Duration]
	progress             config.Handle[bool]
	ignored              []config.Option
}

// NewConfiguration declares them.
func NewConfiguration() Configuration {
	def := config.DefaultGroup
	return Configuration{
		maxOperations: config.Int(def, "backup_max_operations", 15, "How many backups this service makes or restores at once; 0 means no limit.", config.Min(0)),
		checkInterval: config.Seconds(def, "backup_driver_stats_polling_interval", time.Minute,
			"Seconds between two checks whether the repository works. While it does not, the service looks down.", config.Min(10),
			config.Deprecated("", "backup_driver_status_check_interval")),
		progress: config.Bool(def, "backup_enable_progress_timer", true, "Whether it is told from time to time how far a backup is."),
		timer:    config.Seconds(def, "backup_timer_interval", 2*time.Minute, "Seconds between two of these notifications.", config.Min(1)),
		ignored: slices.Concat(
			config.Ignored(def, "one process does the work of all workers", "backup_workers"),
			config.Ignored(def, "there is no pool of threads to size", "backup_native_threads_pool_size"),
			config.Ignored(def, "what a start finds half done never keeps it from starting", "backup_service_inithost_offload"),
			config.Ignored(def, "backup_driver_stats_polling_interval is that, too", "backup_driver_init_check_interval")),
	}
}

// Options are all of them.
func (c Configuration) Options() []config.Option {
	return append([]config.Option{c.maxOperations, c.checkInterval, c.progress, c.timer}, c.ignored...)
}

// noProgress is so long that nobody is told.
const noProgress = 1 << 62

// Read writes what they say into a service's options.
func (c Configuration) Read(conf *config.Config, o *Options) {
	o.MaxOperations, o.CheckInterval, o.ProgressEvery = c.maxOperations.Get(conf), c.checkInterval.Get(conf), c.timer.Get(conf)
	if !c.progress.Get(conf) {
		o.ProgressEvery = noProgress
	}
}
