package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/clinker/clinker/internal/sqlkit"
)

func TestClassify(t *testing.T) {
	number := func(n uint16) error { return fmt.Errorf("wrapped: %w", &mysql.MySQLError{Number: n}) }
	for want, errs := range map[sqlkit.ErrorClass][]error{
		sqlkit.Duplicate:   {number(1062)},
		sqlkit.Retryable:   {number(1213), number(1205), number(1020), number(1180), number(1317)},
		sqlkit.There:       {number(1050), number(1061)},
		sqlkit.Unreachable: {number(1045), number(1049), number(1040), &net.OpError{Op: "dial", Err: errors.New("refused")}},
		sqlkit.Lost:        {number(1047), number(1053), number(1290), mysql.ErrInvalidConn, driver.ErrBadConn, io.ErrUnexpectedEOF, &net.OpError{Op: "read", Err: errors.New("reset")}},
		sqlkit.Unfit:       {number(1366), number(1267), number(1406)},
		sqlkit.Other:       {number(1064), number(1451), errors.New("x"), context.Canceled, context.DeadlineExceeded},
	} {
		for _, err := range errs {
			if got := (Dialect{}).Classify(err); got != want {
				t.Errorf("%v: %d, want %d", err, got, want)
			}
		}
	}
}

func TestModeIsQuoted(t *testing.T) {
	c, err := configFrom(Options{Mode: `A', B\`, Query: nil})
	if err != nil || c.Params["sql_mode"] != `CONCAT('A, B', ',ANSI_QUOTES' /*!80001 , ',TIME_TRUNCATE_FRACTIONAL' */)` {
		t.Errorf("%v, %v", c.Params, err)
	}
}
