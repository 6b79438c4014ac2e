package objects

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	vo "github.com/clinker/clinker/internal/oslo/versionedobjects"
)

// TestCapturedObjects: every object in what Python's clients have put on the wire is read, and written again as it was.
func TestCapturedObjects(t *testing.T) {
	f, err := os.Open("../testdata/python.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := New()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var m struct {
			Method string
			Args   map[string]any
		}
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		for name, arg := range m.Args {
			if !vo.IsPrimitive(arg) {
				continue
			}
			o, err := r.Decode(arg)
			if err != nil {
				t.Errorf("%s, %s: %v", m.Method, name, err)
				continue
			}
			seen[o.Class]++
			again, err := r.Encode(o, nil)
			if err != nil {
				t.Errorf("%s, %s: %v", m.Method, name, err)
				continue
			}
			var back any
			b, _ := json.Marshal(again)
			if err := json.Unmarshal(b, &back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(arg, back, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s, %s (-came +goes):\n%s", m.Method, name, diff)
			}
		}
	}
	for _, class := range []string{"Volume", "Snapshot", "Backup", "BackupImport", "Group", "GroupSnapshot", "RequestSpec", "BackupDeviceInfo", "CleanupRequest", "LogLevel"} {
		if seen[class] == 0 {
			t.Errorf("no %s was captured", class)
		}
	}
}

// TestVersions: the versions are those of the object history that block.ObjectVersion names (facts §4.5).
func TestVersions(t *testing.T) {
	r, err := New()
	if err != nil {
		t.Fatal(err)
	}
	want := vo.Manifest{"Backup": "1.7", "BackupDeviceInfo": "1.0", "BackupImport": "1.7", "BackupList": "1.0", "CleanupRequest": "1.0", "CGSnapshot": "1.1",
		"CGSnapshotList": "1.0", "Cluster": "1.1", "ClusterList": "1.0", "ConsistencyGroup": "1.4", "ConsistencyGroupList": "1.1", "Group": "1.2",
		"GroupList": "1.0", "GroupSnapshot": "1.0", "GroupSnapshotList": "1.0", "GroupType": "1.0", "GroupTypeList": "1.0", "LogLevel": "1.0",
		"LogLevelList": "1.0", "ManageableSnapshot": "1.0", "ManageableSnapshotList": "1.0", "ManageableVolume": "1.0", "ManageableVolumeList": "1.0",
		"QualityOfServiceSpecs": "1.0", "QualityOfServiceSpecsList": "1.0", "RequestSpec": "1.5", "Service": "1.6", "ServiceList": "1.1", "Snapshot": "1.6",
		"SnapshotList": "1.0", "Volume": "1.9", "VolumeAttachment": "1.3", "VolumeAttachmentList": "1.1", "VolumeList": "1.1", "VolumeProperties": "1.1",
		"VolumeType": "1.3", "VolumeTypeList": "1.1"}
	if diff := cmp.Diff(want, r.Classes()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for version, volume := range map[string]string{"1.38": "1.8", "1.39": "", "": ""} {
		if known, ok := History(version); !ok || known["Volume"] != volume {
			t.Errorf("at %q of the history a Volume is of version %q (%v), want %q", version, known["Volume"], ok, volume)
		}
	}
	if _, ok := History("1.37"); ok {
		t.Error("the history begins before 1.38")
	}
	for _, class := range []string{"Volume", "Snapshot"} {
		if !slices.ContainsFunc(r.Fields(class), func(f vo.Field) bool { return f.Name == "use_quota" && f.Since == "" }) {
			t.Errorf("a newer service that gets an older %s misses use_quota", class)
		}
	}
}
