package telemetry

import (
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/reqctx"
)

// NewJSONHandler writes one JSON object on a line for each record, with the keys of oslo.log's JSONFormatter; attributes
// are under "extra". Secrets are masked.
func NewJSONHandler(w io.Writer, o LogOptions) slog.Handler {
	host, _ := os.Hostname() // without one the field is empty, as upstream
	f := jsonFormatter{host: host, start: time.Now()}
	return &handler{output: &output{options: o, writer: w, format: f.format}}
}

type jsonFormatter struct {
	host  string
	start time.Time
}

// jsonRecord has oslo.log's keys in its order (oslo_log/formatters.py, JSONLogRecord).
type jsonRecord struct {
	Message         string         `json:"message"`
	Asctime         string         `json:"asctime"`
	Name            string         `json:"name"`
	Msg             string         `json:"msg"`
	Args            []string       `json:"args"`
	Levelname       string         `json:"levelname"`
	Levelno         int            `json:"levelno"`
	Pathname        string         `json:"pathname"`
	Filename        string         `json:"filename"`
	Module          string         `json:"module"`
	Lineno          int            `json:"lineno"`
	Funcname        string         `json:"funcname"`
	Created         float64        `json:"created"`
	Msecs           float64        `json:"msecs"`
	RelativeCreated float64        `json:"relative_created"`
	Thread          *int           `json:"thread"`
	ThreadName      *string        `json:"thread_name"`
	ProcessName     string         `json:"process_name"`
	Process         int            `json:"process"`
	Traceback       *string        `json:"traceback"`
	Hostname        string         `json:"hostname"`
	ErrorSummary    string         `json:"error_summary"`
	Context         map[string]any `json:"context"`
	Extra           map[string]any `json:"extra"`
}

func (f *jsonFormatter) format(b []byte, r record) []byte {
	file := filepath.Base(r.source.file)
	out := jsonRecord{
		Message: r.message, Msg: r.message, Args: []string{},
		Asctime: r.time.Format(time.DateTime), Name: r.name,
		Levelname: LevelName(r.level), Levelno: levelNumber(r.level),
		Pathname: r.source.file, Filename: file, Module: strings.TrimSuffix(file, ".go"),
		Lineno: r.source.line, Funcname: functionName(r.source.function),
		Created: float64(r.time.UnixMicro()) / 1e6, Msecs: float64(r.time.Nanosecond()/1e3) / 1e3,
		RelativeCreated: float64(r.time.Sub(f.start).Microseconds()) / 1e3,
		ProcessName:     "MainProcess", Process: os.Getpid(), Hostname: f.host,
		ErrorSummary: r.err, Context: jsonContext(r.request), Extra: map[string]any{},
	}
	if r.traceback != "" {
		out.Traceback = &r.traceback
	}
	for _, field := range r.fields {
		out.Extra[field.key] = field.value
	}
	text, err := json.Marshal(out)
	if err != nil {
		// Only an infinite or undefined number cannot be written; the message matters more than it.
		out.Extra = map[string]any{"unwritable": err.Error()}
		text, _ = json.Marshal(out)
	}
	return append(append(b, text...), '\n')
}

// jsonContext is oslo.context's get_logging_values as far as a request knows them; empty without a request.
func jsonContext(r reqctx.Request) map[string]any {
	if r.RequestID == "" {
		return map[string]any{}
	}
	null := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	roles := r.Roles
	if roles == nil {
		roles = []string{}
	}
	token := any(nil)
	if r.AuthToken != "" {
		token = Masked
	}
	identity := strings.Join([]string{dash(r.UserID), dash(r.ProjectID), dash(r.DomainID), dash(r.UserDomainID),
		dash(r.ProjectDomainID)}, " ")
	return map[string]any{
		"request_id": r.RequestID, "global_request_id": null(r.GlobalRequestID),
		"user": null(r.UserID), "user_name": null(r.UserName), "user_domain": null(r.UserDomainID),
		"project": null(r.ProjectID), "project_id": null(r.ProjectID), "project_name": null(r.ProjectName),
		"project_domain": null(r.ProjectDomainID), "domain": null(r.DomainID), "system_scope": null(r.SystemScope),
		"roles": roles, "is_admin": r.IsAdmin, "auth_token": token, "user_identity": identity,
	}
}
