package imageservice

import (
	"cmp"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image/app"
	"github.com/clinker/clinker/internal/image/storage"
	"github.com/clinker/clinker/internal/image/storage/filesystem"
	"github.com/clinker/clinker/internal/image/storage/s3"
	"github.com/clinker/clinker/internal/oslo/config"
)

// storeName is what a store may be called: it is the name of a directory, too.
var storeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

// reserved begins the names of stores that upstream keeps for itself; staging is the directory where data is staged.
const (
	reserved = "os_glance_"
	staging  = "staging"
)

// openStores makes the stores that the configuration names.
func (o *Options) openStores(c *config.Config, stateDir string) (*app.Stores, error) {
	base, err := filepath.Abs(or(o.dataDir, c, stateDir, "images"))
	if err != nil {
		return nil, o.dataDir.Refuse(c, "", err.Error(), "a directory")
	}
	var all []app.NamedStore
	names, inS3 := map[string]bool{}, false
	for _, entry := range o.stores.Get(c) {
		name, kind, _ := strings.Cut(entry, ":")
		if !storeName.MatchString(name) || strings.HasPrefix(name, reserved) || name == staging || names[name] {
			return nil, o.stores.Refuse(c, "", "a store is called "+strconv.Quote(name), "names of letters, digits, dots, dashes and underscores, each once, as in fast:file, cloud:s3")
		}
		if kind == "s3" && inS3 {
			return nil, o.stores.Refuse(c, "", "there are two stores of type s3, and [glance_store] describes one", "one store of type s3 at most")
		}
		names[name], inS3 = true, inS3 || kind == "s3"
		s, err := o.openStore(c, kind, filepath.Join(base, name))
		if err != nil {
			return nil, err
		}
		weight, err := strconv.Atoi(cmp.Or(o.weights.Get(c)[name], "0"))
		if err != nil {
			return nil, o.weights.Refuse(c, "", "the weight of "+name+" is no whole number", "store:weight, as in fast:10")
		}
		all = append(all, app.NamedStore{Store: s, ID: name, Weight: weight})
	}
	if len(all) == 0 {
		return nil, o.stores.Refuse(c, "", "there is no store", "names of stores with their types, as in file:file")
	}
	initial := cmp.Or(o.initial.Get(c), all[0].ID)
	if !names[initial] {
		return nil, o.initial.Refuse(c, "", "there is no such store", "one of the names in [clinker] image_stores")
	}
	area, err := filesystem.New(filesystem.Options{Directory: filepath.Join(base, staging), FileMode: 0o600, Thin: true})
	if err != nil {
		return nil, err
	}
	return app.NewStores(all, initial, area), nil
}

func (o *Options) openStore(c *config.Config, kind, dir string) (storage.Store, error) {
	switch kind {
	case "file":
		return filesystem.New(filesystem.Options{Directory: dir, Thin: o.thin.Get(c)})
	case "s3":
		s, err := s3.New(o.s3.get(c))
		if err != nil {
			return nil, o.stores.Refuse(c, "", fault.UserText(err), "for a store of type s3: [glance_store] s3_store_host, s3_store_access_key, s3_store_secret_key and s3_store_bucket")
		}
		return s, nil
	}
	return nil, o.stores.Refuse(c, "", "there is no store of type "+strconv.Quote(kind), "file or s3")
}

// s3Options say where the one store of type s3 is.
type s3Options struct {
	host, region, accessKey, secretKey, bucket, addressing, authorities config.Handle[string]
	create                                                              config.Handle[bool]
	partMiB                                                             config.Handle[int]
	ignored                                                             []config.Option
}

func newS3Options() s3Options {
	const group = "glance_store"
	return s3Options{
		host:       config.String(group, "s3_store_host", "", "The host of S3, a name or an address; https:// before it asks for TLS.", config.NoDefault()),
		region:     config.String(group, "s3_store_region_name", "", "The region of S3; without it the host's name says, or it is us-east-1.", config.NoDefault()),
		accessKey:  config.String(group, "s3_store_access_key", "", "Who this service is to S3.", config.Secret(), config.NoDefault()),
		secretKey:  config.String(group, "s3_store_secret_key", "", "What proves it.", config.Secret(), config.NoDefault()),
		bucket:     config.String(group, "s3_store_bucket", "", "The bucket images are kept in.", config.NoDefault()),
		create:     config.Bool(group, "s3_store_create_bucket_on_put", false, "Whether to make the bucket when there is none."),
		addressing: config.String(group, "s3_store_bucket_url_format", "auto", "Where the bucket's name goes in a URL of S3.", config.Choices("auto", "virtual", "path")),
		partMiB: config.Int(group, "s3_store_large_object_chunk_size", 10, "How many MiB go to S3 at once, more in the course of a large image. So much memory each upload takes, "+
			"and up to 128 MiB.", config.Min(s3.MinPartBytes>>20), config.Max(128)),
		authorities: config.String(group, "s3_store_cacert", "", "The file with the certificates of authorities, in PEM form, that vouch for S3; the system's if this is not set.",
			config.NoDefault()),
		ignored: config.Ignored(group, "large objects are those of more than one part, and parts go one after the other", "s3_store_large_object_size", "s3_store_thread_pools"),
	}
}

func (o s3Options) all() []config.Option {
	return append([]config.Option{o.host, o.region, o.accessKey, o.secretKey, o.bucket, o.create, o.addressing, o.partMiB, o.authorities}, o.ignored...)
}

func (o s3Options) get(c *config.Config) s3.Options {
	return s3.Options{Host: o.host.Get(c), Region: o.region.Get(c), AccessKey: o.accessKey.Get(c), SecretKey: o.secretKey.Get(c), Bucket: o.bucket.Get(c),
		CreateBucket: o.create.Get(c), Addressing: o.addressing.Get(c), PartBytes: int64(o.partMiB.Get(c)) << 20, CAFile: o.authorities.Get(c)}
}
