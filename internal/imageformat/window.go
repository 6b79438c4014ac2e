package imageformat

// window keeps one part of a stream.
type window struct {
	offset int64
	length int
	data   []byte
	missed bool // the stream was past its beginning when it was opened
}

// see takes what of p belongs to the window; p stands at offset at. It reports whether nothing more will come.
func (w *window) see(at int64, p []byte) (complete bool) {
	next := w.offset + int64(len(w.data))
	switch {
	case w.full() || w.missed:
		return true
	case at > next:
		w.missed = true
		return true
	case at+int64(len(p)) <= next:
		return false
	}
	p = p[next-at:]
	w.data = append(w.data, p[:min(len(p), w.length-len(w.data))]...)
	return w.full()
}

func (w *window) full() bool { return len(w.data) >= w.length }

// tail keeps the last bytes of a stream.
type tail struct {
	length int
	data   []byte
}

func (t *tail) see(p []byte) {
	if len(p) >= t.length {
		t.data = append(t.data[:0], p[len(p)-t.length:]...)
		return
	}
	if over := len(t.data) + len(p) - t.length; over > 0 {
		t.data = append(t.data[:0], t.data[over:]...)
	}
	t.data = append(t.data, p...)
}

// clampSize makes a size from a header; one that no file can have is a finding.
func clampSize(size uint64, m *Match) {
	const most = 1<<63 - 1
	if size > most {
		m.add(CheckHeader, "the disk is larger than a disk can be")
		return
	}
	m.VirtualSize = int64(size)
}

func (m *Match) add(check, text string) { m.Findings = append(m.Findings, Finding{check, text}) }
