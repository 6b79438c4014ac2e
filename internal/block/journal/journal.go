// Package journal binds the flow engine and its recovery to the store of Block Storage. The names of the operations are in
// rpcapi.
//
// What must not live here: any flow's steps, or what an owner does with a record.
package journal

import (
	"context"

	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/flow/recovery"
)

// Resume runs one record of the journal again.
type Resume = recovery.Resume

// Watch is recovery as a service runs it; its Store is a store.Store.
type Watch = recovery.Watch

// Updater is the part of a store.Store that the journal writes through.
type Updater interface {
	Update(ctx context.Context, fn func(tx store.Tx) error) error
	UpdateTogether(ctx context.Context, lane string, fn func(tx store.Tx) error) error
}

// New gives a journal that keeps its records in s, in the transactions of s.
func New(s Updater) flow.Journal[store.Tx] { return rows{s} }

type rows struct{ Updater }

func (rows) PutFlow(ctx context.Context, tx store.Tx, r flow.Record) error { return tx.PutFlow(ctx, r) }

func (rows) ClaimFlow(ctx context.Context, tx store.Tx, r flow.Record) (bool, error) {
	return tx.ClaimFlow(ctx, r)
}

func (rows) TouchFlow(ctx context.Context, tx store.Tx, r flow.Record) (there, mine bool, err error) {
	return tx.TouchFlow(ctx, r)
}

func (rows) DeleteFlow(ctx context.Context, tx store.Tx, id string) error {
	return tx.DeleteFlow(ctx, id)
}
