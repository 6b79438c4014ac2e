package posix

import "github.com/clinker/clinker/internal/oslo/config"

// Configuration is the repository's options.
type Configuration struct {
	path, container, compression config.Handle[string]
	fileBytes, blockBytes        config.Handle[int64]
}

// NewConfiguration declares them.
func NewConfiguration() Configuration {
	def := config.DefaultGroup
	return Configuration{
		path: config.String(def, "backup_posix_path", "$state_path/backup", "The directory that backups are kept in; it is made if it is missing."),
		container: config.String(def, "backup_container", "", "The directory below it for backups whose user names none. Each has one of its own if this is not set.",
			config.NoDefault()),
		compression: config.String(def, "backup_compression_algorithm", "zlib", "How backups are compressed.",
			config.Choices("none", "off", "no", "zlib", "gzip", "bz2", "bzip2", "zstd"), config.IgnoreCase()),
		fileBytes: config.Bytes(def, "backup_file_size", 61035*32768, "How many bytes of a volume one file of a backup holds at most: "+
			"a multiple of backup_sha_block_size_bytes. Memory does not grow with it.", config.Min(1)),
		blockBytes: config.Bytes(def, "backup_sha_block_size_bytes", 32768, "How large the pieces of a volume are that are compared for an incremental backup. "+
			"When it changes, the next backup of each volume must be a full one.", config.Min(1), config.Max(64<<20)),
	}
}

// Options are all of them.
func (c Configuration) Options() []config.Option {
	return []config.Option{c.path, c.container, c.compression, c.fileBytes, c.blockBytes}
}

// Read gives what they say. New refuses what they cannot be together.
func (c Configuration) Read(conf *config.Config) Config {
	return Config{Path: c.path.Get(conf), Container: c.container.Get(conf), Compression: c.compression.Get(conf), FileBytes: c.fileBytes.Get(conf),
		BlockBytes: c.blockBytes.Get(conf)}
}
