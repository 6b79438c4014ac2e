package broker

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/fault"
)

// named says whether queues have names that a restart finds again (use_queue_manager).
func (o *Options) named() bool { return o.HostName != "" && o.ProcessName != "" }

// NewID makes a message's id: a random UUID in 32 hexadecimal digits, as upstream's.
func NewID() string {
	id := uuid.New()
	return hex.EncodeToString(id[:])
}

// Unique is a name for a queue of this process alone: random, or else counted.
func (o *Options) Unique() (string, error) {
	if !o.named() {
		return NewID(), nil
	}
	n, err := o.count()
	if err != nil {
		return "", fault.Wrap(err, fault.Unavailable, "", "The names of message queues cannot be counted in %s (use_queue_manager).", o.CounterDirectory)
	}
	return o.HostName + ":" + o.ProcessName + ":" + strconv.Itoa(n), nil
}

// lockWait bounds the wait for another process that counts.
const lockWait = 5 * time.Second

// count is the next number of this service's processes: a file that they share, in which a new process group begins anew (the
// form of amqpdriver.py's QManager: group:counter:start).
func (o *Options) count() (int, error) {
	group := syscall.Getpgrp()
	started, err := startOf(cmp.Or(group, os.Getpid()))
	if errors.Is(err, fs.ErrNotExist) { // the group has outlived the process it is named after, as behind a shell that has ended
		group = os.Getpid()
		started, err = startOf(group)
	}
	if err != nil {
		return 0, err
	}
	safe := strings.NewReplacer("/", "_", "\x00", "_")
	path := filepath.Join(o.CounterDirectory, safe.Replace(o.HostName)+"_"+safe.Replace(o.ProcessName)+"_qmanager")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			break
		}
		if time.Since(began) > lockWait {
			return 0, err
		}
	}
	line := make([]byte, 128)
	read, _ := f.ReadAt(line, 0) // an end of file is a first time
	var theirs, n, start int
	if _, err := fmt.Sscanf(string(bytes.TrimSpace(line[:read])), "%d:%d:%d", &theirs, &n, &start); err != nil || theirs != group || start != started {
		n = 0
	}
	n++
	if err := f.Truncate(0); err != nil {
		return 0, err
	}
	_, err = f.WriteAt(fmt.Appendf(nil, "%d:%d:%d", group, n, started), 0)
	return n, err
}

// startOf is when a process began, in ticks since the machine did: field 22 of its stat file.
func startOf(pid int) (int, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	end := bytes.LastIndexByte(b, ')') // the second field is a name in brackets, with anything in it
	fields := strings.Fields(string(b[end+1:]))
	const startTime = 22 - 3 // fields are counted from 1, and two of them stand before the bracket's end
	if end < 0 || len(fields) <= startTime {
		return 0, fmt.Errorf("/proc/%d/stat is not as expected", pid)
	}
	return strconv.Atoi(fields[startTime])
}
