package identity

import (
	"strings"

	"github.com/clinker/clinker/internal/fault"
)

// The faults that the use cases raise most, in Keystone's words (keystone/exception.py): clients match on some of them.

// NotFound: there is no such thing. What is one of the names of Keystone's API: "user", "project", "role", ...
func NotFound(what, id string) *fault.Error {
	if strings.HasSuffix(what, " for") {
		return fault.New(fault.NotFound, "", "Could not find %s %s.", what, id)
	}
	return fault.New(fault.NotFound, "", "Could not find %s: %s.", what, id)
}

// The names of things in NotFound.
const (
	TheUser                  = "user"
	TheProject               = "project"
	TheDomain                = "domain"
	TheGroup                 = "group"
	TheRole                  = "role"
	TheService               = "service"
	TheEndpoint              = "endpoint"
	TheRegion                = "region"
	TheCredential            = "credential"
	TheApplicationCredential = "Application Credential"
	TheAccessRule            = "Access Rule"
	TheToken                 = "token"
	TheProjectTag            = "project tag"
	TheRegisteredLimit       = "registered limit for"
	TheLimit                 = "limit for"
	ThePolicy                = "policy"
	TheEndpointGroup         = "Endpoint Group"
	TheTrust                 = "trust"
	TheMapping               = "mapping"
	TheConsumer              = "consumer"
)

// Unauthorized: who asks has not proved who they are, or may not have what they asked for. Why is for the log alone: the
// answer is always the same, so that nobody learns which part of a guess was right.
func Unauthorized(format string, args ...any) *fault.Error {
	return fault.Wrap(fault.New(fault.Unauthorized, "", format, args...), fault.Unauthorized, "", "The request you have made requires authentication.")
}

// UnsupportedMethod: the login names a method that is not offered.
func UnsupportedMethod() *fault.Error {
	return fault.New(fault.Unauthorized, NameUnsupportedMethod, "Attempted to authenticate with an unsupported method.")
}

// NameUnsupportedMethod marks the one refused login whose answer lists the methods there are.
const NameUnsupportedMethod = "AuthMethodNotSupported"

// Forbidden: the caller may not do that. As with Unauthorized, why is for the log.
func Forbidden(format string, args ...any) *fault.Error {
	return fault.Wrap(fault.New(fault.Forbidden, "", format, args...), fault.Forbidden, "", "You are not authorized to perform the requested action.")
}

// ForbiddenAction: the caller may not do what action names.
func ForbiddenAction(action string) *fault.Error {
	return fault.New(fault.Forbidden, "", "You are not authorized to perform the requested action: %s.", action)
}

// Missing: the request leaves something out that it needs.
func Missing(attribute, in string) *fault.Error {
	return fault.New(fault.Invalid, "", "Expecting to find %s in %s. The server could not comply with the request since it is either malformed or otherwise "+
		"incorrect. The client is assumed to be in error.", attribute, in)
}

// Invalid: the request asks for something that cannot be.
func Invalid(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "", format, args...)
}

// Conflict: something of that kind is already there, or stands against it.
func Conflict(kind, format string, args ...any) *fault.Error {
	f := fault.New(fault.Conflict, "", format, args...)
	f.Text = "Conflict occurred attempting to store " + kind + " - " + f.Text
	return f
}

// Immutable: the thing may not be changed.
func Immutable(kind, id string) *fault.Error {
	return fault.New(fault.Forbidden, "ResourceUpdateForbidden", "Unable to update immutable %s resource: `%s`. Set resource option \"immutable\" to false first.", kind, id)
}

// ImmutableDelete: the thing may not be deleted.
func ImmutableDelete(kind, id string) *fault.Error {
	return fault.New(fault.Forbidden, "ResourceDeleteForbidden", "Unable to delete immutable %s resource: `%s`. Set resource option \"immutable\" to false first.", kind, id)
}
