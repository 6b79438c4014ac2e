package rpcapi

// GetCapabilities asks a volume service what its storage can do; Discover has it look again.
type GetCapabilities struct{ Discover bool }

// Capabilities is the answer: Cinder's dictionary of a back end, with the extra specs it knows under "properties".
type Capabilities struct{ Capabilities map[string]any }
