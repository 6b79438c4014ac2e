package pins

import (
	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/fault"
)

// Form is how a method is asked of services of an age.
type Form struct {
	Version string   // that the message asks for
	Without []string // arguments that they do not know
}

// older is how a method is asked of services that do not know the newest form of it.
type older struct {
	needs   string   // the newest form needs this version; the older one does
	without []string // without these arguments
	version string   // and asks for this version; empty for the same as before
}

// olderForms are what Cinder 26's clients have for older services (cinder/{volume,scheduler,backup}/rpcapi.py), as far as there can
// be such services: the objects' history starts at 1.38, and who knew that knew RPC 3.16 of the volume service and 3.11 of the
// scheduler.
func olderForms() map[string]map[string]older {
	return map[string]map[string]older{
		block.BinaryVolume:    {rpcapi.MethodReimage: {"3.20", []string{"image_snap"}, "3.18"}},
		block.BinaryScheduler: {rpcapi.MethodCreateVolume: {"3.10", []string{"backup_id"}, ""}},
		block.BinaryBackup:    {rpcapi.MethodRestoreBackup: {"2.4", []string{"volume_is_new"}, ""}},
	}
}

// needed is the lowest version that a service must know for a method, where that is not the one the message asks for.
func needed(binary, method, version string) string {
	if v, ok := map[string]string{rpcapi.MethodExtendVolume: "3.2", rpcapi.MethodValidateHostCapacity: "3.8", rpcapi.MethodCreateSnapshot: "3.9",
		rpcapi.MethodManageExistingSnapshot: "3.11", rpcapi.MethodCreateBackup: "3.12"}[method]; ok && binary == block.BinaryScheduler {
		return v
	}
	return version
}

// Fit is how a method, whose newest form asks for a version, is asked of the services of a binary that have this pin. ServiceTooOld,
// in upstream's words (cinder/rpc.py), if there is no way.
func (p Pin) Fit(binary, method, version string) (Form, error) {
	f := Form{Version: version}
	if o, ok := olderForms()[binary][method]; ok && !p.Takes(o.needs) {
		f.Without = o.without
		if o.version != "" {
			f.Version = o.version
		}
	}
	if v := needed(binary, method, f.Version); !p.Takes(v) {
		return Form{}, fault.New(fault.Invalid, "ServiceTooOld", "One of %s services is too old to accept %s request. Required RPC API version is %s. "+
			"Are you running mixed versions of %ss?", binary, method, v, binary)
	}
	return f, nil
}

// Newer says whether a version of the objects' history is newer than the one of this program.
func Newer(object string) bool {
	theirs, ok := parse(object)
	ours, good := parse(block.ObjectVersion)
	return ok && good && theirs.major == ours.major && theirs.minor > ours.minor
}
