package sqlstore_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/fernet"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/store"
	"github.com/clinker/clinker/internal/identity/store/sqlstore"
	"github.com/clinker/clinker/internal/identity/store/storetest"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/sqlkit/sqlkittest"
)

func open(t testing.TB, path string) *sqlstore.Store {
	t.Helper()
	keys := fernet.Keys{fernet.NewKey()}
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: path, Synchronous: "OFF", Keys: func() fernet.Keys { return keys }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, filepath.Join(t.TempDir(), "keystone.sqlite")) })
}

// TestServers is TestStore on the databases that are servers.
func TestServers(t *testing.T) {
	keys := fernet.Keys{fernet.NewKey()}
	sqlkittest.Each(t, func(t *testing.T, s *sqlkittest.Server) {
		on := func(t testing.TB, url string) *sqlstore.Store {
			made, err := sqlstore.Open(t.Context(), sqlstore.Config{URL: url, Keys: func() fernet.Keys { return keys }})
			if err != nil {
				t.Fatal(err)
			}
			return made
		}
		empty := s.Prepared(func(t testing.TB, url string) {
			if err := on(t, url).Close(); err != nil {
				t.Fatal(err)
			}
		})
		storetest.Run(t, func(t *testing.T) store.Store {
			made := on(t, empty(t))
			t.Cleanup(func() {
				if err := made.Close(); err != nil {
					t.Error(err)
				}
			})
			return made
		})
	})
}

func TestOpenAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keystone.sqlite")
	if s := open(t, path); !s.Created {
		t.Error("a new database was not made")
	}
	if s := open(t, path); s.Created {
		t.Error("a database was made twice")
	}
}

func TestOpenRefusesWhatIsNotOurs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.sqlite")
	db, err := sqlkit.OpenSQLite(t.Context(), sqlkit.SQLiteOptions{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Write(t.Context(), func(s *sqlkit.Session) error {
		_, err := s.Exec(t.Context(), `CREATE TABLE volumes (id INTEGER)`)
		return err
	})
	if err != nil || db.Close() != nil {
		t.Fatal(err)
	}
	if _, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: path}); !fault.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
}

// TestBlobsAreSealed looks for a secret in the bytes of the database.
func TestBlobsAreSealed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "keystone.sqlite"))
	const secret = "a-secret-that-nobody-shall-read"
	err := s.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(tx.CreateCredential(t.Context(), &identity.Credential{ID: "c1", UserID: "findable", Type: "ec2", Blob: secret}),
			tx.CreateConsumer(t.Context(), &identity.Consumer{ID: "c1", Secret: secret}))
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	if !bytes.Contains(all, []byte("findable")) || bytes.Contains(all, []byte(secret)) {
		t.Errorf("the row is there: %v; so is the secret: %v", bytes.Contains(all, []byte("findable")), bytes.Contains(all, []byte(secret)))
	}
}
