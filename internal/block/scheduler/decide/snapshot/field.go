package snapshot

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bounds of what a report may say, far above what there is, so that sums and products of them stay finite.
const (
	maxGiB   = 1e15
	maxRatio = 1e6
)

// fields reads the keys of one pool's capabilities.
type fields struct {
	reader *reader
	pool   string
	from   map[string]any
}

func (f *fields) identity(p *Pool) {
	p.BackendName = f.text("volume_backend_name")
	p.VendorName = f.text("vendor_name")
	p.DriverVersion = f.text("driver_version")
	p.StorageProtocols = f.texts("storage_protocol")
	p.QoSSupport = f.truth("QoS_support", false)
	p.Multiattach = f.truth("multiattach", false)
	p.OnlineExtend = f.truth("online_extend_support", true)
	p.FilterFunction = f.text("filter_function")
	p.GoodnessFunction = f.text("goodness_function")
}

func (f *fields) capacity(p *Pool) {
	p.Total = f.room("total_capacity_gb")
	p.Free = f.room("free_capacity_gb")
	p.AllocatedGiB = f.number("allocated_capacity_gb", 0, 0, maxGiB)
	p.ProvisionedGiB = f.number("provisioned_capacity_gb", p.AllocatedGiB, 0, maxGiB)
	p.ReservedPercentage = f.number("reserved_percentage", 0, 0, 100)
	p.ThinProvisioning = f.truth("thin_provisioning_support", false)
	p.ThickProvisioning = f.truth("thick_provisioning_support", false)
	p.MaxOverSubscription = f.ratio().resolve(p)
}

// complain says that a key could not be read; the value is cut.
func (f *fields) complain(key, expected string) {
	f.reader.complain("pool %q: %s is %.64q, not %s", f.pool, key, fmt.Sprint(f.from[key]), expected)
}

func (f *fields) text(key string) string {
	switch v := f.from[key].(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number, float64, int, int64:
		return fmt.Sprint(v)
	}
	f.complain(key, "a string")
	return ""
}

func (f *fields) texts(key string) []string {
	switch v := f.from[key].(type) {
	case []string:
		return v
	case []any:
		list := make([]string, 0, len(v))
		for _, e := range v {
			if s, ok := e.(string); ok && s != "" {
				list = append(list, s)
			} else {
				f.complain(key, "a list of strings")
			}
		}
		return list
	}
	if s := f.text(key); s != "" {
		return []string{s}
	}
	return nil
}

func (f *fields) truth(key string, missing bool) bool {
	v, ok := f.from[key]
	if !ok || v == nil {
		return missing
	}
	b, ok := truthOf(v)
	if !ok {
		f.complain(key, "true or false")
		return missing
	}
	return b
}

// truthOf reads a truth value as a word, a number or itself.
func truthOf(v any) (b, ok bool) {
	if b, ok := v.(bool); ok {
		return b, true
	}
	if s, ok := v.(string); ok {
		switch strings.ToLower(strings.TrimSpace(s)) {
		case "true", "t", "yes", "y", "on", "1":
			return true, true
		case "false", "f", "no", "n", "off", "0", "":
			return false, true
		}
		return false, false
	}
	n, ok := NumberOf(v)
	return n != 0, ok
}

// number reads a number between least and most; what lies outside is moved to the nearer end.
func (f *fields) number(key string, missing, least, most float64) float64 {
	v, ok := f.from[key]
	if !ok || v == nil {
		return missing
	}
	n, ok := NumberOf(v)
	if !ok || math.IsNaN(n) {
		f.complain(key, "a number")
		return missing
	}
	if n < least || n > most {
		f.complain(key, fmt.Sprintf("between %g and %g", least, most))
	}
	return min(max(n, least), most)
}

func (f *fields) room(key string) Capacity {
	v, ok := f.from[key]
	if !ok {
		return GiB(0) // as upstream: a pool that says nothing has no room
	}
	if s, ok := v.(string); ok {
		switch strings.ToLower(strings.TrimSpace(s)) {
		case wordInfinite:
			return Capacity{Kind: Infinite}
		case wordUnknown:
			return Capacity{Kind: Unknown}
		}
	}
	n, ok := NumberOf(v)
	switch {
	case !ok || math.IsNaN(n) || math.IsInf(n, -1):
		f.complain(key, "a number, \"infinite\" or \"unknown\"")
		return Capacity{}
	case math.IsInf(n, 1):
		return Capacity{Kind: Infinite}
	}
	return GiB(min(max(n, -maxGiB), maxGiB))
}

func (f *fields) ratio() Ratio {
	const key = "max_over_subscription_ratio"
	v, ok := f.from[key]
	if !ok || v == nil || v == "" {
		return f.reader.source.DefaultRatio
	}
	r, ok := RatioOf(v)
	if !ok {
		f.complain(key, "a number or \"auto\"")
		return f.reader.source.DefaultRatio
	}
	if !r.Auto && r.Value == 0 {
		return f.reader.source.DefaultRatio
	}
	return r
}

// RatioOf reads max_over_subscription_ratio as an option or a report gives it: a number, a number in a string, or
// "auto"; ok is false for everything else, infinities included.
func RatioOf(v any) (r Ratio, ok bool) {
	if s, isText := v.(string); isText && strings.EqualFold(strings.TrimSpace(s), "auto") {
		return Ratio{Auto: true}, true
	}
	n, ok := NumberOf(v)
	if !ok || math.IsNaN(n) || math.IsInf(n, 0) {
		return Ratio{}, false
	}
	return Ratio{Value: min(n, maxRatio)}, true
}

// NumberOf reads a number from what JSON, Python or Go gives: any number, a truth value as 1 or 0, or a string as
// Python's float() reads it; ok is false for everything else. The result may be NaN or infinite.
func NumberOf(v any) (n float64, ok bool) {
	switch x := v.(type) {
	case float64:
		return x, true
	case json.Number:
		return parseNumber(string(x))
	case string:
		return parseNumber(strings.TrimSpace(x))
	case bool:
		if x {
			return 1, true
		}
		return 0, true
	case int:
		return float64(x), true
	case int64:
		return float64(x), true
	case float32:
		return float64(x), true
	case int32:
		return float64(x), true
	case uint64:
		return float64(x), true
	}
	return 0, false
}

func parseNumber(s string) (float64, bool) {
	if s == "" || strings.ContainsAny(s, "xX_") { // Go's hexadecimal numbers are not Python's
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil || math.IsInf(n, 0)
}
