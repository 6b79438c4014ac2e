package messaging

import (
	"context"

	"github.com/clinker/clinker/internal/fault"
)

// Replying is the entry of a method table for a handler that answers. A message that brings no *A is refused with a
// fault.Internal; a reply is not sent beside an error.
func Replying[A, R any](do func(ctx context.Context, args *A) (R, error)) Method {
	return Method{New: func() any { return new(A) }, Do: func(ctx context.Context, args any) (any, error) {
		a, ok := args.(*A)
		if !ok || a == nil {
			return nil, fault.New(fault.Internal, "", "A message came with %T as its arguments instead of %T.", args, a)
		}
		reply, err := do(ctx, a)
		if err != nil {
			return nil, err
		}
		return reply, nil
	}}
}

// Silent is Replying for a handler without an answer.
func Silent[A any](do func(ctx context.Context, args *A) error) Method {
	return Replying(func(ctx context.Context, args *A) (any, error) { return nil, do(ctx, args) })
}
