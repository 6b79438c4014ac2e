package fernet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Repository is a directory of keys, laid out as Keystone does it, so that both may work with the same one: files named by
// numbers. The highest is the primary key, which makes tokens; 0 is the staged key, the next primary, which others already
// open tokens with; those between are former primaries. It is safe for concurrent use.
type Repository struct {
	dir string

	mu       sync.Mutex
	keys     Keys
	modified time.Time // of the directory, when keys were read
}

// MinActiveKeys is how many keys there must be for a rotation not to lose tokens: a staged one and a primary.
const MinActiveKeys = 2

const stagedKey = "0"

// OpenRepository reads the keys in dir. A directory that is missing or empty is made, with a staged and a primary key, for
// its owner only.
func OpenRepository(dir string) (*Repository, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the key repository cannot be made: %w", err)
	}
	numbers, err := keyNumbers(dir)
	if err != nil {
		return nil, err
	}
	if len(numbers) == 0 {
		// The primary first: a repository with a staged key alone would make tokens with it.
		for _, name := range []string{"1", stagedKey} {
			if err := writeKey(dir, name, NewKey()); err != nil {
				return nil, err
			}
		}
	}
	r := &Repository{dir: dir}
	if _, err := r.load(); err != nil {
		return nil, err
	}
	return r, nil
}

// Keys gives the keys, the primary first. A rotation by another process is noticed at once. When the directory cannot be
// read any more, the keys read last stay in use.
func (r *Repository) Keys() Keys {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys, err := r.load()
	if err != nil {
		return r.keys
	}
	return keys
}

// load reads the keys if the directory has changed.
func (r *Repository) load() (Keys, error) {
	info, err := os.Stat(r.dir)
	if err != nil {
		return nil, fmt.Errorf("key repository: %w", err)
	}
	if r.keys != nil && info.ModTime().Equal(r.modified) {
		return r.keys, nil
	}
	numbers, err := keyNumbers(r.dir)
	if err != nil {
		return nil, err
	}
	var keys Keys
	for _, n := range slices.Backward(numbers) {
		path := filepath.Join(r.dir, strconv.Itoa(n))
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("key repository: %w", err)
		}
		k, err := ParseKey(string(text))
		if err != nil {
			return nil, fmt.Errorf("key repository: %s: %w", path, err)
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("key repository: there is no key in %s", r.dir)
	}
	r.keys, r.modified = keys, info.ModTime()
	return keys, nil
}

// Rotate makes the staged key the primary one, stages a new one, and removes the oldest so that at most maxActive stay,
// the staged one counted. Tokens of a removed key open no more. A crash between its steps leaves a repository that works
// and can be rotated again.
func (r *Repository) Rotate(maxActive int) error {
	if maxActive < MinActiveKeys {
		return fmt.Errorf("%d active keys are too few: at least %d are needed", maxActive, MinActiveKeys)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	numbers, err := keyNumbers(r.dir)
	if err != nil {
		return err
	}
	if len(numbers) == 0 {
		return fmt.Errorf("there is no key in %s", r.dir)
	}
	next := numbers[len(numbers)-1] + 1
	if numbers[0] == 0 {
		if err := os.Rename(filepath.Join(r.dir, stagedKey), filepath.Join(r.dir, strconv.Itoa(next))); err != nil {
			return fmt.Errorf("promote the staged key: %w", err)
		}
		numbers = append(numbers[1:], next)
	} // else a rotation was cut short after this step
	if err := writeKey(r.dir, stagedKey, NewKey()); err != nil {
		return err
	}
	for len(numbers) > maxActive-1 {
		if err := os.Remove(filepath.Join(r.dir, strconv.Itoa(numbers[0]))); err != nil {
			return fmt.Errorf("remove the oldest key: %w", err)
		}
		numbers = numbers[1:]
	}
	r.keys = nil
	_, err = r.load()
	return err
}

// keyNumbers lists the files that are keys, in ascending order; others do not matter.
func keyNumbers(dir string) ([]int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("key repository: %w", err)
	}
	var numbers []int
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err == nil && n >= 0 && strconv.Itoa(n) == e.Name() && e.Type()&fs.ModeDir == 0 {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// writeKey makes a key file whole or not at all.
func writeKey(dir, name string, k Key) (err error) {
	f, err := os.CreateTemp(dir, ".new-key-") // for its owner only
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("make a key: %w", err), os.Remove(f.Name()))
		}
	}()
	_, err = f.WriteString(k.Encode())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, name))
}
