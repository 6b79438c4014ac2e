package rpcapi

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// Methods that every service serves, about what it logs.
const (
	MethodSetLogLevels = "set_log_levels"
	MethodGetLogLevels = "get_log_levels"
)

// SetLogLevels has a service log from a level on ("DEBUG", "INFO", "WARNING" or "ERROR", in any case), where the names of its loggers
// begin with Prefix.
type SetLogLevels struct{ Prefix, Level string }

// GetLogLevels asks for the levels of the loggers whose names begin with Prefix.
type GetLogLevels struct{ Prefix string }

// LogLevels is the answer to it: levels by the names of loggers.
type LogLevels struct{ Levels map[string]string }

// logVersions are since when services know these methods.
var logVersions = map[string]string{block.BinaryVolume: "3.12", block.BinaryScheduler: "3.7", block.BinaryBackup: "2.1"}

// Service sends to one service, of whatever kind, by its row.
type Service struct{ Client messaging.Client }

// target is how a service is addressed.
func (Service) target(s *block.Service, version string) messaging.Target {
	if s.Binary == block.BinaryVolume {
		return target(block.Host(s.Host), version)
	}
	return messaging.Target{Topic: s.Binary, Server: s.Host, Version: version}
}

// SetLogLevels casts set_log_levels.
func (c Service) SetLogLevels(ctx context.Context, s *block.Service, m *SetLogLevels) error {
	return c.Client.Cast(ctx, c.target(s, logVersions[s.Binary]), messaging.Message{Method: MethodSetLogLevels, Args: m})
}

// GetLogLevels calls get_log_levels.
func (c Service) GetLogLevels(ctx context.Context, s *block.Service, prefix string) (LogLevels, error) {
	var r LogLevels
	err := c.Client.Call(ctx, c.target(s, logVersions[s.Binary]), messaging.Message{Method: MethodGetLogLevels, Args: &GetLogLevels{Prefix: prefix}}, &r)
	return r, err
}
