package connect

import (
	"net/url"
	"regexp"

	"github.com/clinker/clinker/internal/fault"
)

// address is what a database's URL says.
type address struct {
	scheme, user, password, host, port, database string
	query                                        url.Values
}

// form is what SQLAlchemy takes for a database's URL. It is laxer than a URL: a password may hold anything but "@".
var form = regexp.MustCompile(`^([\w+]+)://(?:([^:/@]*)(?::([^@]*))?@)?(?:\[([^/?]+)\]|([^/:?]*))(?::([0-9]*))?(?:/([^?]*))?(?:\?(.*))?$`)

// parse reads a URL. Its errors tell no password.
func parse(text string) (a address, err error) {
	m := form.FindStringSubmatch(text)
	if m == nil {
		return a, fault.New(fault.Invalid, "", "The address of the database cannot be read; it must be like mysql+pymysql://user:password@host/database, "+
			"in which an @ in a name or a password is written as %%40.")
	}
	a = address{scheme: m[1], user: unescaped(m[2]), password: unescaped(m[3]), host: m[4] + m[5], port: m[6], database: unescaped(m[7])}
	if a.database == "" {
		return a, fault.New(fault.Invalid, "", "The address of the database names none; it must be like mysql+pymysql://user:password@host/database.")
	}
	if a.query, err = url.ParseQuery(m[8]); err != nil {
		return a, fault.New(fault.Invalid, "", "The parameters behind the ? in the address of the database cannot be read.")
	}
	return a, nil
}

// unescaped is the text that %xx stands for. What is no such thing stays as it is.
func unescaped(text string) string {
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}
