package chunked

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/fault"
)

// version is upstream's of this layout (ChunkedBackupDriver.DRIVER_VERSION).
const version = "1.0.0"

// sum is the SHA-256 sum of a block.
type sum = [sha256.Size]byte

// common is what both documents of a backup say of it before their list.
func common(b *block.Backup) map[string]any {
	return map[string]any{"backup_id": b.ID, "backup_name": b.Name, "backup_description": b.Description,
		"created_at": b.CreatedAt.UTC().Format("2006-01-02 15:04:05.999999+00:00")}
}

// objectMeta is what the metadata says of one object, under its name.
type objectMeta struct {
	Compression string `json:"compression"`
	Length      int64  `json:"length"`
	MD5         string `json:"md5"`
	Offset      int64  `json:"offset"`
}

// listWriter writes a JSON object that has one long list among its members, which is why it is not made in memory.
type listWriter struct {
	to    io.WriteCloser
	out   *bufio.Writer
	items int64
}

// newListWriter begins the object with the members of head and the list under key.
func newListWriter(w io.WriteCloser, head map[string]any, key string) (*listWriter, error) {
	l := &listWriter{to: w, out: bufio.NewWriterSize(w, 64<<10)}
	_, err := l.out.WriteString("{\n")
	if err == nil {
		err = l.members(head, true)
	}
	if err == nil {
		_, err = fmt.Fprintf(l.out, "  %q: [", key)
	}
	return l, err
}

// members writes members in the order of their names; comma says that something follows.
func (l *listWriter) members(m map[string]any, comma bool) error {
	names := slices.Sorted(maps.Keys(m))
	for i, name := range names {
		value, err := json.Marshal(m[name])
		if err != nil {
			return err
		}
		end := ",\n"
		if !comma && i == len(names)-1 {
			end = "\n"
		}
		if _, err := fmt.Fprintf(l.out, "  %q: %s%s", name, value, end); err != nil {
			return err
		}
	}
	return nil
}

// add appends an item to the list.
func (l *listWriter) add(item []byte) error {
	before := ",\n    "
	if l.items == 0 {
		before = "\n    "
	}
	l.items++
	if _, err := l.out.WriteString(before); err != nil {
		return err
	}
	_, err := l.out.Write(item)
	return err
}

// addSum appends a sum in hexadecimal.
func (l *listWriter) addSum(s sum) error {
	var item [2*sha256.Size + 2]byte
	item[0], item[len(item)-1] = '"', '"'
	hex.Encode(item[1:], s[:])
	return l.add(item[:])
}

// finish ends list and object, with the members of tail behind the list, and closes what it was written to.
func (l *listWriter) finish(tail map[string]any) error {
	_, err := l.out.WriteString("\n  ],\n")
	if err == nil {
		err = l.members(tail, false)
	}
	if err == nil {
		_, err = l.out.WriteString("}\n")
	}
	if err == nil {
		err = l.out.Flush()
	}
	return errors.Join(err, l.to.Close())
}

// damaged says that a document of a backup cannot be read.
func damaged(b *block.Backup, cause error) error {
	return fault.Wrap(cause, fault.Invalid, "InvalidBackup", "Invalid backup: what the repository holds of backup %s is damaged.", b.ID)
}

// document is the reading side of listWriter: it stands in the list of an object that is being read.
type document struct {
	backup  *block.Backup
	closer  io.Closer
	decoder *json.Decoder
	// members are those in front of the list, and after rest all.
	members map[string]json.RawMessage
}

// open opens a document of a backup and reads up to the first item of the list under key.
func (r *Repository) open(ctx context.Context, b *block.Backup, name, key string) (*document, error) {
	if err := placed(b); err != nil {
		return nil, err
	}
	in, err := r.store.Open(ctx, *b.Container, name)
	if err != nil {
		return nil, err
	}
	d := &document{backup: b, closer: in, decoder: json.NewDecoder(bufio.NewReaderSize(in, 64<<10)), members: map[string]json.RawMessage{}}
	err = d.delimiter('{')
	for err == nil {
		var found bool
		if found, err = d.member(key); found {
			return d, nil
		}
	}
	return nil, errors.Join(damaged(b, fmt.Errorf("%s: %w", name, err)), in.Close())
}

// member reads one member; it says when that is the list under key, and then stands in the list.
func (d *document) member(key string) (isList bool, err error) {
	token, err := d.decoder.Token()
	if err != nil {
		return false, err
	}
	name, isName := token.(string)
	if !isName {
		return false, fmt.Errorf("there is no list %q", key)
	}
	if name == key {
		return true, d.delimiter('[')
	}
	var value json.RawMessage
	if err := d.decoder.Decode(&value); err != nil {
		return false, err
	}
	if len(d.members) > maxMembers {
		return false, errors.New("too many members")
	}
	d.members[name] = value
	return false, nil
}

// maxMembers is how many members a document has at most.
const maxMembers = 64

func (d *document) delimiter(want json.Delim) error {
	token, err := d.decoder.Token()
	if err == nil && token != want {
		err = fmt.Errorf("%v where %v should be", token, want)
	}
	return err
}

// next reads the next item of the list into the value; more is false at the list's end.
func (d *document) next(into any) (more bool, err error) {
	if !d.decoder.More() {
		return false, nil
	}
	if err := d.decoder.Decode(into); err != nil {
		return false, damaged(d.backup, err)
	}
	return true, nil
}

// rest skips what is left of the list and reads the members behind it.
func (d *document) rest() error {
	for d.decoder.More() {
		if err := d.decoder.Decode(new(skipped)); err != nil {
			return damaged(d.backup, err)
		}
	}
	if err := d.delimiter(']'); err != nil {
		return damaged(d.backup, err)
	}
	for d.decoder.More() {
		if isList, err := d.member(""); err != nil || isList {
			return damaged(d.backup, err)
		}
	}
	return nil
}

// skipped is a value nobody wants.
type skipped struct{}

// UnmarshalJSON implements json.Unmarshaler.
func (skipped) UnmarshalJSON([]byte) error { return nil }

// text is a member that is a text; anything else is the empty one.
func (d *document) text(name string) string {
	var s string
	if json.Unmarshal(d.members[name], &s) != nil {
		return ""
	}
	return s
}

// nextSum reads the next item as a sum.
func (d *document) nextSum() (s sum, more bool, err error) {
	var text string
	if more, err = d.next(&text); err != nil || !more {
		return s, more, err
	}
	if n, err := hex.Decode(s[:], []byte(text)[:min(len(text), 2*len(s))]); err != nil || n != len(s) || len(text) != 2*len(s) {
		return s, false, damaged(d.backup, fmt.Errorf("%.80q is no SHA-256 sum", text))
	}
	return s, true, nil
}
