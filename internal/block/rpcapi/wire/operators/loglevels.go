package operators

import (
	"maps"
	"slices"

	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/arguments"
	vo "github.com/clinker/clinker/internal/oslo/versionedobjects"
)

// logMethods are those about what a service logs. version is since when the service knows them.
func logMethods(version string) map[string]arguments.Method {
	get := arguments.Takes(version, func(e *arguments.Encoder, m *rpcapi.GetLogLevels) {
		e.SetObject("log_request", logLevel(m.Prefix, nil))
	},
		func(d *arguments.Decoder, m *rpcapi.GetLogLevels) {
			m.Prefix = d.ObjectOf("log_request", "LogLevel").Text("prefix")
		})
	return map[string]arguments.Method{
		rpcapi.MethodSetLogLevels: arguments.Takes(version, func(e *arguments.Encoder, m *rpcapi.SetLogLevels) {
			e.SetObject("log_request", logLevel(m.Prefix, m.Level))
		}, func(d *arguments.Decoder, m *rpcapi.SetLogLevels) {
			o := d.ObjectOf("log_request", "LogLevel")
			m.Prefix, m.Level = o.Text("prefix"), o.Text("level")
		}),
		rpcapi.MethodGetLogLevels: arguments.Answering(get, func(e *arguments.Encoder, r *rpcapi.LogLevels) any {
			list := make([]*vo.Object, 0, len(r.Levels))
			for _, name := range slices.Sorted(maps.Keys(r.Levels)) {
				list = append(list, logLevel(name, r.Levels[name]))
			}
			o := vo.New("LogLevelList")
			o.Set("objects", list)
			return e.Object(o)
		}, func(d *arguments.Decoder, r *rpcapi.LogLevels) {
			r.Levels = map[string]string{}
			for _, o := range d.ObjectOf(arguments.Answer, "LogLevelList").Objects("objects") {
				r.Levels[o.Text("prefix")] = o.Text("level")
			}
		}),
	}
}

// logLevel is the object of a level. A prefix that is empty is all of them.
func logLevel(prefix string, level any) *vo.Object {
	o := vo.New("LogLevel")
	o.Set("prefix", arguments.OrNull(prefix))
	o.Set("level", level)
	return o
}
