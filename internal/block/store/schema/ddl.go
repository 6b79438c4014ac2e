package schema

import (
	"strings"

	"github.com/clinker/clinker/internal/sqlkit"
)

// quote puts double quotes round a name; every dialect takes them (see package sqlkit).
func quote(name string) string { return `"` + name + `"` }

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quote(n)
	}
	return strings.Join(quoted, ", ")
}

// createTable gives the statements that make a table and its indexes.
func createTable(d sqlkit.Dialect, t Table) []string {
	var parts, constraints []string
	for _, c := range t.Columns {
		parts = append(parts, columnDefinition(d, c))
		if c.Primary {
			constraints = append(constraints, named(t.KeyName)+"PRIMARY KEY ("+quote(c.Name)+")")
		}
	}
	if t.Unique != nil {
		constraints = append(constraints, "UNIQUE ("+quoteAll(t.Unique)+")")
	}
	for _, c := range t.Columns {
		if c.Checked && d.Name() != "postgresql" || c.CheckedInMySQL && d.Name() == "mysql" {
			constraints = append(constraints, "CHECK ("+quote(c.Name)+" IN (0, 1))")
		}
		if f := c.Foreign; f != nil {
			constraints = append(constraints,
				named(f.Name)+"FOREIGN KEY ("+quote(c.Name)+") REFERENCES "+quote(f.Table)+" ("+quote(f.Column)+")")
		}
	}
	statements := []string{"CREATE TABLE " + quote(t.Name) + " (\n\t" +
		strings.Join(append(parts, constraints...), ",\n\t") + "\n)" + options(d, t)}
	for _, c := range t.Columns {
		if c.Indexed {
			statements = append(statements, createIndex(t.Name, Index{Name: singleIndexName(t.Name, c.Name), Columns: []string{c.Name}}))
		}
	}
	for _, i := range t.Indexes {
		statements = append(statements, createIndex(t.Name, i))
	}
	return statements
}

// options are the dialect's, except that Cinder's tables have Cinder's character set in MySQL, and alembic's the database's.
func options(d sqlkit.Dialect, t Table) string {
	switch {
	case d.Name() != "mysql" || strings.HasPrefix(t.Name, ownPrefix):
		return d.TableOptions()
	case t.Name == versionTable:
		return ""
	}
	return " ENGINE=InnoDB DEFAULT CHARSET=utf8mb3"
}

// named begins a constraint that has a name.
func named(name string) string {
	if name == "" {
		return ""
	}
	return "CONSTRAINT " + quote(name) + " "
}

// singleIndexName is SQLAlchemy's name for the index of one column.
func singleIndexName(table, column string) string { return "ix_" + table + "_" + column }

func columnDefinition(d sqlkit.Dialect, c Column) string {
	definition := quote(c.Name) + " " + d.ColumnType(c.Type, c.Length)
	if c.Default != "" {
		definition += " DEFAULT " + c.Default
	}
	if c.NotNull || c.NotNullElsewhere && d.Name() != "sqlite" {
		definition += " NOT NULL"
	}
	return definition
}

func createIndex(table string, i Index) string {
	unique := ""
	if i.Unique {
		unique = "UNIQUE "
	}
	return "CREATE " + unique + "INDEX " + quote(i.Name) + " ON " + quote(table) + " (" + quoteAll(i.Columns) + ")"
}
