package wire

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/objects"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/pins"
	"github.com/clinker/clinker/internal/fault"
	vo "github.com/clinker/clinker/internal/oslo/versionedobjects"
)

// binaries are the services as their rows call them.
var binaries = map[service]string{scheduler: block.BinaryScheduler, volume: block.BinaryVolume, backup: block.BinaryBackup}

// pinned finds out what the services of a topic understand of a method.
func (c *Codec) pinned(ctx context.Context, topic string, how method, name string) (pins.Form, vo.Manifest, error) {
	binary := binaries[serviceOf(topic)]
	pin, err := c.Pins.Of(ctx, binary)
	if err != nil {
		return pins.Form{}, nil, err
	}
	form, err := pin.Fit(binary, name, how.Version)
	if err != nil {
		return form, nil, err
	}
	known, err := manifest(pin)
	return form, known, err
}

// manifest is which versions of the objects those know whose pin is given. CappedVersionUnknown, in upstream's words, if it is
// older than the history. One that is newer understands ours: nil, for the current ones.
func manifest(pin pins.Pin) (vo.Manifest, error) {
	if known, ok := objects.History(pin.Object); ok {
		return known, nil
	}
	if pins.Newer(pin.Object) {
		return nil, nil
	}
	return nil, fault.New(fault.Internal, "CappedVersionUnknown", "Unrecoverable Error: Versioned Objects in DB are capped to unknown version %s. Most likely "+
		"your environment contains only new services and you're trying to start an older one. Use `cinder-manage service list` to check that and "+
		"upgrade this service.", pin.Object)
}
