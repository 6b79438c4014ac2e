package wire

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/pins"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// pinnedCodec is one whose peers are of the versions given: of the service s, and of every other the newest.
func pinnedCodec(t *testing.T, s service, rpc, object string) *Codec {
	t.Helper()
	w := fullWorld()
	for binary, version := range map[string]string{block.BinaryVolume: block.VolumeRPCVersion, block.BinaryScheduler: block.SchedulerRPCVersion,
		block.BinaryBackup: block.BackupRPCVersion} {
		w.services = append(w.services, &block.Service{Host: "new", Binary: binary, RPCCurrentVersion: version, ObjectCurrentVersion: block.ObjectVersion})
	}
	w.services = append(w.services, &block.Service{Host: "old", Binary: binaries[s], RPCCurrentVersion: rpc, ObjectCurrentVersion: object})
	c, err := New(Options{Store: w, Pins: pins.New(w, slog.New(slog.DiscardHandler), nil)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func sampleOf(t *testing.T, s service, method string) sample {
	t.Helper()
	for _, sample := range samples() {
		if sample.service == s && sample.method == method {
			return sample
		}
	}
	t.Fatalf("there is no sample of %s to the %s", method, s)
	return sample{}
}

// TestOlderServicesGetWhatTheyUnderstand: what cinder/*/rpcapi.py sends to services of before, by the versions of their rows.
func TestOlderServicesGetWhatTheyUnderstand(t *testing.T) {
	for _, c := range []struct {
		service     service
		method      string
		rpc, object string
		version     string // empty: it is refused
		without     string // an argument that newer services get
	}{
		{volume, rpcapi.MethodReimage, "3.20", "1.39", "3.20", ""},
		{volume, rpcapi.MethodReimage, "3.19", "1.39", "3.18", "image_snap"},
		{volume, rpcapi.MethodReimage, "3.17", "1.39", "", ""},
		{volume, rpcapi.MethodGetBackupDevice, "3.16", "1.38", "", ""},
		{volume, rpcapi.MethodDeleteVolume, "3.16", "1.38", "3.0", ""},
		{volume, rpcapi.MethodDeleteVolume, "4.0", "1.39", "3.0", ""}, // the new one is the older
		{scheduler, rpcapi.MethodCreateVolume, "3.12", "1.39", "3.0", ""},
		{scheduler, rpcapi.MethodCreateVolume, "3.9", "1.38", "3.0", "backup_id"},
		{scheduler, rpcapi.MethodCreateBackup, "3.12", "1.39", "3.0", ""},
		{scheduler, rpcapi.MethodCreateBackup, "3.11", "1.38", "", ""},
		{scheduler, rpcapi.MethodCreateSnapshot, "3.8", "1.38", "", ""},
		{backup, rpcapi.MethodRestoreBackup, "2.4", "1.39", "2.0", ""},
		{backup, rpcapi.MethodRestoreBackup, "2.2", "1.38", "2.0", "volume_is_new"},
		{volume, rpcapi.MethodDeleteVolume, "3.25", "1.45", "3.0", ""}, // a Cinder to come
		{volume, rpcapi.MethodDeleteVolume, "3.15", "1.37", "", ""},    // of before the history
	} {
		s := sampleOf(t, c.service, c.method)
		e, err := pinnedCodec(t, c.service, c.rpc, c.object).EncodeArgs(t.Context(), s.target(), messaging.Message{Method: s.method, Args: s.args})
		if c.version == "" {
			if name := fault.NameOf(err); name != "ServiceTooOld" && name != "CappedVersionUnknown" {
				t.Errorf("%s to a %s at %s: %s, %v", c.method, c.service, c.rpc, e.Args, err)
			}
			continue
		}
		if err != nil || e.Version != c.version {
			t.Errorf("%s to a %s at %s asks for %q, want %q: %v", c.method, c.service, c.rpc, e.Version, c.version, err)
			continue
		}
		var args map[string]json.RawMessage
		if err := json.Unmarshal(e.Args, &args); err != nil {
			t.Fatal(err)
		}
		lost := map[string]string{rpcapi.MethodReimage: "image_snap", rpcapi.MethodCreateVolume: "backup_id", rpcapi.MethodRestoreBackup: "volume_is_new"}[c.method]
		if _, has := args[lost]; lost != "" && has != (c.without == "") {
			t.Errorf("%s to a %s at %s has %s: %v", c.method, c.service, c.rpc, lost, has)
		}
		if old := strings.Contains(string(e.Args), `"versioned_object.version":"1.8"`); c.method == rpcapi.MethodDeleteVolume && old != (c.object == "1.38") {
			t.Errorf("%s to a %s at %s has not the objects of the history's %s: %s", c.method, c.service, c.rpc, c.object, e.Args)
		}
	}
}

// TestAnswersAreAsOldAsTheOldest: whoever asks may be of any kind.
func TestAnswersAreAsOldAsTheOldest(t *testing.T) {
	s := sampleOf(t, volume, rpcapi.MethodAttachVolume)
	in := messaging.Incoming{Topic: s.target().Topic, Method: s.method}
	for object, want := range map[string]string{"1.39": "", "1.38": "", "1.30": "CappedVersionUnknown"} {
		_, err := pinnedCodec(t, backup, "2.4", object).EncodeReply(t.Context(), in, s.replies[0])
		if fault.NameOf(err) != want {
			t.Errorf("beside a backup service with objects of %s: %v", object, err)
		}
	}
}
