package journal

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/flow"
)

// Keepers knows whose services see to which owner's records: ours, or Python's, which look into no journal. It is safe for
// concurrent use.
type Keepers struct {
	downTime time.Duration
	now      func() time.Time

	mu    sync.Mutex
	known map[string]known
}

type known struct {
	kept  bool
	until time.Time
}

// remembered is how long an answer is used again: a burst of work asks once.
const remembered = 2 * time.Second

// NewKeepers makes one. downTime is service_down_time; a nil now means time.Now.
func NewKeepers(downTime time.Duration, now func() time.Time) *Keepers {
	if now == nil {
		now = time.Now
	}
	return &Keepers{downTime: downTime, now: now, known: make(map[string]known)}
}

// Kept says whether a service of ours sees to the records of an owner. A nil Keepers says yes: inside one process everybody
// is ours.
func (k *Keepers) Kept(ctx context.Context, r store.Reader, owner string) (bool, error) {
	if k == nil {
		return true, nil
	}
	now := k.now()
	k.mu.Lock()
	before, ok := k.known[owner]
	k.mu.Unlock()
	if ok && now.Before(before.until) {
		return before.kept, nil
	}
	binary := binaryOf(owner)
	own, err := r.OwnServices(ctx, binary)
	if err != nil {
		return false, err
	}
	services, err := r.Services(ctx, store.ServiceQuery{Binary: binary})
	if err != nil {
		return false, err
	}
	kept := kept(owner, own, services, now, k.downTime)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known[owner] = known{kept, now.Add(remembered)}
	return kept, nil
}

// binaryOf is which kind of service an owner's name is of.
func binaryOf(owner string) string {
	switch {
	case owner == rpcapi.SchedulerOwner:
		return block.BinaryScheduler
	case strings.HasPrefix(owner, rpcapi.BackupOwner("")):
		return block.BinaryBackup
	}
	return block.BinaryVolume
}

// kept is the rule. Of those that may get the owner's messages none that is up may be Python's, and one must be ours, be it
// down: it comes back, unless a Python service has taken its place and reported since, or an operator has removed it.
func kept(owner string, own []store.OwnService, services []*block.Service, now time.Time, downTime time.Duration) bool {
	marks := make(map[string]store.OwnService, len(own))
	for _, o := range own {
		marks[o.Host] = o
	}
	found := false
	for _, s := range services {
		mark, marked := marks[s.Host]
		ours := marked && !mark.Replaced(s)
		gets := owner == rpcapi.SchedulerOwner || s.Host == hostOf(owner) || s.ClusterName == owner && owner != ""
		switch {
		case gets && !ours && s.Up(now, downTime):
			return false
		case gets && ours && mark.Owner == owner:
			found = true
		}
	}
	return found
}

// hostOf is the host in the name of an owner that is one service.
func hostOf(owner string) string { return strings.TrimPrefix(owner, rpcapi.BackupOwner("")) }

// Keeping is s, but for records that would pass to an owner whom no service of ours keeps: they are deleted instead, in the
// same transaction. From there on the operation is as safe as Python's services make it. A nil k gives s as it is.
func Keeping(s store.Store, k *Keepers) store.Store {
	if k == nil {
		return s
	}
	return keeping{s, k}
}

type keeping struct {
	store.Store
	keepers *Keepers
}

func (s keeping) Update(ctx context.Context, fn func(tx store.Tx) error) error {
	return s.Store.Update(ctx, func(tx store.Tx) error { return fn(keepingTx{tx, s.keepers}) })
}

func (s keeping) UpdateTogether(ctx context.Context, lane string, fn func(tx store.Tx) error) error {
	return s.Store.UpdateTogether(ctx, lane, func(tx store.Tx) error { return fn(keepingTx{tx, s.keepers}) })
}

type keepingTx struct {
	store.Tx
	keepers *Keepers
}

func (t keepingTx) PutFlow(ctx context.Context, r flow.Record) error {
	kept, err := t.keepers.Kept(ctx, t.Tx, r.Owner)
	if err != nil {
		return err
	}
	if !kept {
		return t.Tx.DeleteFlow(ctx, r.ID)
	}
	return t.Tx.PutFlow(ctx, r)
}
