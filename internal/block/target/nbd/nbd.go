// Package nbd is the target that serves volumes over the Network Block Device protocol, out of this process: on a TCP
// port for consumers elsewhere and on a Unix socket for those on this machine.
//
// What lives here: which device is exported under which name to whom, and what the consumer is told. What must not: the
// protocol (internal/nbd has it), rows, drivers.
//
// NBD as spoken here has neither passwords nor encryption. What keeps others out is that an export's name cannot be
// guessed: it is derived from the connection's id with a key that never leaves the state directory, so that not even
// somebody who has read the id in a log or in an API answer knows it. Who can listen to the TCP traffic can read both
// the name and the bytes: the port belongs on a storage network.
package nbd

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/target"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/lock"
	nbdserver "github.com/clinker/clinker/internal/nbd"
	"github.com/clinker/clinker/internal/nbd/file"
)

// DefaultPort is the port that IANA has registered for NBD.
const DefaultPort = 10809

// Config is how the target is to be reached.
type Config struct {
	// ListenAddress is the IP address to listen on. Empty: no TCP, only the Unix socket.
	ListenAddress string
	// Port is the TCP port; 0 takes any free one, which a restart will not find again: for tests.
	Port int
	// AdvertisedHost is the name or address that consumers are told. Empty: ListenAddress, which then must not be the
	// wildcard address.
	AdvertisedHost string
	// StateDir is a directory for the target alone. It holds the Unix socket and the key of export names, and is made,
	// for the owner only, if it is missing.
	StateDir string
	// SocketMode is the mode of the Unix socket; 0 means 0600. Let others in through a group where a hypervisor runs as
	// another user, and give StateDir a mode to match.
	SocketMode os.FileMode
	// MaxClients is how many clients are served at a time; 0 means the server's default.
	MaxClients int
	// Logger is told of clients and device errors; nil means silence.
	Logger *slog.Logger
}

// socketName is the Unix socket's name in the state directory.
const socketName = "nbd.sock"

// maxSocketPathBytes is what fits into a socket address on Linux beside the byte that ends it.
const maxSocketPathBytes = 107

// Target implements target.Target. Make one with New.
type Target struct {
	config Config
	log    *slog.Logger
	locks  lock.Local // by connection id
	gates  gates

	mu      sync.Mutex
	running *running                     // nil before Start and after Close
	exports map[string]target.Connection // by connection id
}

// running is what Start took and Close gives back.
type running struct {
	server *nbdserver.Server
	names  exportNames
	port   int // 0 without TCP
	loops  sync.WaitGroup
}

var _ target.Target = (*Target)(nil)

// New makes a target that does nothing before Start. A configuration that cannot work is a fault.Invalid.
func New(c Config) (*Target, error) {
	if c.SocketMode == 0 {
		c.SocketMode = 0o600
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	ip := net.ParseIP(c.ListenAddress)
	switch {
	case c.StateDir == "":
		return nil, fault.New(fault.Invalid, "", "The NBD target needs a state directory.")
	case len(filepath.Join(c.StateDir, socketName)) > maxSocketPathBytes:
		return nil, fault.New(fault.Invalid, "", "The path of the NBD target's Unix socket, %s, must not be longer than %d bytes: "+
			"choose a state directory with a shorter path.", filepath.Join(c.StateDir, socketName), maxSocketPathBytes)
	case c.Port < 0 || c.Port > 65535:
		return nil, fault.New(fault.Invalid, "", "The NBD target's port must be from 0 to 65535, not %d.", c.Port)
	case c.ListenAddress != "" && ip == nil:
		return nil, fault.New(fault.Invalid, "", "The NBD target's listen address must be an IP address, not %q.", c.ListenAddress)
	case ip.IsUnspecified() && c.AdvertisedHost == "":
		return nil, fault.New(fault.Invalid, "", "The NBD target listens on every address (%s), so it must be told which "+
			"one to advertise to consumers.", c.ListenAddress)
	}
	if c.AdvertisedHost == "" {
		c.AdvertisedHost = c.ListenAddress
	}
	return &Target{config: c, log: c.Logger, exports: make(map[string]target.Connection)}, nil
}

// Protocol is "nbd".
func (t *Target) Protocol() string { return "nbd" }

// Start implements target.Target. Starting again does nothing; starting after Close begins anew, without exports.
func (t *Target) Start(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running != nil {
		return nil
	}
	if err := os.MkdirAll(t.config.StateDir, 0o700); err != nil {
		return fault.Wrap(err, fault.Unavailable, "", "The NBD target cannot make its state directory %s.", t.config.StateDir)
	}
	names, err := loadExportNames(t.config.StateDir)
	if err != nil {
		return err
	}
	unix, err := t.listenUnix(ctx)
	if err != nil {
		return err
	}
	r := &running{
		names:  names,
		server: nbdserver.NewServer(nbdserver.Options{Logger: t.log, MaxConnections: t.config.MaxClients}),
	}
	listeners := []net.Listener{unix}
	if t.config.ListenAddress != "" {
		tcp, err := t.listenTCP(ctx)
		if err != nil {
			_ = unix.Close() // nobody has used it yet
			return err
		}
		r.port = tcp.Addr().(*net.TCPAddr).Port
		listeners = append(listeners, tcp)
	}
	for _, l := range listeners {
		r.loops.Go(func() {
			if err := r.server.Serve(l); !errors.Is(err, nbdserver.ErrServerClosed) {
				t.log.Error("the NBD target has stopped listening", "address", l.Addr().String(), "error", err)
			}
		})
	}
	t.running = r
	return nil
}

func (t *Target) listenTCP(ctx context.Context) (net.Listener, error) {
	address := net.JoinHostPort(t.config.ListenAddress, strconv.Itoa(t.config.Port))
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "", "The NBD target cannot listen on %s.", address)
	}
	return l, nil
}

