package snapshot

import (
	"strings"

	"github.com/clinker/clinker/internal/block/scheduler/decide/evaluator"
)

// Formulas evaluates filter and goodness functions for one request. It reads each text once, as the pools of a back end
// share theirs. It is for one goroutine.
type Formulas struct {
	request *Request
	parsed  map[string]parsed
}

type parsed struct {
	expression *evaluator.Expression
	err        error
}

// NewFormulas prepares for a request.
func NewFormulas(r *Request) *Formulas {
	return &Formulas{request: r, parsed: map[string]parsed{}}
}

// Result is what a formula came to: a value or an error.
type Result struct {
	Value evaluator.Value
	Err   error
}

// Evaluate computes a pool's formula. If it uses storage_protocol and the protocol has several spellings there is one
// result for each, as the formula may know just one of them; otherwise one result.
func (f *Formulas) Evaluate(text string, p *Pool) []Result {
	e, ok := f.parsed[text]
	if !ok {
		e.expression, e.err = evaluator.Parse(text)
		f.parsed[text] = e
	}
	if e.err != nil {
		return []Result{{Err: e.err}}
	}
	protocols := p.StorageProtocols
	if len(protocols) < 2 || !strings.Contains(text, "storage_protocol") {
		protocols = protocols[:min(1, len(protocols))]
	}
	if len(protocols) == 0 {
		return []Result{f.evaluate(e.expression, p, "")}
	}
	results := make([]Result, len(protocols))
	for i, protocol := range protocols {
		results[i] = f.evaluate(e.expression, p, protocol)
	}
	return results
}

func (f *Formulas) evaluate(e *evaluator.Expression, p *Pool, protocol string) Result {
	v, err := e.Evaluate(func(dictionary, key string) (any, bool) {
		switch dictionary {
		case "stats":
			if key == "storage_protocol" {
				return protocol, true
			}
			return p.Stat(key)
		case "capabilities":
			v, ok := p.Capabilities[key]
			if ok && key == "storage_protocol" {
				return protocol, true
			}
			return v, ok
		case "extra":
			v, ok := f.request.ExtraSpecs[key]
			return v, ok
		case "volume":
			return f.request.property(key)
		case "qos":
			v, ok := f.request.QoSSpecs[key]
			return v, ok
		}
		return nil, false
	})
	return Result{Value: v, Err: err}
}

// Stat is the pool's state under the name that formulas (stats.free_capacity_gb) and the query hint
// ($free_capacity_gb) know, in contrast to Capabilities less what has been placed since the report; ok is false for a
// name that does not exist. Upstream: the attributes of BackendState.
func (p *Pool) Stat(key string) (value any, ok bool) {
	switch key {
	case "host":
		return string(p.Host), true
	case "cluster_name":
		return orNil(string(p.Cluster)), true
	case "backend_id":
		return string(p.ID()), true
	case "volume_backend_name":
		return orNil(p.BackendName), true
	case "vendor_name":
		return orNil(p.VendorName), true
	case "driver_version":
		return orNil(p.DriverVersion), true
	case "storage_protocol":
		return p.protocolValue(), true
	case "QoS_support":
		return p.QoSSupport, true
	case "total_capacity_gb":
		return p.Total.Value(), true
	case "allocated_capacity_gb":
		return p.AllocatedGiB, true
	case "free_capacity_gb":
		return p.Free.Value(), true
	case "reserved_percentage":
		return p.ReservedPercentage, true
	case "pool_name":
		return p.Name(), true
	}
	return p.provisioning(key)
}

// provisioning is the rest of Stat: what upstream gives to queries only.
func (p *Pool) provisioning(key string) (value any, ok bool) {
	switch key {
	case "provisioned_capacity_gb":
		return p.ProvisionedGiB, true
	case "max_over_subscription_ratio":
		return p.MaxOverSubscription, true
	case "thin_provisioning_support":
		return p.ThinProvisioning, true
	case "thick_provisioning_support":
		return p.ThickProvisioning, true
	case "multiattach":
		return p.Multiattach, true
	}
	return nil, false
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (p *Pool) protocolValue() any {
	switch len(p.StorageProtocols) {
	case 0:
		return nil
	case 1:
		return p.StorageProtocols[0]
	}
	list := make([]any, len(p.StorageProtocols))
	for i, s := range p.StorageProtocols {
		list[i] = s
	}
	return list
}

func (r *Request) property(key string) (any, bool) {
	if v, ok := r.VolumeProperties[key]; ok {
		return v, true
	}
	switch key {
	case "size":
		return r.SizeGiB, true
	case "user_id":
		return r.UserID, true
	case "project_id":
		return r.ProjectID, true
	}
	return nil, false
}
