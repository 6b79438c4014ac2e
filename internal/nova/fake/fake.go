// Package fake is a compute service in memory, which notes what it was told.
package fake

import (
	"context"
	"slices"
	"sync"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/nova"
)

// Nova implements nova.Service. The zero value has no servers. It is safe for concurrent use.
type Nova struct {
	mu      sync.Mutex
	servers map[string]map[string]string // volume to attachment, by server
	events  []nova.Event
	swaps   []Swap
	err     error
}

// Swap is what UpdateServerVolume was asked.
type Swap struct{ ServerID, VolumeID, NewID string }

var _ nova.Service = (*Nova)(nil)

// Attach has a server use a volume by an attachment.
func (n *Nova) Attach(serverID, volumeID, attachmentID string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.servers == nil {
		n.servers = map[string]map[string]string{}
	}
	if n.servers[serverID] == nil {
		n.servers[serverID] = map[string]string{}
	}
	n.servers[serverID][volumeID] = attachmentID
}

// Fail makes every method fail with err, and if it is nil no longer.
func (n *Nova) Fail(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.err = err
}

// Events are the events it was told, in order.
func (n *Nova) Events() []nova.Event {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.events)
}

// Swaps is what it was asked to swap, in order.
func (n *Nova) Swaps() []Swap {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.swaps)
}

// AttachmentOf implements nova.Service.
func (n *Nova) AttachmentOf(_ context.Context, serverID, volumeID string) (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.attachment(serverID, volumeID)
}

func (n *Nova) attachment(serverID, volumeID string) (string, error) {
	if n.err != nil {
		return "", n.err
	}
	id, used := n.servers[serverID][volumeID]
	if !used {
		return "", nova.NotFound(nil, serverID, volumeID)
	}
	return id, nil
}

// Tell implements nova.Service. Events of servers it does not know are dropped, as Nova does.
func (n *Nova) Tell(_ context.Context, events ...nova.Event) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err != nil {
		return n.err
	}
	known := 0
	for _, e := range events {
		if n.servers[e.ServerID] != nil {
			known++
			n.events = append(n.events, e)
		}
	}
	if known == 0 && len(events) > 0 {
		return nova.NotFound(nil, events[0].ServerID, events[0].Tag)
	}
	return nil
}

// UpdateServerVolume implements nova.Service: it notes what it was asked. A server that swaps the volume already is a Conflict.
func (n *Nova) UpdateServerVolume(_ context.Context, serverID, volumeID, newID string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, err := n.attachment(serverID, volumeID); err != nil {
		return err
	}
	for _, s := range n.swaps {
		if s.ServerID == serverID && s.VolumeID == volumeID {
			return fault.New(fault.Conflict, "", "The compute service cannot do so with instance %s and volume %s now: it answered 409.", serverID, volumeID)
		}
	}
	n.swaps = append(n.swaps, Swap{serverID, volumeID, newID})
	return nil
}
