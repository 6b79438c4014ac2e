// Package coordination makes the locks between processes that [coordination] backend_url names, as tooz reads it for Python's
// services.
//
// What must not live here: how a lock is kept (internal/lock), or what is locked.
package coordination

import (
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/lock"
	"github.com/clinker/clinker/internal/lock/etcdlock"
	"github.com/clinker/clinker/internal/lock/filelock"
	"github.com/clinker/clinker/internal/lock/sqllock"
	"github.com/clinker/clinker/internal/oslo/config"
)

// Options are the configuration of the locks, and of the cluster that needs them.
type Options struct{ url, cluster config.Handle[string] }

// NewOptions declares them.
func NewOptions() *Options {
	return &Options{url: config.String("coordination", "backend_url", "file://$state_path", "What keeps the locks between the services: "+
		"file:///directory (of this host), etcd3+http://host:2379, etcd3+https://host:2379?ca_cert=...&cert_cert=...&cert_key=..., "+
		"mysql://user:password@host/database or postgresql://user:password@host/database. Without it, cinder-all and clinker up need none.", config.Secret()),
		cluster: config.String(config.DefaultGroup, "cluster", "", "The name that the volume services of several hosts have in common which serve the same storage, so that each "+
			"does the work of all. The driver must allow it, and [coordination] backend_url must keep locks that they share.", config.NoDefault())}
}

// All lists the options for config.Load.
func (o *Options) All() []config.Option { return []config.Option{o.url, o.cluster} }

// Backend is what a cluster needs to know of a back end.
type Backend struct {
	Name         string // of its section
	Driver       string
	ActiveActive bool   // whether the driver allows it
	Helper       string // target_helper, with which the volumes are exported by one process alone; empty: by the storage itself
}

// Cluster is the cluster of a back end's service, "cluster@backend", or nothing. One that would lose or lock out volumes is refused.
func (o *Options) Cluster(c *config.Config, b Backend) (string, error) {
	name := strings.TrimSpace(o.cluster.Get(c))
	if name == "" {
		return "", nil
	}
	const alone = "nothing, so that each volume service has its storage to itself"
	switch {
	case strings.ContainsAny(name, "@#"):
		return "", o.cluster.Refuse(c, "", "@ and # part it from the back end and the pool", "a name without them")
	case !b.ActiveActive:
		return "", o.cluster.Refuse(c, "", "the driver "+b.Driver+" of ["+b.Name+"] does not let several services work on its storage", alone)
	case b.Helper != "" && b.Helper != "fake":
		return "", o.cluster.Refuse(c, "", "target_helper "+b.Helper+" of ["+b.Name+"] exports a volume from one host, and so another cannot let go of it", alone)
	}
	locks, err := o.Open(c, false, slog.New(slog.DiscardHandler))
	if err != nil {
		return "", err
	}
	if locks.Locker == nil {
		return "", o.url.Refuse(c, "", "the services of a cluster need locks that they share", Accepted)
	}
	return name + "@" + b.Name, locks.Close()
}

// keepPeriod is how often the journal hears of what a member of a cluster is at.
const keepPeriod = 5 * time.Second

// Flows are the options of the flows of a service that is in a cluster, unless that is empty.
func Flows(o flow.Options, cluster string) flow.Options {
	if cluster != "" {
		o.Keep = keepPeriod
	}
	return o
}

// Directory is where the locks are files, and whether they are.
func (o *Options) Directory(c *config.Config) (dir string, is bool) { return directory(o.url.Get(c)) }

func directory(address string) (dir string, is bool) {
	rest, is := strings.CutPrefix(address, "file://")
	dir, _, _ = strings.Cut(rest, "?")
	return dir, is && dir != ""
}

// foreign are the services that tooz has a driver for and we have none.
var foreign = []string{"etcd3", "etcd", "redis", "rediss", "memcached", "zookeeper", "kazoo", "zake", "ipc", "consul", "kubernetes"}

