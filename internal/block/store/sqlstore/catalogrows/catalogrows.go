// Package catalogrows is sqlstore's part for what operators describe storage with beside volume types themselves: QoS
// specs, the encryption of volume types, default types of projects, group types.
//
// What must not live here: other resources, and what they all have in common, which is package rows. It is a part of
// sqlstore and imported by nothing else.
package catalogrows

import "github.com/clinker/clinker/internal/block/store/sqlstore/rows"

// CatalogReader implements store.QoSReader, store.EncryptionReader, store.DefaultTypeReader and store.GroupTypeReader.
type CatalogReader struct {
	conn            *rows.Conn
	qos, groupTypes *rows.Listing
}

// NewReader makes a reader on the database; it is safe for concurrent use.
func NewReader(c *rows.Conn) CatalogReader {
	return CatalogReader{conn: c, qos: qosListing(), groupTypes: groupTypeListing()}
}

// CatalogWriter implements the writers of the same resources, and reads in the same transaction.
type CatalogWriter struct{ CatalogReader }

// NewWriter makes a writer in the transaction of c, which has a session; r is any reader of the same database.
func NewWriter(r CatalogReader, c *rows.Conn) CatalogWriter {
	r.conn = c
	return CatalogWriter{r}
}
