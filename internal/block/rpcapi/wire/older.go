package wire

import (
	"context"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/objects"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/pins"
	"github.com/clinker/clinker/internal/fault"
	vo "github.com/clinker/clinker/internal/oslo/versionedobjects"
)

// binaries are the services as their rows call them.
var binaries = map[service]string{scheduler: block.BinaryScheduler, volume: block.BinaryVolume, backup: block.BinaryBackup}

// older is how a method is asked of services that do not know the newest form of it.
type older struct {
	needs   string   // the newest form needs this version; the older one does
	without []string // without these arguments
	version string   // and asks for this version; empty for the same as before
}

// olderForms are what Cinder 26's clients have for older services (cinder/{volume,scheduler,backup}/rpcapi.py), as far as there can
// be such services: the objects' history starts at 1.38, and who knew that knew RPC 3.16 of the volume service and 3.11 of the
// scheduler.
func olderForms(s service, name string) (older, bool) {
	o, ok := map[service]map[string]older{
		volume:    {rpcapi.MethodReimage: {"3.20", []string{"image_snap"}, "3.18"}},
		scheduler: {rpcapi.MethodCreateVolume: {"3.10", []string{"backup_id"}, ""}},
		backup:    {rpcapi.MethodRestoreBackup: {"2.4", []string{"volume_is_new"}, ""}},
	}[s][name]
	return o, ok
}

// needed is the lowest version that a service must know for a method, where that is not the one the message asks for.
func needed(s service, name, version string) string {
	if v, ok := map[service]map[string]string{
		scheduler: {rpcapi.MethodExtendVolume: "3.2", rpcapi.MethodValidateHostCapacity: "3.8", rpcapi.MethodCreateSnapshot: "3.9",
			rpcapi.MethodManageExistingSnapshot: "3.11", rpcapi.MethodCreateBackup: "3.12"},
	}[s][name]; ok {
		return v
	}
	return version
}

// fit is how a method is asked of the services of a topic whose pin is given: which arguments it does without, and the version
// it asks for. ServiceTooOld, in upstream's words (cinder/rpc.py), if there is no way.
func (m method) fit(s service, name string, pin pins.Pin) (without []string, version string, err error) {
	version = m.version
	if o, ok := olderForms(s, name); ok && !pin.Takes(o.needs) {
		without = o.without
		if o.version != "" {
			version = o.version
		}
	}
	if v := needed(s, name, version); !pin.Takes(v) {
		binary := binaries[s]
		return nil, "", fault.New(fault.Invalid, "ServiceTooOld", "One of %s services is too old to accept %s request. Required RPC API version is %s. "+
			"Are you running mixed versions of %ss?", binary, name, v, binary)
	}
	return without, version, nil
}

// manifest is which versions of the objects those know whose pin is given. CappedVersionUnknown, in upstream's words, if it is
// older than the history. One that is newer understands ours: nil, for the current ones.
func manifest(pin pins.Pin) (vo.Manifest, error) {
	if m, known := objects.History(pin.Object); known {
		return m, nil
	}
	if newest, ok := minor(block.ObjectVersion); ok {
		if v, ok := minor(pin.Object); ok && v > newest {
			return nil, nil
		}
	}
	return nil, fault.New(fault.Internal, "CappedVersionUnknown", "Unrecoverable Error: Versioned Objects in DB are capped to unknown version %s. Most likely "+
		"your environment contains only new services and you're trying to start an older one. Use `cinder-manage service list` to check that and "+
		"upgrade this service.", pin.Object)
}

// minor is the second part of a version of the objects' history, whose first is 1.
func minor(version string) (int, bool) {
	text, found := strings.CutPrefix(version, "1.")
	n, err := strconv.Atoi(text)
	return n, found && err == nil && n >= 0
}

// pinned finds out what the services of a topic understand of a method.
func (c *Codec) pinned(ctx context.Context, topic string, how method, name string) (without []string, version string, m vo.Manifest, err error) {
	s := serviceOf(topic)
	pin, err := c.Pins.Of(ctx, binaries[s])
	if err != nil {
		return nil, "", nil, err
	}
	if without, version, err = how.fit(s, name, pin); err != nil {
		return nil, "", nil, err
	}
	m, err = manifest(pin)
	return without, version, m, err
}
