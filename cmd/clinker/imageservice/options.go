// Package imageservice makes the image service of "clinker up" of its parts: the database, the stores, the use cases, the API
// and the filters before it.
//
// What must not live here: anything the service decides.
package imageservice

import (
	"cmp"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/clinker/clinker/internal/image/app"
	"github.com/clinker/clinker/internal/image/app/imports"
	"github.com/clinker/clinker/internal/image/app/intake"
	"github.com/clinker/clinker/internal/image/fetch"
	"github.com/clinker/clinker/internal/oslo/config"
)

// Options are the options of the image service: glance-api.conf's where it has them, in its groups.
type Options struct {
	listen, endpoint, connection, policyFile, storageQuota, hash, initial, dataDir config.Handle[string]
	port, members, properties, tags, locations, limit, limitMax, taskHours         config.Handle[int]
	stores, containers, disks, methods, nonfatal                                   config.Handle[[]string]
	schemes, noSchemes, hosts, noHosts, internalHosts, ports, noPorts              config.Handle[[]string]
	weights                                                                        config.Handle[map[string]string]
	sizeCap                                                                        config.Handle[int]
	s3                                                                             s3Options
	directURL, multipleLocations, formatMatch, privateNetworks, thin               config.Handle[bool]
}

// NewOptions declares them.
func NewOptions() *Options {
	const def, filter, formats = config.DefaultGroup, "import_filtering_opts", "image_format"
	return &Options{
		listen: config.HostAddress("clinker", "image_listen", "127.0.0.1", "The address the image API listens on."),
		port:   config.Port("clinker", "image_port", 0, "The port of the image API; 0 runs no image service in this process."),
		connection: config.String("clinker", "image_connection", "", "The database of the image service, in the words of [database] connection; without it, glance.sqlite in state_path.",
			config.Secret(), config.NoDefault()),
		endpoint: config.String("clinker", "image_public_endpoint", "", "What links of the image API's versions begin with; without it, what the request was sent to.", config.NoDefault()),
		policyFile: config.String("clinker", "image_policy_file", "", "The file with the operator's policy rules of the image service; without it, glance-policy.yaml in state_path. It need not be there.",
			config.NoDefault()),
		stores:  config.List("clinker", "image_stores", []string{"file:file"}, "Where images are kept: names of stores, each with its type, file or s3, as in fast:file. Upstream: enabled_backends."),
		initial: config.String("glance_store", "default_backend", "", "The store that data goes to when nobody says where; without it, the first.", config.NoDefault()),
		weights: config.Dict("clinker", "image_store_weights", nil, "Weights of stores: the data of an image that is in several is read from the heaviest. Upstream: weight, in each store's section."),
		dataDir: config.String("glance_store", "filesystem_store_datadir", "", "The directory below which each store of type file has its own, and data is staged; without it, images in state_path.",
			config.NoDefault()),
		thin: config.Bool("glance_store", "filesystem_thin_provisioning", false, "Whether files of images have holes where the data is zero."),

		s3: newS3Options(),

		containers: config.List(formats, "container_formats", []string{"ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"}, "The values container_format may have.",
			config.Deprecated(def, "container_formats")),
		disks: config.List(formats, "disk_formats", []string{"ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop"}, "The values disk_format may have.",
			config.Deprecated(def, "disk_formats")),
		formatMatch: config.Bool(formats, "require_image_format_match", true, "Refuse data that is not what the image's disk_format says."),
		nonfatal:    config.List(formats, "gpt_safety_checks_nonfatal", []string{"mbr"}, "Checks of partition tables that refuse nothing."),

		members:      config.Int(def, "image_member_quota", 128, "How many projects an image can be shared with; below 0: any number."),
		properties:   config.Int(def, "image_property_quota", 128, "How many properties an image can have; below 0: any number."),
		tags:         config.Int(def, "image_tag_quota", 128, "How many tags an image can have; below 0: any number."),
		locations:    config.Int(def, "image_location_quota", 10, "How many locations an image can have; below 0: any number."),
		limit:        config.Int(def, "limit_param_default", 25, "How long a page of a list of images is when the client does not say.", config.Min(1)),
		limitMax:     config.Int(def, "api_limit_max", 1000, "How long a page of a list of images can be.", config.Min(1)),
		sizeCap:      config.Int(def, "image_size_cap", 1<<40, "The most bytes an image can have.", config.Min(1)),
		storageQuota: config.String(def, "user_storage_quota", "0", "The most bytes the images of a project can take, each in each of its stores: a number, or one with B, KB, MB, GB or TB, which count 1024. 0: any number.", config.Pattern(quotaForm)),
		hash:         config.String(def, "hashing_algorithm", "sha512", "What os_hash_value is computed with.", config.Choices(intake.HashAlgorithms()...)),
		directURL:    config.Bool(def, "show_image_direct_url", false, "Show everybody where an image's data is. Services see it in any case."),
		multipleLocations: config.Bool(def, "show_multiple_locations", false,
			"Show everybody all places where an image's data is, and let them be removed. Services see them in any case."),
		methods:   config.List(def, "enabled_import_methods", imports.Methods(), "How data can be imported.", config.Choices(imports.Methods()...)),
		taskHours: config.Int("task", "task_time_to_live", 48, "Hours that a task is remembered after its end.", config.Min(1), config.Deprecated(def, "task_time_to_live")),

		schemes:         config.List(filter, "allowed_schemes", []string{"http", "https"}, "The schemes web-download fetches from."),
		noSchemes:       config.List(filter, "disallowed_schemes", nil, "The schemes it does not, if allowed_schemes is empty."),
		hosts:           config.List(filter, "allowed_hosts", nil, "The only hosts web-download fetches from, which may be internal ones; empty: all that are not."),
		noHosts:         config.List(filter, "disallowed_hosts", nil, "Hosts it does not fetch from, if allowed_hosts is empty."),
		internalHosts:   config.List("clinker", "import_internal_hosts", nil, "Hosts web-download may fetch from although they are internal, such as a mirror."),
		ports:           config.List(filter, "allowed_ports", []string{"80", "443"}, "The ports web-download fetches from, beside those of the schemes."),
		noPorts:         config.List(filter, "disallowed_ports", nil, "Ports it does not fetch from, if allowed_ports is empty."),
		privateNetworks: config.Bool("clinker", "import_private_networks", false, "Whether web-download fetches from private networks. Never from this machine or its links."),
	}
}

