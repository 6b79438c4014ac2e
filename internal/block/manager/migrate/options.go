package migrate

import (
	"time"

	"github.com/clinker/clinker/internal/oslo/config"
)

var createTimeout = config.Seconds("DEFAULT", "migration_create_volume_timeout_secs", 5*time.Minute,
	"How many seconds another back end may take to make the volume that a migrated one is copied to.", config.Min(1))

// ConfigOptions are the options of migrations.
func ConfigOptions() []config.Option { return []config.Option{createTimeout} }

// CreateTimeout is what the configuration says of Options.CreateTimeout.
func CreateTimeout(c *config.Config) time.Duration { return createTimeout.Get(c) }
