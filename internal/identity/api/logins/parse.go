package logins

import (
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app/auth"
	"github.com/clinker/clinker/internal/oslo/bodyschema"
)

// reference reads {"id": ...} or {"name": ..., "domain": {...}}. where says what is read, for the refusal.
func reference(body bodyschema.Object, where string) (*auth.Ref, error) {
	if !body.Has("id") && !body.Has("name") {
		return nil, identity.Invalid("Invalid input for field %s: id or name must be present.", where)
	}
	ref := &auth.Ref{ID: body.String("id"), Name: body.String("name")}
	if domain := body.Object("domain"); domain != nil {
		if !domain.Has("id") && !domain.Has("name") {
			return nil, identity.Invalid("Invalid input for field %s/domain: id or name must be present.", where)
		}
		ref.Domain = &auth.Ref{ID: domain.String("id"), Name: domain.String("name")}
	}
	return ref, nil
}

// named makes sure that what is named by a name says in which domain.
func named(ref *auth.Ref, err error, what string) (*auth.Ref, error) {
	switch {
	case err != nil:
		return nil, err
	case ref.ID == "" && ref.Name == "":
		return nil, identity.Missing("id or name", what)
	case ref.Name != "" && ref.Domain == nil:
		return nil, identity.Missing("domain", what)
	}
	return ref, nil
}

func parseIdentity(body bodyschema.Object) (shown auth.Identity, err error) {
	shown.Methods = body.Strings("methods")
	for _, method := range shown.Methods {
		part := body.Object(method)
		if part == nil {
			return shown, identity.Missing(method, "identity")
		}
		switch method {
		case auth.MethodPassword:
			user := part.Object("user")
			if user == nil {
				return shown, identity.Missing("user", method)
			}
			ref, err := reference(user, "identity/password/user")
			if shown.User, err = named(ref, err, "user"); err != nil {
				return shown, err
			}
			shown.Password = user.String("password")
		case auth.MethodToken:
			shown.Token = part.String("id")
		case auth.MethodApplicationCredential:
			if err := parseCredential(part, &shown); err != nil {
				return shown, err
			}
		}
	}
	return shown, nil
}

func parseCredential(body bodyschema.Object, shown *auth.Identity) (err error) {
	shown.ApplicationCredential = &auth.Ref{ID: body.String("id"), Name: body.String("name")}
	shown.Secret = body.String("secret")
	switch {
	case shown.ApplicationCredential.ID != "":
		return nil
	case shown.ApplicationCredential.Name == "":
		return identity.Missing("name or ID", "application credential")
	}
	user := body.Object("user")
	if user == nil {
		return identity.Missing("user", "application credential")
	}
	ref, err := reference(user, "identity/application_credential/user")
	shown.CredentialUser, err = named(ref, err, "user")
	return err
}

// parseScope reads the member scope of body, which may be missing, "unscoped", or an object with one member.
func parseScope(body bodyschema.Object) (scope auth.Scope, err error) {
	const expected = "system, project, domain, OS-TRUST:trust or unscoped"
	if !body.Has("scope") {
		return scope, nil
	}
	if word := body.String("scope"); word != "" {
		if word != "unscoped" {
			return scope, identity.Missing(expected, "scope")
		}
		return auth.Scope{Unscoped: true}, nil
	}
	object := body.Object("scope")
	count := 0
	for _, name := range []string{"project", "domain", "unscoped", "system", "OS-TRUST:trust"} {
		if object.Has(name) {
			count++
		}
	}
	switch {
	case count != 1:
		return scope, identity.Missing(expected, "scope")
	case object.Has("OS-TRUST:trust"):
		if scope.TrustID = object.Object("OS-TRUST:trust").String("id"); scope.TrustID == "" {
			return scope, identity.Missing("trust_id", "trust")
		}
	case object.Has("project"):
		ref, err := reference(object.Object("project"), "scope/project")
		scope.Project, err = named(ref, err, "project")
		return scope, err
	case object.Has("domain"):
		scope.Domain, err = reference(object.Object("domain"), "scope/domain")
		return scope, err
	case object.Has("system"):
		scope.System = true
	default:
		scope.Unscoped = true
	}
	return scope, nil
}
