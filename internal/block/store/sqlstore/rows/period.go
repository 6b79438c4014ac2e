package rows

import (
	"strconv"

	"github.com/clinker/clinker/internal/block/store"
)

// InPeriod has a query find what there was in a period, deleted or not, after an id: the table's own order, so that the next
// page begins where this one ends whatever comes and goes.
func InPeriod(s *Select, alias string, p store.Period, after string, limit int) {
	s.Where(Either(alias+".deleted_at IS NULL", alias+".deleted_at > "+s.Arg(s.dialect.Time(p.From))),
		alias+".created_at < "+s.Arg(s.dialect.Time(p.Until)), alias+".id > "+s.Arg(after))
	s.Trail("ORDER BY " + alias + ".id LIMIT " + strconv.Itoa(limit))
}
