package wire

import "encoding/binary"

// InfoRequest is the data of OptInfo and OptGo: an export's name, and what the client wants to be told of it beside
// InfoExport.
type InfoRequest struct {
	Name            string
	WantName        bool
	WantDescription bool
	WantBlockSize   bool
}

// ParseInfoRequest decodes the whole of data. Unknown wants are skipped, as the protocol says; ok is false if lengths do
// not add up.
func ParseInfoRequest(data []byte) (r InfoRequest, ok bool) {
	c := cursor{data: data}
	r.Name = c.text()
	for range c.uint16() {
		switch kind := c.uint16(); {
		case c.bad:
			return r, false
		case kind == InfoName:
			r.WantName = true
		case kind == InfoDescription:
			r.WantDescription = true
		case kind == InfoBlockSize:
			r.WantBlockSize = true
		}
	}
	return r, !c.bad && len(c.data) == 0
}

// ContextRequest is the data of OptListMetaContext and OptSetMetaContext, boiled down to the contexts there are.
type ContextRequest struct {
	Name       string
	Queries    uint32 // how many there were
	Wildcard   bool   // one of them asked for all of base:
	Allocation bool   // one of them asked for ContextAllocation
}

// ParseContextRequest decodes the whole of data. Queries for other contexts are skipped, as the protocol says; ok is
// false if lengths do not add up.
func ParseContextRequest(data []byte) (r ContextRequest, ok bool) {
	c := cursor{data: data}
	r.Name = c.text()
	r.Queries = c.uint32()
	for range r.Queries {
		query := c.take(c.uint32())
		if c.bad {
			return r, false // leave at once: the number of queries is the client's word, and may be four billion
		}
		switch string(query) {
		case "base:":
			r.Wildcard = true
		case ContextAllocation:
			r.Allocation = true
		}
	}
	return r, !c.bad && len(c.data) == 0
}

// cursor takes data apart. Running over the end sets bad and yields zeroes from then on, so that a parser can take
// several fields and ask once.
type cursor struct {
	data []byte
	bad  bool
}

func (c *cursor) take(n uint32) []byte {
	if c.bad || uint64(n) > uint64(len(c.data)) {
		c.bad = true
		return nil
	}
	b := c.data[:n]
	c.data = c.data[n:]
	return b
}

func (c *cursor) uint16() uint16 {
	if b := c.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) uint32() uint32 {
	if b := c.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// text takes a string that is preceded by its length.
func (c *cursor) text() string { return string(c.take(c.uint32())) }
