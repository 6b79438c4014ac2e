package nbd

import "sync"

// maxPieceBytes is the largest buffer there is. Longer reads and writes are done piece by piece, so that a connection's
// memory is bounded by its number of requests in flight and not by what their headers claim.
const maxPieceBytes = 1 << 20

// bufferPool lends buffers of a few sizes, each four times the one before: 4 KiB to maxPieceBytes.
type bufferPool struct {
	classes [5]sync.Pool
}

// buffer is a loan of the pool: data has the length that was asked for.
type buffer struct {
	data  []byte
	whole []byte
	class int
}

// get lends a buffer of n bytes, n at most maxPieceBytes, with arbitrary content.
func (p *bufferPool) get(n int) *buffer {
	class, size := 0, 4096
	for size < n {
		class, size = class+1, size*4
	}
	b, ok := p.classes[class].Get().(*buffer)
	if !ok {
		b = &buffer{whole: make([]byte, size), class: class}
	}
	b.data = b.whole[:n]
	return b
}

// put takes a loan back; nil is allowed.
func (p *bufferPool) put(b *buffer) {
	if b != nil {
		p.classes[b.class].Put(b)
	}
}
