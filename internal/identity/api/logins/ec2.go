package logins

import (
	"context"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/api/rest"
	"github.com/clinker/clinker/internal/identity/app/ec2"
	"github.com/clinker/clinker/internal/identity/app/tokens"
	"github.com/clinker/clinker/internal/oslo/bodyschema"
)

// signedSchema is what a service says of a signed request; the member around it has had several names.
const signedSchema = `{"type": "object", "properties": {
	"access": {"type": "string"}, "signature": {"type": ["string", "null"]}, "host": {"type": "string"}, "verb": {"type": "string"}, "path": {"type": "string"},
	"params": {"type": "object"}, "headers": {"type": "object"}, "body_hash": {"type": ["string", "null"]}}}`

// EC2 is the route for services that got a request with an EC2 signature.
func EC2(l *ec2.Login, t *tokens.Tokens) []rest.Route {
	schema := `{"type": "object", "properties": {"credentials": ` + signedSchema + `, "credential": ` + signedSchema + `, "ec2Credentials": ` + signedSchema + `}}`
	return []rest.Route{{Method: "POST", Path: "/v3/ec2tokens", Schema: schema, Policy: []string{"identity:ec2tokens_validate"},
		Handler: func(ctx context.Context, r *rest.Request) (*rest.Response, error) {
			signed, err := signedRequest(r.Body)
			if err != nil {
				return nil, err
			}
			token, err := l.Token(ctx, signed)
			if err != nil {
				return nil, err
			}
			return handlers{tokens: t}.answer(ctx, r, token)
		}}}
}

func signedRequest(body bodyschema.Object) (ec2.Request, error) {
	for _, name := range []string{"credentials", "credential", "ec2Credentials"} {
		if signed := body.Object(name); signed != nil {
			return ec2.Request{Access: signed.String("access"), Signature: signed.String("signature"), Verb: signed.String("verb"), Host: signed.String("host"),
				Path: signed.String("path"), Params: signed.StringMap("params"), Headers: signed.StringMap("headers"), BodyHash: signed.String("body_hash")}, nil
		}
	}
	return ec2.Request{}, identity.Missing("credentials", "request body")
}
