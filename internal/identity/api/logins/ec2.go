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

// EC2 are the routes for services that got a request with a signature of EC2 or S3.
func EC2(l *ec2.Login, t *tokens.Tokens) []rest.Route {
	schema := `{"type": "object", "properties": {"credentials": ` + signedSchema + `, "credential": ` + signedSchema + `, "ec2Credentials": ` + signedSchema + `}}`
	h := handlers{tokens: t}
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
			return h.answer(ctx, r, token)
		}}, {Method: "POST", Path: "/v3/s3tokens", Schema: `{"type": "object", "properties": {"credentials": ` + s3Schema + `, "credential": ` + s3Schema + `}}`,
		Policy: []string{"identity:s3tokens_validate"}, Handler: func(ctx context.Context, r *rest.Request) (*rest.Response, error) {
			signed, err := s3Request(r.Body)
			if err != nil {
				return nil, err
			}
			token, err := l.S3Token(ctx, signed)
			if err != nil {
				return nil, err
			}
			answer, err := h.answer(ctx, r, token)
			if err == nil {
				answer.Header.Del(subjectToken) // who asks learns whose request it is, and gets nothing to act with
			}
			return answer, err
		}}}
}

// s3Schema is what a service says of a request signed in the manner of S3.
const s3Schema = `{"type": "object", "properties": {"access": {"type": "string"}, "signature": {"type": ["string", "null"]}, "token": {"type": "string"}}}`

func s3Request(body bodyschema.Object) (ec2.S3Request, error) {
	for _, name := range []string{"credentials", "credential"} {
		if given := body.Object(name); given != nil {
			signed, err := ec2.ParseSigned(given.String("token"))
			return ec2.S3Request{Access: given.String("access"), Signature: given.String("signature"), Signed: signed}, err
		}
	}
	return ec2.S3Request{}, identity.Missing("credentials", "request body")
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
