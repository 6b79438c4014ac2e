package image

import (
	"slices"

	"github.com/clinker/clinker/internal/oslo/config"
)

var (
	conversionDir = config.String("DEFAULT", "image_conversion_dir", "$state_path/conversion",
		"The directory for temporary files of images that are converted. Each back end has a directory of its own in it, which is emptied when its service starts.")
	conversionDisable = config.Bool("DEFAULT", "image_conversion_disable", false,
		"Whether images that are not raw are refused instead of converted, and volumes can only be uploaded as they are.")
	compressOnUpload = config.Bool("DEFAULT", "image_compress_on_upload", true,
		"Whether images made of volumes are compressed where their format can be.")
	directURLSchemes = config.List("DEFAULT", "allowed_direct_url_schemes", nil,
		"In which ways images may be read that do not lead through the image service: file, for images that lie in files of this machine. A raw one on "+
			"the file system of the volumes is cloned. Our own image service's are always read that way.")
	verifySignatures = config.String("DEFAULT", "verify_glance_signatures", "enabled",
		"Whether an image with a signature is refused when the signature cannot be verified, which none can be yet.", config.Choices("disabled", "enabled"))
	internalProject = config.String("DEFAULT", "cinder_internal_tenant_project_id", "",
		"The project that cached images' volumes belong to.", config.NoDefault())
	internalUser = config.String("DEFAULT", "cinder_internal_tenant_user_id", "",
		"The user that cached images' volumes belong to.", config.NoDefault())
	cacheEnabled = config.Bool(config.BackendDefaults, "image_volume_cache_enabled", false,
		"Whether volumes that hold an image are kept, so that further ones are cloned from them. It needs cinder_internal_tenant_project_id and "+
			"cinder_internal_tenant_user_id.", config.PerBackend())
	cacheMaxSize = config.Int(config.BackendDefaults, "image_volume_cache_max_size_gb", 0,
		"How many GiB the cached volumes of a pool may have in all; 0 means any number.", config.PerBackend(), config.Min(0))
	cacheMaxCount = config.Int(config.BackendDefaults, "image_volume_cache_max_count", 0,
		"How many volumes of a pool may be cached; 0 means any number.", config.PerBackend(), config.Min(0))
)

// ConfigOptions are the options of what a volume service does with images.
func ConfigOptions() []config.Option {
	return slices.Concat([]config.Option{conversionDir, conversionDisable, compressOnUpload, directURLSchemes, verifySignatures, internalProject,
		internalUser, cacheEnabled, cacheMaxSize, cacheMaxCount},
		config.Ignored("DEFAULT", "no program is asked what an image is, so none can take long over it", "image_conversion_cpu_limit", "image_conversion_address_space_limit"),
		config.Ignored("DEFAULT", "VMDK images are accepted if they are monolithicSparse or streamOptimized", "vmdk_allowed_types"),
		config.Ignored("DEFAULT", "images in containers of the format compressed are refused", "allow_compression_on_image_upload", "compression_format"),
		config.Ignored(config.BackendDefaults, "volumes are uploaded through the image service", "image_upload_use_cinder_backend", "image_upload_use_internal_tenant"))
}

// SettingsFrom reads them for a back end, by the name of its section. Images and Run are the caller's to set.
func SettingsFrom(c *config.Config, backend string) Settings {
	return Settings{ConversionDir: conversionDir.Get(c), NoConversion: conversionDisable.Get(c), Compress: compressOnUpload.Get(c),
		LocalFiles: slices.Contains(directURLSchemes.Get(c), "file"), VerifySignatures: verifySignatures.Get(c) == "enabled",
		Caching: cacheEnabled.In(c, backend), CacheMaxSizeGiB: int64(cacheMaxSize.In(c, backend)), CacheMaxCount: cacheMaxCount.In(c, backend),
		InternalProjectID: internalProject.Get(c), InternalUserID: internalUser.Get(c)}
}