// listenUnix takes over a socket that a killed process left behind, but not one that somebody listens on.
func (t *Target) listenUnix(ctx context.Context) (net.Listener, error) {
	path := t.socketPath()
	unavailable := func(err error) error {
		return fault.Wrap(err, fault.Unavailable, "", "The NBD target cannot listen on the Unix socket %s.", path)
	}
	c, err := new(net.Dialer).DialContext(ctx, "unix", path) // only to see whether anybody is there
	switch {
	case err == nil:
		_ = c.Close()
		return nil, fault.New(fault.Unavailable, "", "Another process serves NBD on the Unix socket %s.", path)
	case errors.Is(err, syscall.ECONNREFUSED):
		if err := os.Remove(path); err != nil {
			return nil, unavailable(err)
		}
	case !errors.Is(err, os.ErrNotExist):
		return nil, unavailable(err)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return nil, unavailable(err)
	}
	if err := os.Chmod(path, t.config.SocketMode); err != nil {
		_ = l.Close() // nobody has used it yet
		return nil, unavailable(err)
	}
	return l, nil
}

func (t *Target) socketPath() string { return filepath.Join(t.config.StateDir, socketName) }

func (t *Target) current() (*running, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running == nil {
		return nil, fault.New(fault.Unavailable, "", "The NBD target is not running.")
	}
	return t.running, nil
}

// Connect implements target.Target. The same id with another device or access mode replaces the export and severs who
// used it; with another size it only says so. A device that is not there, or is neither a file nor a block device, is a
// fault.Unavailable.
func (t *Target) Connect(ctx context.Context, c target.Connection) (block.ConnectionInfo, error) {
	_, unlock, err := t.locks.Lock(ctx, c.ID)
	if err != nil {
		return block.ConnectionInfo{}, err
	}
	defer unlock()
	r, err := t.current()
	if err != nil {
		return block.ConnectionInfo{}, err
	}
	name := r.names.of(c.ID)
	before, exported := t.lookUp(c.ID)
	if exported && (before.Device != c.Device || before.ReadOnly != c.ReadOnly) {
		if err := t.withdraw(ctx, r, c.ID); err != nil {
			return block.ConnectionInfo{}, err
		}
		exported = false
	}
	if !exported {
		if err := t.offer(r, name, c); err != nil {
			return block.ConnectionInfo{}, err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running != r {
		return block.ConnectionInfo{}, fault.New(fault.Unavailable, "", "The NBD target is not running.")
	}
	c.Connector = nil // not needed again
	t.exports[c.ID] = c
	return t.info(r, name, c), nil
}

func (t *Target) lookUp(id string) (c target.Connection, exported bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, exported = t.exports[id]
	return c, exported
}

// offer makes the device an export. The device is opened when a client comes, and looked at now, so that a mistake
// shows at once.
func (t *Target) offer(r *running, name string, c target.Connection) error {
	info, err := os.Stat(c.Device)
	if err == nil && !file.IsServable(info.Mode()) {
		err = errors.New("neither a regular file nor a block device")
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "", "The device of volume %s cannot be exported.", c.VolumeID)
	}
	err = r.server.Add(nbdserver.Export{
		Name: name, Label: "volume " + c.VolumeID, ReadOnly: c.ReadOnly,
		Open: func() (nbdserver.Device, error) {
			d, err := file.Open(c.Device, c.ReadOnly)
			if err != nil {
				return nil, err
			}
			return t.guard(c.VolumeID, d), nil
		},
	})
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "", "The NBD target cannot export volume %s now.", c.VolumeID)
	}
	return nil
}

// withdraw removes an export; the caller holds the id's lock.
func (t *Target) withdraw(ctx context.Context, r *running, id string) error {
	t.mu.Lock()
	delete(t.exports, id)
	t.mu.Unlock()
	if err := r.server.Remove(ctx, r.names.of(id)); err != nil {
		return fault.Wrap(err, fault.Timeout, "", "The consumer was cut off from the volume, but a request of it has not ended yet.")
	}
	return nil
}

// Disconnect implements target.Target. When it returns without an error, no request of the consumer is under way and the
// device is closed. When ctx ends before that, the consumer is cut off all the same, and a fault.Timeout says so.
func (t *Target) Disconnect(ctx context.Context, id string) error {
	_, unlock, err := t.locks.Lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := t.current()
	if err != nil {
		return nil // nothing is exported
	}
	return t.withdraw(ctx, r, id)
}

// Resize implements target.Target. NBD cannot tell a client that a device has grown: it finds out when it connects
// again. Requests that use the new space are served at once.
func (t *Target) Resize(_ context.Context, volumeID string, sizeBytes int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, c := range t.exports {
		if c.VolumeID == volumeID {
			c.SizeBytes = sizeBytes
			t.exports[id] = c
		}
	}
	return nil
}

// Close implements target.Target. When ctx ends before the last request does, clients are cut off all the same, and a
// fault.Timeout says so.
func (t *Target) Close(ctx context.Context) error {
	t.mu.Lock()
	r := t.running
	t.running = nil
	clear(t.exports)
	t.mu.Unlock()
	if r == nil {
		return nil
	}
	err := r.server.Shutdown(ctx)
	r.loops.Wait() // the listeners are closed, so this is quick
	if err != nil {
		return fault.Wrap(err, fault.Timeout, "", "The NBD target was closed before the last request had ended.")
	}
	return nil
}
