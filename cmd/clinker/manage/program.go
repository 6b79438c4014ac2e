package manage

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/clinker/clinker/cmd/clinker/coordination"
	"github.com/clinker/clinker/cmd/clinker/database"
	"github.com/clinker/clinker/cmd/clinker/messagebus"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/app/maintenance"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/oslo/log"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// Declared is the options that a configuration may hold, and those of them that the actions heed.
type Declared struct {
	Options  []config.Option // all
	Database *database.Options
	Log      *log.Options
	Messages *messagebus.Options
	Locks    *coordination.Options
}

// Program is the process the actions run in.
type Program struct {
	// Declare is called when an action runs: a process that is a service does not want these options beside its own.
	Declare func() Declared

	Declared
	conf    *config.Config
	logger  *slog.Logger
	logFile io.Closer
}

// configure reads the configuration and opens the log.
func (p *Program) configure(src config.Sources) (err error) {
	p.Declared = p.Declare()
	if p.conf, err = config.Load(src, p.Options...); err != nil {
		return err
	}
	p.logger, _, p.logFile, err = p.Log.Open(p.conf, Name)
	return err
}

// open opens the database and makes a desk of it. With sync it makes or adopts the tables; else they stay as they are, and with
// checked have to be those this program works with. closed ends the use.
func (p *Program) open(ctx context.Context, out io.Writer, sync, checked bool) (desk maintenance.Desk, closed func() error, err error) {
	var s *sqlstore.Store
	if sync {
		s, err = p.Database.Open(ctx, p.conf, quota.OptionsFrom(p.conf).Limits(), p.logger)
	} else if s, err = p.Database.OpenAsIs(ctx, p.conf, p.logger); err == nil && checked {
		if err = s.Check(ctx); err != nil {
			err = errors.Join(err, s.Close())
		}
	}
	if err != nil {
		return desk, nil, errors.Join(err, p.logFile.Close())
	}
	desk = maintenance.Desk{Store: s, Quota: quota.New(quota.OptionsFrom(p.conf)), Out: out, Log: p.logger,
		Now: func() time.Time { return time.Now().UTC() }, DownTime: app.OptionsFrom(p.conf).ServiceDownTime}
	release := func() error { return nil }
	desk.Messages = func() (messaging.Client, error) {
		bus, err := p.Messages.Out(p.conf, s, p.logger)
		if err == nil {
			release = bus.Release
		}
		return bus, err
	}
	return desk, func() error { return errors.Join(release(), s.Close(), p.logFile.Close()) }, nil
}
