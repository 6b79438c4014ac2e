package filelock

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// mostWaste is how many names may wait for their files' removal; util clean_locks finds what is left of more.
const mostWaste = 10_000

// waste removes files in the background, all that wait at once: a name that ends in "*" has the directory read.
type waste struct {
	dir string

	mu      sync.Mutex
	names   []string
	running bool
}

func (w *waste) add(names ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.names)+len(names) > mostWaste {
		return
	}
	w.names = append(w.names, names...)
	if !w.running {
		w.running = true
		go w.run()
	}
}

func (w *waste) run() {
	for {
		w.mu.Lock()
		names := w.names
		w.names = nil
		w.running = len(names) > 0
		w.mu.Unlock()
		if len(names) == 0 {
			return
		}
		w.remove(names)
	}
}

func (w *waste) remove(names []string) {
	var prefixes []string
	for _, name := range names {
		if prefix, many := strings.CutSuffix(name, "*"); many {
			prefixes = append(prefixes, prefix)
		} else if nameable(name) {
			_ = os.Remove(filepath.Join(w.dir, name)) // most were never there
		}
	}
	if len(prefixes) == 0 {
		return
	}
	files, err := os.ReadDir(w.dir)
	if err != nil {
		return // then there are no locks in it either
	}
	for _, f := range files {
		for _, prefix := range prefixes {
			if strings.HasPrefix(f.Name(), prefix) && f.Type().IsRegular() {
				_ = os.Remove(filepath.Join(w.dir, f.Name()))
			}
		}
	}
}

// nameable says whether a name can be a file's.
func nameable(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\x00")
}