// Accepted is what an address may be, for the message that refuses one.
const Accepted = "file:///directory, etcd3+http://host:2379, etcd3+https://host:2379, mysql://user:password@host/database or " +
	"postgresql://user:password@host/database"

// Locks are the locks of a process.
type Locks struct {
	lock.Locker           // nil: there is nobody to exclude
	closer      io.Closer // nil likewise
}

// Open makes the locks. alone says that all services of the cloud are in this process: unless the option is set, nobody needs to
// be excluded then. What tooz can use and we cannot is warned of, and as if there was nothing.
func (o *Options) Open(c *config.Config, alone bool, log *slog.Logger) (Locks, error) {
	if alone && !o.url.IsSet(c) {
		return Locks{}, nil
	}
	address := o.url.Get(c)
	shared, err := open(address)
	if err != nil {
		return Locks{}, o.url.Refuse(c, "", strings.TrimSuffix(fault.UserText(err), "."), Accepted)
	}
	if shared == nil {
		log.Warn("Nothing is locked against the services of other processes: what the option names cannot be spoken to yet.",
			"option", "[coordination] backend_url", "accepted", Accepted)
		return Locks{}, nil
	}
	return Locks{Locker: lock.Prefixed(shared, block.LockPrefix), closer: shared}, nil
}

// Close frees what is locked.
func (l Locks) Close() error {
	if l.closer == nil {
		return nil
	}
	return l.closer.Close()
}

// open makes the locks that an address names, nil if it is one of foreign's.
func open(address string) (*lock.Shared, error) {
	scheme, _, _ := strings.Cut(address, "://")
	if dir, is := directory(address); is {
		return filelock.New(dir), nil
	}
	switch scheme {
	case "etcd3+http", "etcd3+https":
		options, err := etcd(address)
		if err != nil {
			return nil, err
		}
		return etcdlock.New(options)
	case "mysql":
		return sqllock.New(sqllock.Options{URL: address})
	case "postgresql":
		return sqllock.New(sqllock.Options{URL: named(address)})
	}
	if slices.Contains(foreign, scheme) {
		return nil, nil
	}
	return nil, fault.New(fault.Invalid, "", "%.40q names nothing that keeps locks.", scheme)
}

// etcd reads an address of etcd as tooz's etcd3gw driver does.
func etcd(address string) (etcdlock.Options, error) {
	u, err := url.Parse(address)
	if err != nil {
		return etcdlock.Options{}, fault.New(fault.Invalid, "", "the address of etcd cannot be read")
	}
	host, port := u.Hostname(), u.Port()
	if host == "" {
		host = "localhost"
	}
	if port == "" {
		port = "2379"
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	q := u.Query()
	seconds := 30
	for _, name := range []string{"timeout", "lock_timeout"} { // the latter counts, and is the former if it is missing
		if text := q.Get(name); text != "" {
			if seconds, err = strconv.Atoi(text); err != nil || seconds > 3600 {
				return etcdlock.Options{}, fault.New(fault.Invalid, "", "its %s is no number of seconds up to 3600", name)
			}
		}
	}
	return etcdlock.Options{Endpoint: strings.TrimPrefix(u.Scheme, "etcd3+") + "://" + host + ":" + port, Version: q.Get("api_version"),
		TTL: time.Duration(seconds) * time.Second, Authority: q.Get("ca_cert"), Certificate: q.Get("cert_cert"), Key: q.Get("cert_key")}, nil
}

// named moves the name of a PostgreSQL database from the parameters, where tooz has it, to where SQLAlchemy has it.
func named(address string) string {
	before, query, _ := strings.Cut(address, "?")
	q, err := url.ParseQuery(query)
	if err != nil || q.Get("dbname") == "" {
		return address
	}
	scheme, rest, _ := strings.Cut(before, "://")
	authority, _, _ := strings.Cut(rest, "/")
	name := q.Get("dbname")
	q.Del("dbname")
	address = scheme + "://" + authority + "/" + url.PathEscape(name)
	if len(q) > 0 {
		address += "?" + q.Encode()
	}
	return address
}
