package rpcapi

// Methods and operations about images.
const (
	MethodCopyVolumeToImage = "copy_volume_to_image"
	MethodReimage           = "reimage"

	FlowVolumeUpload  = "volume_upload"           // CopyVolumeToImage
	FlowVolumeReimage = "volume_reimage"          // Reimage
	FlowImageDiscard  = "image_discard"           // CopyVolumeToImage: what is left of an upload that failed
	FlowImageCache    = "image_volume_cache_fill" // the volume service's own
)

// CopyVolumeToImage asks a volume service to send a volume's bytes into an image that is entered and has none yet.
type CopyVolumeToImage struct {
	FlowID   string
	VolumeID string
	ImageID  string
	// ImageFields are the image as a Python service wants it beside its id, by Glance's names; JSON values. Ours asks the image
	// service for it, so it is not kept. Nil means the id alone.
	ImageFields map[string]any `json:"-"`
}

// Reimage asks a volume service to overwrite a volume with an image.
type Reimage struct {
	FlowID   string
	VolumeID string
	ImageID  string
	// ImageFields is as in CopyVolumeToImage.
	ImageFields map[string]any `json:"-"`
}
