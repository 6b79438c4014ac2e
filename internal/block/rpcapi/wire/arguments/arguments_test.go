package arguments

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block/rpcapi/wire/objects"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
	vo "github.com/clinker/clinker/internal/oslo/versionedobjects"
)

func registry(t *testing.T) *vo.Registry {
	t.Helper()
	r, err := objects.New()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestSpecInBothForms: a request_spec says the same as an object and as a dictionary, and nothing when it is null.
func TestSpecInBothForms(t *testing.T) {
	properties := vo.New("VolumeProperties")
	properties.Set("size", int64(3))
	spec := vo.New("RequestSpec")
	spec.Set("volume_id", "v")
	spec.Set("availability_zones", []string{"a"})
	spec.Set("volume_properties", properties)
	e := &Encoder{Registry: registry(t)}
	for name, v := range map[string]any{
		"an object":    e.Object(spec),
		"a dictionary": map[string]any{"volume_id": "v", "availability_zones": []any{"a"}, "volume_properties": map[string]any{"size": 3.0}},
	} {
		if p, ok := v.(map[string]any); ok && vo.IsPrimitive(v) { // as it comes from JSON
			p["versioned_object.data"].(map[string]any)["volume_properties"].(map[string]any)["versioned_object.data"].(map[string]any)["size"] = 3.0
		}
		d := &Decoder{Registry: registry(t), Args: map[string]any{"request_spec": v}}
		got := d.Spec("request_spec")
		if d.Err != nil || got.Text("volume_id") != "v" || got.Dict("volume_properties").Number("size") != 3 || len(got.Texts("availability_zones")) != 1 {
			t.Errorf("%s: %v, %v", name, got, d.Err)
		}
	}
	d := &Decoder{Registry: registry(t), Args: map[string]any{"request_spec": nil}}
	if got := d.Spec("request_spec"); got != nil || d.Err != nil || got.Text("volume_id") != "" || got.Dict("x").Number("y") != 0 {
		t.Errorf("null: %v, %v", got, d.Err)
	}
}

// TestTheFirstErrorStays: what is asked after it neither hides it nor reads anything.
func TestTheFirstErrorStays(t *testing.T) {
	first := errors.New("first")
	e := &Encoder{Registry: registry(t)} // no store: reading would panic
	e.Fail(first)
	e.Fail(errors.New("second"))
	e.SetVolume("volume", "v")
	e.SetBackup("backup", "b")
	if _, err := e.JSON(e.Args); !errors.Is(err, first) {
		t.Errorf("encoder: %v", err)
	}
	d := &Decoder{Registry: registry(t), Args: map[string]any{"a": 7.0}}
	if d.Text("a") != "" || d.ID("b", "Volume") != "" || d.Members("g") != nil || d.Zone("n@b") != "" {
		t.Error("values after an error")
	}
	if !fault.Is(d.Err, fault.Invalid) || !strings.Contains(d.Err.Error(), "Argument a is no text") {
		t.Errorf("decoder: %v", d.Err)
	}
}

// TestBesideTheArguments: what is there is short enough for the transport, or is not there.
func TestBesideTheArguments(t *testing.T) {
	e := &Encoder{}
	e.Flow("")
	e.More(strings.Repeat("x", messaging.MaxExtra))
	if len(e.Extra) != 0 || e.Err != nil {
		t.Errorf("%d pairs, %v", len(e.Extra), e.Err)
	}
	e.Flow("f")
	e.More("short")
	d, more := &Decoder{Extra: e.Extra}, ""
	if d.Flow() != "f" || !d.More(&more) || more != "short" || d.Err != nil {
		t.Errorf("%q, %q, %v", d.Flow(), more, d.Err)
	}
	var number int
	if d.More(&number) || !fault.Is(d.Err, fault.Invalid) {
		t.Errorf("something else: %v", d.Err)
	}
}

func TestPlainForms(t *testing.T) {
	inner := vo.New("VolumeType")
	inner.Set("created_at", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	o := vo.New("Volume")
	o.Set("volume_type", inner)
	o.Set("host", nil)
	want := map[string]any{"host": nil, "volume_type": map[string]any{"created_at": "2026-01-02T03:04:05.000000"}}
	if diff := cmp.Diff(want, JSONOf(o)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if OrNull("") != nil || OrNull("x") != "x" || NotNull(nil) == nil {
		t.Error("nulls")
	}
}
