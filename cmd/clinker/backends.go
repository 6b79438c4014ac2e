package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/clinker/clinker/cmd/clinker/coordination"
	"github.com/clinker/clinker/cmd/clinker/observe"
	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/driver/fake"
	"github.com/clinker/clinker/internal/block/driver/file"
	"github.com/clinker/clinker/internal/block/target"
	targetfake "github.com/clinker/clinker/internal/block/target/fake"
	"github.com/clinker/clinker/internal/block/target/nbd"
	"github.com/clinker/clinker/internal/execx"
	"github.com/clinker/clinker/internal/oslo/config"
)

// drivers is every driver of this build.
func drivers() *driver.Registry {
	r := driver.NewRegistry()
	for _, e := range []driver.Entry{file.Entry(), fake.Entry()} {
		if err := r.Register(e); err != nil {
			panic(err) // two drivers of this very build under one name
		}
	}
	r.Seal()
	return r
}

// backendOptions are the options of back ends: those every back end has, and those of each driver.
type backendOptions struct {
	registry *driver.Registry

	enabled                          config.Handle[[]string]
	volumeDriver, backendName, host  config.Handle[string]
	overSubscription                 config.Handle[string]
	reservedPercentage               config.Handle[int]
	filterFunction, goodnessFunction config.Handle[string]
	zone                             config.Handle[string]
	extraCapabilities                config.Handle[string]
	targetHelper, targetAddress      config.Handle[string]
	targetPort                       config.Handle[int]
	pollingInterval                  config.Handle[time.Duration]
	ofDrivers                        map[string]config.Handle[string] // by option name
}

func newBackendOptions() backendOptions {
	each := config.PerBackend()
	o := backendOptions{
		registry:     drivers(),
		enabled:      config.List(config.DefaultGroup, "enabled_backends", nil, "The sections of the back ends this service runs.", config.NamesBackends()),
		volumeDriver: config.String(config.BackendDefaults, "volume_driver", "file", "The driver of a back end, by short name or by upstream's class path.", each),
		backendName:  config.String(config.BackendDefaults, "volume_backend_name", "", "The name under which volume types ask for the back end; its section's if this is not set.", each, config.NoDefault()),
		host: config.String(config.BackendDefaults, "backend_host", "", "The name of the node in a back end's address, if it is not host: so that two nodes can take turns.",
			each, config.NoDefault()),
		overSubscription: config.String(config.BackendDefaults, "max_over_subscription_ratio", "20.0",
			"How many times its capacity a thin pool may promise: a number of at least 1, or auto.", each),
		reservedPercentage: config.Int(config.BackendDefaults, "reserved_percentage", 0, "The part of a pool, in per cent, that is kept free.", each, config.Min(0), config.Max(100)),
		filterFunction:     config.String(config.BackendDefaults, "filter_function", "", "What DriverFilter evaluates for this back end.", each, config.NoDefault()),
		goodnessFunction:   config.String(config.BackendDefaults, "goodness_function", "", "What GoodnessWeigher evaluates for this back end.", each, config.NoDefault()),
		zone:               config.String(config.BackendDefaults, "backend_availability_zone", "", "The availability zone of a back end, if it is not the node's.", each, config.NoDefault()),
		extraCapabilities:  config.String(config.BackendDefaults, "extra_capabilities", "{}", "More capabilities to report, a JSON object.", each),
		targetHelper:       config.String(config.BackendDefaults, "target_helper", "nbd", "How volumes are exported; fake says that they are.", each),
		targetAddress:      config.HostAddress(config.BackendDefaults, "target_ip_address", "", "The address volumes are exported on; my_ip if it is not set.", each, config.NoDefault(), config.Deprecated("", "iscsi_ip_address")),
		targetPort:         config.Port(config.BackendDefaults, "target_port", nbd.DefaultPort, "The port volumes are exported on; 0 takes a free one.", each),
		pollingInterval:    config.Seconds(config.DefaultGroup, "backend_stats_polling_interval", time.Minute, "Seconds between two reports of a back end to the schedulers.", config.Min(3)),
		ofDrivers:          map[string]config.Handle[string]{},
	}
	for _, name := range o.registry.Names() {
		entry, err := o.registry.Entry(name)
		if err != nil {
			panic(err) // a registry that does not know its own names
		}
		for _, opt := range entry.Options {
			o.ofDrivers[opt.Name] = config.String(config.BackendDefaults, opt.Name, opt.Default, opt.Help, each)
		}
	}
	return o
}

