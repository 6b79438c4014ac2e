package schema

import (
	"context"
	"strconv"

	"github.com/clinker/clinker/internal/sqlkit"
)

// assumedRows is how many rows of each table the statistics speak of.
const assumedRows = 100_000

// assumedValues is how many different values a column has among assumedRows rows. A column that is not named here has
// nearly as many as there are rows.
func assumedValues() map[string]int {
	return map[string]int{
		"deleted": 1, "use_quota": 1, "disabled": 1, "race_preventer": 1,
		"volume_type_id": 5, "group_type_id": 5, "qos_specs_id": 5, "class_name": 5, "resource": 10, "volume_size": 50, "size": 50,
		"owner": 10, "host": 20, "service_uuid": 20, "initiator": 100,
		"project_id": 1000, "group_id": 1000, "consistencygroup_id": 1000, "specs_id": 1000,
	}
}

// putStatistics tells SQLite's planner how selective the indexes are. Without it SQLite takes every first column of an
// index for equally selective, and then looks for one volume's snapshots among all rows that are not deleted. Measured
// statistics would say the same of a full database and nothing of a new one; an operator's ANALYZE replaces these.
// Other databases gather their own.
func putStatistics(ctx context.Context, s *sqlkit.Session) error {
	// The first time this makes the table of statistics, the last time it makes the connection read it.
	const load = `ANALYZE sqlite_schema`
	if _, err := s.Exec(ctx, load); err != nil {
		return err
	}
	if _, err := s.Exec(ctx, `DELETE FROM sqlite_stat1`); err != nil {
		return err
	}
	own := clinkerIndexes()
	for _, t := range append(Cinder(), clinkerTables()...) {
		indexes := append(t.Indexes, own[t.Name]...)
		for _, c := range t.Columns {
			if c.Indexed {
				indexes = append(indexes, Index{Name: singleIndexName(t.Name, c.Name), Columns: []string{c.Name}})
			}
		}
		for _, i := range indexes {
			if _, err := s.Exec(ctx, `INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)`, t.Name, i.Name, selectivity(i.Columns)); err != nil {
				return err
			}
		}
	}
	_, err := s.Exec(ctx, load)
	return err
}

// selectivity is what sqlite_stat1 says of an index: the number of rows, then how many share the first column's value,
// the first two columns' values, and so on.
func selectivity(columns []string) string {
	values := assumedValues()
	rows := assumedRows
	stat := strconv.Itoa(rows)
	for _, c := range columns {
		n, ok := values[c]
		if !ok {
			n = assumedRows / 3
		}
		rows = max(1, rows/n)
		stat += " " + strconv.Itoa(rows)
	}
	return stat
}
