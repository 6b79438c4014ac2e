package wire

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/reqctx"
)

// contextPrefix is before each key of a request's context.
const contextPrefix = "_context_"

// Context is a Cinder request's context as it travels: RequestContext.to_dict of cinder/context.py over that of
// oslo_context/context.py. "" stands for None.
type Context struct {
	Request reqctx.Request
	// ReadDeleted is "no", "yes" or "only"; "" is written as "no".
	ReadDeleted string
	// Timestamp is when the request came, in Python's isoformat; "" is written as now.
	Timestamp                              string
	QuotaClass, ResourceUUID               string
	MessageResourceID, MessageResourceType string
	ReadOnly, ShowDeleted                  bool
	NotAdminProject                        bool            // is_admin_project is false
	MessageAction                          json.RawMessage // a pair, ["013", "create backup"]
	TraceInfo                              json.RawMessage // osprofiler\'s, handed on as it is
}

// isoformat is Python's datetime.isoformat of a time with microseconds and a zone.
const isoformat = "2006-01-02T15:04:05.000000-07:00"

// dash is how user_identity writes what is not known.
func dash(s string) string { return cmp.Or(s, "-") }

// write adds the keys, in the order Cinder has them.
func (c Context) write(o *object) {
	r := c.Request
	roles := r.Roles
	if roles == nil {
		roles = []string{}
	}
	timestamp := c.Timestamp
	if timestamp == "" {
		timestamp = time.Now().UTC().Format(isoformat)
	}
	identity := strings.Join([]string{dash(r.UserID), dash(r.ProjectID), dash(r.DomainID), dash(r.UserDomainID), dash(r.ProjectDomainID)}, " ")
	for _, f := range []struct {
		key   string
		value any
	}{
		{"user", orNull(r.UserID)}, {"project_id", orNull(r.ProjectID)}, {"system_scope", orNull(r.SystemScope)},
		{"project", orNull(r.ProjectID)}, {"domain", orNull(r.DomainID)}, {"user_domain", orNull(r.UserDomainID)},
		{"project_domain", orNull(r.ProjectDomainID)}, {"is_admin", r.IsAdmin}, {"read_only", c.ReadOnly},
		{"show_deleted", c.ShowDeleted}, {"auth_token", orNull(r.AuthToken)}, {"request_id", orNull(r.RequestID)},
		{"global_request_id", orNull(r.GlobalRequestID)}, {"resource_uuid", orNull(c.ResourceUUID)}, {"roles", roles},
		{"user_identity", identity}, {"is_admin_project", !c.NotAdminProject}, {"user_id", orNull(r.UserID)},
		{"project_name", orNull(r.ProjectName)}, {"domain_id", orNull(r.DomainID)}, {"read_deleted", cmp.Or(c.ReadDeleted, "no")},
		{"remote_address", orNull(r.RemoteAddress)}, {"timestamp", timestamp}, {"quota_class", orNull(c.QuotaClass)},
		{"service_catalog", neededCatalog(r.ServiceCatalog)}, {"message_resource_id", orNull(c.MessageResourceID)},
		{"message_resource_type", orNull(c.MessageResourceType)}, {"message_action", c.MessageAction},
	} {
		o.field(contextPrefix+f.key, f.value)
	}
	if len(c.TraceInfo) > 0 {
		o.field(contextPrefix+"trace_info", c.TraceInfo)
	}
}

// neededCatalog is the part of a catalog that travels: the services that are called on a caller's behalf (cinder/context.py).
func neededCatalog(text string) []json.RawMessage {
	needed := []json.RawMessage{}
	var all []json.RawMessage
	if json.Unmarshal([]byte(text), &all) != nil {
		return needed // there is none
	}
	for _, entry := range all {
		var service struct{ Type string }
		if json.Unmarshal(entry, &service) != nil {
			continue
		}
		switch service.Type {
		case "identity", "compute", "object-store", "image", "key-manager":
			needed = append(needed, entry)
		}
	}
	return needed
}

// readContext takes a request's context out of a message. Keys that are missing or of another type than they should be are
// taken as not known, as upstream's from_dict has it.
func readContext(message fields) Context {
	f := make(fields, len(message))
	for key, value := range message {
		if name, ok := strings.CutPrefix(key, contextPrefix); ok {
			f[name] = value
		}
	}
	c := Context{
		Request: reqctx.Request{
			RequestID: f.text("request_id"), GlobalRequestID: f.text("global_request_id"),
			UserID: cmp.Or(f.text("user_id"), f.text("user")), ProjectID: cmp.Or(f.text("project_id"), f.text("project")),
			ProjectName: f.text("project_name"), DomainID: cmp.Or(f.text("domain_id"), f.text("domain")),
			UserDomainID: f.text("user_domain"), ProjectDomainID: f.text("project_domain"), SystemScope: f.text("system_scope"),
			Roles: f.list("roles"), IsAdmin: f.flag("is_admin"), AuthToken: f.text("auth_token"), RemoteAddress: f.text("remote_address"),
		},
		ReadDeleted: f.text("read_deleted"), Timestamp: f.text("timestamp"), QuotaClass: f.text("quota_class"),
		ResourceUUID: f.text("resource_uuid"), MessageResourceID: f.text("message_resource_id"),
		MessageResourceType: f.text("message_resource_type"),
		ReadOnly:            f.flag("read_only"), ShowDeleted: f.flag("show_deleted"), NotAdminProject: string(f["is_admin_project"]) == "false",
	}
	if catalog := string(f["service_catalog"]); catalog != "null" && catalog != "[]" {
		c.Request.ServiceCatalog = catalog
	}
	if f.present("message_action") {
		c.MessageAction = f["message_action"]
	}
	if f.present("trace_info") {
		c.TraceInfo = f["trace_info"]
	}
	return c
}

// extra is what Clinker's services tell each other beside a message, under the key extraKey.
type extra struct {
	Codec map[string]string `json:"codec,omitempty"` // messaging.Encoded.Extra
	Trace map[string]string `json:"trace,omitempty"` // W3C's headers
	// What reqctx.Request has and Cinder's context has not.
	UserName     string   `json:"user_name,omitempty"`
	ServiceRoles []string `json:"service_roles,omitempty"`
}

// extraKey stands beside method and args, where Python's dispatcher does not look.
const extraKey = "clinker"

func (e extra) empty() bool {
	return len(e.Codec) == 0 && len(e.Trace) == 0 && e.UserName == "" && len(e.ServiceRoles) == 0
}

func (e extra) write(o *object) {
	if !e.empty() {
		o.field(extraKey, e)
	}
}

func readExtra(f fields) (extra, error) {
	var e extra
	if !f.present(extraKey) {
		return e, nil
	}
	if err := json.Unmarshal(f[extraKey], &e); err != nil {
		return e, fmt.Errorf("%s is not what a Clinker writes: %w", extraKey, err)
	}
	return e, nil
}