func (o backendOptions) all() []config.Option {
	list := []config.Option{o.enabled, o.volumeDriver, o.backendName, o.host, o.overSubscription, o.reservedPercentage, o.filterFunction,
		o.goodnessFunction, o.zone, o.extraCapabilities, o.targetHelper, o.targetAddress, o.targetPort, o.pollingInterval}
	for _, h := range o.ofDrivers {
		list = append(list, h)
	}
	return list
}

// backend is what is made of one section.
type backend struct {
	name    string
	host    block.Host
	cluster string // "cluster@backend", or empty
	zone    string
	storage *driver.Backend
	target  target.Target
}

// open makes the driver and the target of the section name. Nothing is touched yet.
func (o backendOptions) open(p *process, name string) (*backend, error) {
	c := p.conf
	if o.enabled.IsSet(c) && !o.volumeDriver.IsSetIn(c, name) { // a slip of the pen must not become storage nobody asked for
		return nil, o.enabled.Refuse(c, "", fmt.Sprintf("nothing says what %q is", name),
			fmt.Sprintf("the names of sections, each with volume_driver: [%s] volume_driver = %s", name, strings.Join(o.registry.Names(), " | ")))
	}
	entry, err := o.registry.Entry(o.volumeDriver.In(c, name))
	if err != nil {
		return nil, o.volumeDriver.Refuse(c, name, "there is no such driver", "one of "+strings.Join(o.registry.Names(), ", "))
	}
	opts := map[string]string{}
	for _, opt := range entry.Options {
		opts[opt.Name] = o.ofDrivers[opt.Name].In(c, name)
	}
	log := p.log.With("backend", name)
	exports, freeze, err := o.exports(p, name, log)
	if err != nil {
		return nil, fmt.Errorf("[%s]: %w", name, err)
	}
	d, err := o.registry.New(entry.Names[0], driver.Config{Backend: name, Names: p.appOptions.Names, StateDir: p.statePath, Options: opts,
		Run: execx.System{}, Freeze: freeze, Log: log})
	if err != nil {
		return nil, fmt.Errorf("[%s]: %w", name, err)
	}
	capabilities, err := parseObject(o.extraCapabilities.In(c, name))
	if err != nil {
		return nil, o.extraCapabilities.Refuse(c, name, "it is not a JSON object", `an object such as {"tier": "gold"}`)
	}
	section := o.backendName.In(c, name)
	if section == "" {
		section = name
	}
	storage, err := driver.NewBackend(d, driver.Options{BackendName: section, StorageProtocol: exports.Protocol(),
		ReservedPercentage: o.reservedPercentage.In(c, name), MaxOverSubscriptionRatio: o.overSubscription.In(c, name),
		FilterFunction: o.filterFunction.In(c, name), GoodnessFunction: o.goodnessFunction.In(c, name),
		ExtraCapabilities: capabilities, Observer: observe.Driver(p.metrics, name)})
	if err != nil {
		return nil, fmt.Errorf("[%s]: %w", name, err)
	}
	zone := o.zone.In(c, name)
	if zone == "" {
		zone = p.appOptions.StorageAvailabilityZone
	}
	node := cmp.Or(o.host.In(c, name), p.host)
	cluster, err := p.opts.locks.Cluster(c, coordination.Backend{Name: name, Driver: entry.Names[0], ActiveActive: entry.ActiveActive, Helper: o.targetHelper.In(c, name)})
	return &backend{name: name, host: block.Host(node + "@" + name), cluster: cluster, zone: zone, storage: storage, target: exports}, err
}

// exports makes the target of a back end, and what holds back its consumers' writes, nil where it has none.
func (o backendOptions) exports(p *process, name string, log *slog.Logger) (target.Target, driver.Freezer, error) {
	switch o.targetHelper.In(p.conf, name) {
	case "fake":
		return targetfake.New(), nil, nil
	case "nbd":
	default: // refused here and not with the configuration: the back ends of others may have others
		return nil, nil, o.targetHelper.Refuse(p.conf, name, "there is no such helper", "one of nbd, fake")
	}
	t, err := nbd.New(nbd.Config{ListenAddress: o.address(p, name), Port: o.targetPort.In(p.conf, name),
		StateDir: filepath.Join(p.statePath, "nbd", name), Logger: log})
	if err != nil {
		return nil, nil, err
	}
	return t, t.Freeze, nil
}

func (o backendOptions) address(p *process, name string) string {
	if a := o.targetAddress.In(p.conf, name); a != "" {
		return a
	}
	return p.opts.myIP.Get(p.conf)
}
