package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/clinker/clinker/test/harness"
)

// errCut says that the service died, or stopped, before the request was answered: whether it took effect is open.
var errCut = errors.New("no answer: the service is gone")

// api is the service as one project uses it.
type api struct {
	cloud   *harness.Cloud
	project string
}

// call sends a request and decodes the answer's body, whatever the status. The error is errCut, or that the body is no
// JSON: nothing else can go wrong on a loopback address.
func (a api) call(ctx context.Context, method, path string, body any) (status int, answer object, err error) {
	response, err := a.cloud.Send(ctx, harness.Request{Method: method, Path: "/v3/" + a.project + path, Body: body,
		Project: a.project, Version: "3.71"})
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", errCut, err)
	}
	if len(response.Body) > 0 {
		if err := json.Unmarshal(response.Body, &answer); err != nil {
			return 0, nil, fmt.Errorf("%s %s: status %d with a body that is no JSON: %.200q", method, path, response.Status, response.Body)
		}
	}
	return response.Status, answer, nil
}

// object is a JSON object. What is missing reads as zero.
type object map[string]any

func (o object) text(key string) string {
	s, _ := o[key].(string)
	return s
}

func (o object) number(key string) int64 {
	n, _ := o[key].(float64)
	return int64(n)
}

func (o object) object(key string) object {
	m, _ := o[key].(map[string]any)
	return m
}

func (o object) list(key string) []object {
	all, _ := o[key].([]any)
	list := make([]object, 0, len(all))
	for _, e := range all {
		m, _ := e.(map[string]any)
		list = append(list, m)
	}
	return list
}

// fault is the message of a fault body: {"badRequest": {"code": 400, "message": ...}}.
func (o object) fault() string {
	for _, v := range o {
		if m, ok := v.(map[string]any); ok {
			return object(m).text("message")
		}
	}
	return ""
}