// quotaForm is how upstream writes sizes.
var quotaForm = regexp.MustCompile(`^(\d+)((K|M|G|T)?B)?$`)

// All lists the options for config.Load.
func (o *Options) All() []config.Option {
	list := []config.Option{o.listen, o.port, o.endpoint, o.connection, o.policyFile, o.stores, o.initial, o.weights, o.dataDir, o.thin, o.containers, o.disks, o.formatMatch, o.nonfatal,
		o.members, o.properties, o.tags, o.locations, o.limit, o.limitMax, o.sizeCap, o.storageQuota, o.hash, o.directURL, o.multipleLocations, o.methods,
		o.taskHours, o.schemes, o.noSchemes, o.hosts, o.noHosts, o.internalHosts, o.ports, o.noPorts, o.privateNetworks}
	return append(list, o.s3.all()...)
}

// Wanted reports whether the process runs an image service.
func (o *Options) Wanted(c *config.Config) bool { return o.port.Get(c) != 0 }

// address is where the service is to listen.
func (o *Options) address(c *config.Config) string {
	return net.JoinHostPort(o.listen.Get(c), strconv.Itoa(o.port.Get(c)))
}

// URL is where clients find the service.
func (o *Options) URL(c *config.Config) string {
	return cmp.Or(o.endpoint.Get(c), "http://"+o.address(c))
}

// app reads what the use cases heed.
func (o *Options) app(c *config.Config) app.Options {
	return app.Options{ContainerFormats: o.containers.Get(c), DiskFormats: o.disks.Get(c), MemberQuota: o.members.Get(c), PropertyQuota: o.properties.Get(c),
		TagQuota: o.tags.Get(c), LocationQuota: o.locations.Get(c), LimitDefault: o.limit.Get(c), LimitMax: o.limitMax.Get(c), SizeCapBytes: int64(o.sizeCap.Get(c)),
		UserStorageQuotaBytes: quotaBytes(o.storageQuota.Get(c)), HashAlgorithm: o.hash.Get(c), RequireFormatMatch: o.formatMatch.Get(c), NonfatalGPTChecks: o.nonfatal.Get(c),
		ShowDirectURL: o.directURL.Get(c), ShowMultipleLocations: o.multipleLocations.Get(c), ImportMethods: o.methods.Get(c),
		TaskLife: time.Duration(o.taskHours.Get(c)) * time.Hour}
}

// quotaBytes reads a size that quotaForm allows; one beyond 64 bits is no limit.
func quotaBytes(text string) int64 {
	m := quotaForm.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	shift := map[string]int{"K": 10, "M": 20, "G": 30, "T": 40}[m[3]]
	if err != nil || n > (1<<63-1)>>shift {
		return 0
	}
	return n << shift
}

// fetch reads what web-download heeds.
func (o *Options) fetch(c *config.Config) fetch.Options {
	return fetch.Options{AllowedSchemes: o.schemes.Get(c), DisallowedSchemes: o.noSchemes.Get(c), AllowedHosts: o.hosts.Get(c), DisallowedHosts: o.noHosts.Get(c),
		AllowedPorts: o.ports.Get(c), DisallowedPorts: o.noPorts.Get(c), InternalHosts: o.internalHosts.Get(c), PrivateNetworks: o.privateNetworks.Get(c)}
}

// or is the value of an option that names a file, or a name in the state directory.
func or(h config.Handle[string], c *config.Config, stateDir, name string) string {
	if path := h.Get(c); path != "" {
		return path
	}
	return filepath.Join(stateDir, name)
}
