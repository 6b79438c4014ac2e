package messaging

import (
	"context"
	"errors"
	"testing"

	"github.com/clinker/clinker/internal/fault"
)

func TestMethods(t *testing.T) {
	type question struct{ N int }
	errOdd := errors.New("odd")
	half := Replying(func(_ context.Context, q *question) (int, error) {
		if q.N%2 != 0 {
			return q.N, errOdd
		}
		return q.N / 2, nil
	})
	heard := 0
	hear := Silent(func(_ context.Context, q *question) error {
		heard = q.N
		return nil
	})
	if q, ok := half.New().(*question); !ok || q == nil {
		t.Errorf("decoded into %T", half.New())
	}
	if reply, err := half.Do(t.Context(), &question{4}); reply != 2 || err != nil {
		t.Errorf("half of 4 is %v, %v", reply, err)
	}
	if reply, err := half.Do(t.Context(), &question{3}); reply != nil || !errors.Is(err, errOdd) {
		t.Errorf("half of 3 is %v, %v", reply, err)
	}
	if reply, err := hear.Do(t.Context(), &question{7}); reply != nil || err != nil || heard != 7 {
		t.Errorf("heard %d: %v, %v", heard, reply, err)
	}
	for _, args := range []any{nil, 7, question{1}, (*question)(nil)} {
		if _, err := half.Do(t.Context(), args); !fault.Is(err, fault.Internal) {
			t.Errorf("arguments %#v: %v", args, err)
		}
	}
}
