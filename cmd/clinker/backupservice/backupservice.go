// Package backupservice wires the backup service: which repositories there are, and what their options say.
//
// What must not live here: anything the service decides.
package backupservice

import (
	"context"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/backup"
	"github.com/clinker/clinker/internal/block/backup/repository"
	"github.com/clinker/clinker/internal/block/backup/repository/posix"
	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/run"
)

// Configuration is the options of the backup service and its repositories.
type Configuration struct {
	driver  config.Handle[string]
	service backup.Configuration
	posix   posix.Configuration
}

// NewConfiguration declares them.
func NewConfiguration() Configuration {
	return Configuration{
		driver:  config.String(config.DefaultGroup, "backup_driver", posix.Name, "The repository of backups, by short name (posix) or by upstream's class path."),
		service: backup.NewConfiguration(), posix: posix.NewConfiguration(),
	}
}

// Options are all of them.
func (c Configuration) Options() []config.Option {
	return slices.Concat([]config.Option{c.driver}, c.service.Options(), c.posix.Options())
}

// Repository makes the repository that the configuration names. Nothing is touched yet. A configuration that cannot be is
// refused.
func (c Configuration) Repository(conf *config.Config) (repository.Repository, error) {
	if name := c.driver.Get(conf); name != "posix" && !block.ServiceMatches(name, posix.Name) {
		return nil, c.driver.Refuse(conf, "", "there is no such repository", "posix, or "+posix.Name)
	}
	return posix.New(c.posix.Read(conf))
}

// Component is the service. o has what the process gives it; what the configuration says is added.
func (c Configuration) Component(conf *config.Config, o backup.Options) run.Component {
	c.service.Read(conf, &o)
	s := backup.New(o)
	return run.Component{Name: block.BinaryBackup, Start: func(ctx context.Context, _ func(error)) error { return s.Start(ctx) }, Stop: s.Stop}
}
