package manager

import (
	"context"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/reqctx"
)

const (
	restorePage = 500    // volumes read at once
	journalPeek = 10_000 // operations under way that strange volumes are looked for in
	namedAtMost = 10     // ids named in one warning
)

// restore puts right, before anything is served, what the last process left: it removes leftovers of verbs that were
// killed, exports again what was exported, and compares rows and storage. What fails is logged: the service is of use
// without it.
//
// It deletes no volume. The journal has every one that is being made or deleted, and its recovery removes those that were
// not to be; a volume that neither a row nor the journal knows is somebody else's, or a loss to be looked into.
func (m *Manager) restore(ctx context.Context) {
	ctx = reqctx.Internal(ctx)
	var all driver.Inventory
	err := m.within(ctx, m.CopyTimeout, func(ctx context.Context) (err error) {
		all, err = m.Backend.Inventory(ctx)
		return err
	})
	known := err == nil
	if err != nil {
		m.Log.WarnContext(ctx, "the storage cannot list what it holds", "backend", m.Host, "error", err)
	}
	if m.Cluster == "" { // or else they may be what another member is at
		m.removeStrays(ctx, all.Strays)
	}
	if m.images != nil {
		if err := m.images.Clean(); err != nil {
			m.Log.WarnContext(ctx, "temporary files of images could not be removed", "backend", m.Host, "error", err)
		}
	}
	held := make(map[string]bool, len(all.VolumeIDs))
	for _, id := range all.VolumeIDs {
		held[id] = false
	}
	missing := named{}
	err = m.eachVolume(ctx, func(v *block.Volume) {
		if _, ok := held[v.BackendID()]; ok {
			held[v.BackendID()] = true
		} else if v.Status == block.VolumeAvailable || v.Status == block.VolumeInUse {
			missing.add(v.ID)
		}
		if v.Host.Backend() != m.Host {
			return // another member exports it
		}
		err := m.within(ctx, m.VerbTimeout, func(ctx context.Context) error { return m.exports.Restore(ctx, v) })
		if err != nil {
			m.Log.ErrorContext(ctx, "a volume could not be exported again", "volume_id", v.ID, "error", err)
		}
	})
	if err != nil {
		m.Log.ErrorContext(ctx, "the volumes could not be read", "backend", m.Host, "error", err)
		return
	}
	if !known {
		return
	}
	if missing.n > 0 {
		m.Log.ErrorContext(ctx, "there are volumes without storage", "backend", m.Host, "count", missing.n, "volume_ids", missing.ids)
	}
	m.reportStrangers(ctx, held)
}

// removeStrays removes what the driver says is left of verbs that were killed. Nothing runs yet that could own it.
func (m *Manager) removeStrays(ctx context.Context, strays []string) {
	if !m.Backend.Features().Sweeper {
		return
	}
	for _, name := range strays {
		err := m.within(ctx, m.VerbTimeout, func(ctx context.Context) error { return m.Backend.RemoveStray(ctx, name) })
		if err != nil {
			m.Log.WarnContext(ctx, "a leftover could not be removed", "backend", m.Host, "name", name, "error", err)
		}
	}
}

// reportStrangers warns of volumes in storage that neither a row nor the journal knows; held says which ids have a row.
func (m *Manager) reportStrangers(ctx context.Context, held map[string]bool) {
	underWay, err := m.Store.Flows(ctx, m.queue, 0, journalPeek)
	if err != nil {
		m.Log.WarnContext(ctx, "the journal could not be read", "backend", m.Host, "error", err)
		return
	}
	for _, r := range underWay {
		delete(held, r.ResourceID)
	}
	strange := named{}
	for id, hasRow := range held {
		if !hasRow {
			strange.add(id)
		}
	}
	if strange.n > 0 {
		slices.Sort(strange.ids)
		m.Log.WarnContext(ctx, "there are volumes in storage that the database does not know; they are left alone",
			"backend", m.Host, "count", strange.n, "volume_ids", strange.ids)
	}
}

// named is a number of ids, the first few by name.
type named struct {
	n   int
	ids []string
}

func (s *named) add(id string) {
	if s.n++; len(s.ids) < namedAtMost {
		s.ids = append(s.ids, id)
	}
}

// eachVolume calls fn with every volume of this back end, page by page.
func (m *Manager) eachVolume(ctx context.Context, fn func(v *block.Volume)) error {
	marker := ""
	for {
		q := store.VolumeQuery{Backend: m.Host, Page: store.Page{Limit: restorePage, Marker: marker}}
		if m.Cluster != "" {
			q.Backend, q.Equal = "", map[string][]string{"cluster_name": {m.Cluster}}
		}
		page, err := m.Store.Volumes(ctx, q)
		if err != nil {
			return err
		}
		for _, v := range page {
			fn(v)
		}
		if len(page) < restorePage {
			return nil
		}
		marker = page[len(page)-1].ID
	}
}
