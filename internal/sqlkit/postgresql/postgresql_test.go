package postgresql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/clinker/clinker/internal/sqlkit"
)

func TestBind(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "",
		"SELECT 1":                              "SELECT 1",
		"a = ? AND b IN (?, ?)":                 "a = $1 AND b IN ($2, $3)",
		`"what?" = ? AND c = 'is ''it''?' OR ?`: `"what?" = $1 AND c = 'is ''it''?' OR $2`,
		"ü = ? -- ✓":                            "ü = $1 -- ✓",
	} {
		if got := (Dialect{}).Bind(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func FuzzBind(f *testing.F) {
	f.Add(`a = ? OR "b?" = '?'`)
	f.Fuzz(func(t *testing.T, text string) {
		if got := (Dialect{}).Bind(text); len(got) < len(text) {
			t.Errorf("%q became %q", text, got)
		}
	})
}

func TestClassify(t *testing.T) {
	state := func(code string) error { return fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: code}) }
	for want, errs := range map[sqlkit.ErrorClass][]error{
		sqlkit.Duplicate:   {state("23505")},
		sqlkit.Retryable:   {state("40001"), state("40P01"), state("55P03")},
		sqlkit.Unreachable: {state("28P01"), state("3D000"), state("53300"), &pgconn.ConnectError{}},
		sqlkit.Lost:        {state("57P01"), state("57P03"), state("08006"), state("25006"), driver.ErrBadConn, io.ErrUnexpectedEOF},
		sqlkit.Unfit:       {state("22001"), state("22021")},
		sqlkit.Other:       {state("42601"), state("57014"), state("23503"), state(""), errors.New("x"), context.Canceled},
	} {
		for _, err := range errs {
			if got := (Dialect{}).Classify(err); got != want {
				t.Errorf("%v: %d, want %d", err, got, want)
			}
		}
	}
}
