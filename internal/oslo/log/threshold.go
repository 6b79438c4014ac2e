package log

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/telemetry"
)

// Threshold is from which level on a program logs: one level for all, and others for some of its loggers. It may change while it is
// in use; the zero value is Info for all.
type Threshold struct {
	slog.LevelVar
	modules telemetry.ModuleLevels
}

// Reloaded are the names of the options that Apply goes by, as "[group] name".
func Reloaded() []string { return []string{"[DEFAULT] debug", "[DEFAULT] default_log_levels"} }

// Apply gives a threshold the levels that the options ask for. A level that there is not is a fault.Invalid, and changes nothing.
func (o *Options) Apply(c *config.Config, t *Threshold) error {
	modules, err := o.moduleLevels(c)
	if err != nil {
		return err
	}
	base := slog.LevelInfo
	if o.debug.Get(c) {
		base = slog.LevelDebug
	}
	t.Set(base)
	t.modules.Set(modules)
	return nil
}

// moduleLevels reads default_log_levels. What stands further behind counts before what it contradicts, as upstream.
func (o *Options) moduleLevels(c *config.Config) (map[string]slog.Level, error) {
	levels := map[string]slog.Level{}
	for _, pair := range o.levels.Get(c) {
		name, text, _ := strings.Cut(pair, "=")
		level, ok := pythonLevel(strings.TrimSpace(text))
		if !ok {
			return nil, o.levels.Refuse(c, "", fmt.Sprintf("%.100q names no level", pair), "name=LEVEL, with CRITICAL, ERROR, WARNING, INFO, DEBUG or a number of Python's")
		}
		name = strings.TrimSpace(name)
		if name == logger || strings.HasPrefix(name, logger+".") {
			levels[name] = level
		}
		for _, ours := range o.modules[name] {
			levels[ours] = level
		}
	}
	return levels, nil
}

// pythonLevel reads a level as Python's logging.setLevel takes it, in any case, or as a number.
func pythonLevel(text string) (level slog.Level, ok bool) {
	switch strings.ToUpper(text) {
	case "CRITICAL", "FATAL":
		return telemetry.LevelCritical, true
	case "WARN":
		return slog.LevelWarn, true
	case "NOTSET", "TRACE":
		return slog.LevelDebug, true
	}
	if number, err := strconv.Atoi(text); err == nil {
		for _, l := range []struct {
			upTo  int
			level slog.Level
		}{{10, slog.LevelDebug}, {20, slog.LevelInfo}, {30, slog.LevelWarn}, {40, slog.LevelError}} {
			if number <= l.upTo {
				return l.level, true
			}
		}
		return telemetry.LevelCritical, true
	}
	level, err := ParseLevel(text)
	return level, err == nil
}

// defaultLevels are oslo.log's (oslo_log/_options.py); most name libraries that are not here.
func defaultLevels() []string {
	return strings.Split("amqp=WARN,amqplib=WARN,boto=WARN,qpid=WARN,sqlalchemy=WARN,suds=INFO,oslo.messaging=INFO,oslo_messaging=INFO,iso8601=WARN,"+
		"requests.packages.urllib3.connectionpool=WARN,urllib3.connectionpool=WARN,websocket=WARN,requests.packages.urllib3.util.retry=WARN,"+
		"urllib3.util.retry=WARN,keystonemiddleware=WARN,routes.middleware=WARN,stevedore=WARN,taskflow=WARN,keystoneauth=WARN,oslo.cache=INFO,"+
		"oslo_policy=INFO,dogpile.core.dogpile=INFO", ",")
}

// withLibraries are modules, and the loggers that do what those of OpenStack's libraries did.
func withLibraries(modules map[string][]string) map[string][]string {
	all := map[string][]string{
		"castellan":          {"clinker.keymanager"},
		"glanceclient":       {"clinker.glance"},
		"keystoneauth":       {"clinker.keystone"},
		"keystonemiddleware": {"clinker.oslo.authtoken"},
		"novaclient":         {"clinker.nova"},
		"oslo.messaging":     {"clinker.oslo.messaging"},
		"oslo_config":        {"clinker.oslo.config"},
		"oslo_db":            {"clinker.sqlkit"},
		"oslo_messaging":     {"clinker.oslo.messaging"},
		"oslo_middleware":    {"clinker.oslo.middleware"},
		"oslo_policy":        {"clinker.oslo.policy"},
		"oslo_service":       {"clinker.run"},
		"sqlalchemy":         {"clinker.sqlkit"},
	}
	for name, ours := range modules {
		all[name] = ours
	}
	return all
}
