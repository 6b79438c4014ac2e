package rows

import (
	"strings"

	"github.com/clinker/clinker/internal/sqlkit"
)

// Gather is a column that holds the live rows of another table which name id in their owner column: the listed columns
// "a, b, c" of each, to be read by EachGathered. A page with all that belongs to its rows is so one statement, which
// needs no transaction to fit together. It is NULL where the dialect does not gather.
func Gather(d sqlkit.Dialect, table, owner, id, columns string) string {
	gathered := d.Gathered("c.id", strings.Split(Qualified("c", columns), ", "))
	if gathered == "" {
		return "NULL"
	}
	return `(SELECT ` + gathered + ` FROM ` + table + ` c WHERE c.` + owner + ` = ` + id + ` AND c.deleted = FALSE)`
}

// Gather is the pairs of the row with this id as a column, to be read by ReadPairs.
func (p Pairs) Gather(d sqlkit.Dialect, id string) string {
	return Gather(d, p.table, p.owner, id, `"key", value`)
}

// ReadPairs reads a column of Pairs.Gather. It gives none where there is nothing.
func ReadPairs(column []byte, none map[string]string) (pairs map[string]string, err error) {
	pairs = none
	err = EachGathered(column, func(columns [][]byte) error {
		if len(pairs) == 0 {
			pairs = make(map[string]string)
		}
		pairs[string(columns[0])] = string(columns[1])
		return nil
	})
	return pairs, err
}
