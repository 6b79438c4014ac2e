package migrate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

const (
	pieceBytes = 1 << 20 // how much is copied between two looks at ctx
	// copySecondsPerGiB is what a copy may take for each gibibyte beyond CopyTimeout: 10 MB/s.
	copySecondsPerGiB = 107
	progressPeriod    = 30 * time.Second // between two words about a copy in the log
)

func (s *Service) copyLimit(v *block.Volume) time.Duration {
	return s.CopyTimeout + time.Duration(v.SizeGiB)*copySecondsPerGiB*time.Second
}

// copyData copies the bytes to the volume that was made, unless the driver has put them there. It connects to it as every
// other consumer does. What a kill leaves half-copied is copied again from the beginning: nobody uses either volume.
func (s *Service) copyData(ctx context.Context, st *move) (err error) {
	if st.carried || st.used {
		return nil
	}
	if s.Open == nil {
		return fault.New(fault.NotImplemented, "", "This service cannot connect to volumes, so that it cannot copy one.")
	}
	whole := ctx // the connections end in good order also when the copy may go on no longer
	ctx, cancel := context.WithTimeout(ctx, s.copyLimit(st.volume))
	defer cancel()
	ctx, stop := s.whileWanted(ctx, st.VolumeID)
	defer stop()
	to, err := s.connectTarget(ctx, st)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.disconnectTarget(whole, st, to)) }()
	from, err := s.openSource(ctx, whole, st)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	began := s.Now()
	c := copying{from: from, to: to, size: st.volume.SizeGiB * block.GiB, zero: !st.readsZero()}
	c.progress = func(done int64) {
		s.Log.InfoContext(ctx, "a volume is being moved", "volume_id", st.VolumeID, "to", st.Destination.Host, "copied_bytes", done, "of_bytes", c.size)
	}
	if err := c.run(ctx); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return fault.Wrap(err, fault.Unavailable, "VolumeMigrationFailed", "Volume migration failed: the bytes of volume %s could not be copied.", st.VolumeID)
	}
	s.Log.InfoContext(ctx, "a volume was copied", "volume_id", st.VolumeID, "to", st.Destination.Host, "took", s.Now().Sub(began))
	return nil
}

// readsZero says whether the storage that the volume goes to says of itself that a new volume reads as zero, so that holes
// need not be written (sparse_copy_volume).
func (st *move) readsZero() bool {
	sparse, _ := st.Destination.Capabilities["sparse_copy_volume"].(bool)
	return sparse
}

// whileWanted is a context that ends when the volume is no longer to be moved: somebody used it or gave the migration up.
func (s *Service) whileWanted(ctx context.Context, volumeID string) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(s.watchPeriod)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			v, err := s.Store.Volume(ctx, volumeID, "")
			if fault.Is(err, fault.NotFound) || err == nil && !slices.Contains(underWay, v.MigrationStatus) {
				cancel(failure("The migration of volume %s was given up.", volumeID))
				return
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}

// connector is what we say of ourselves as a consumer of the volume that was made.
func (s *Service) connector(st *move) block.Connector {
	return block.Connector{"host": block.Host(s.Backend).Node(), "initiator": "clinker-migration:" + st.madeID()}
}

func (s *Service) connectTarget(ctx context.Context, st *move) (Bytes, error) {
	var info block.ConnectionInfo
	err := s.ask(ctx, st, rpcapi.MethodInitializeConnection, &rpcapi.InitializeConnection{VolumeID: st.madeID(), Connector: s.connector(st)}, &info)
	if err != nil {
		return nil, err
	}
	return s.Open(ctx, info)
}

// disconnectTarget ends the connection. If it cannot, the next run does: it connects as the same consumer.
func (s *Service) disconnectTarget(ctx context.Context, st *move, to Bytes) error {
	return errors.Join(to.Close(), s.ask(ctx, st, rpcapi.MethodTerminateConnection,
		&rpcapi.TerminateConnection{VolumeID: st.madeID(), Connector: s.connector(st)}, nil))
}

// ask asks the other back end's service. One that does not listen may be starting: it is asked again for VerbTimeout.
func (s *Service) ask(ctx context.Context, st *move, method string, args, reply any) error {
	ctx, cancel := context.WithTimeout(ctx, s.VerbTimeout)
	defer cancel()
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		err := s.Volumes.Call(ctx, st.Destination.Queue(), "3.0", method, args, reply)
		if fault.NameOf(err) != messaging.NameTimeout {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// source is a volume that is read.
type source interface {
	io.ReaderAt
	io.Closer
	// nextData is where, from offset on, it may hold something else than zeros: size if nowhere, offset if it cannot tell.
	nextData(offset, size int64) int64
}

// openSource opens the volume where it is: by its path if it has one on this machine, else over a connection like any
// other, which may be ended as long as the context whole lasts.
func (s *Service) openSource(ctx, whole context.Context, st *move) (source, error) {
	if s.Storage.Features().LocalDevice {
		path, err := s.Storage.Device(ctx, export.DriverVolume(st.volume))
		if err != nil {
			return nil, err
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, fault.Wrap(err, fault.Unavailable, "", "The volume cannot be read.")
		}
		return device{f}, nil
	}
	disconnect := func() error { return s.leaveSource(whole, st, nil) }
	info, err := s.Exports.Connect(ctx, st.volume, st.sourceID(), s.connector(st), true)
	if err != nil {
		return nil, err
	}
	b, err := s.Open(ctx, info)
	if err != nil {
		return nil, errors.Join(err, disconnect())
	}
	return remote{b, disconnect}, nil
}

// sourceID is the id of our connection to the volume that is moved.
func (st *move) sourceID() string { return st.derived("source") }

// leaveSource ends that connection, whichever run made it.
func (s *Service) leaveSource(ctx context.Context, st *move, _ error) error {
	if st.volume == nil || s.Storage.Features().LocalDevice {
		return nil
	}
	return within(ctx, s.VerbTimeout, func(ctx context.Context) error { return s.Exports.Disconnect(ctx, st.volume, st.sourceID()) })
}

// device is a volume with a path on this machine.
type device struct{ *os.File }

func (f device) nextData(offset, size int64) int64 {
	at, err := unix.Seek(int(f.Fd()), offset, unix.SEEK_DATA)
	switch {
	case err == nil:
		return min(at, size)
	case errors.Is(err, unix.ENXIO):
		return size
	}
	return offset
}

// remote is a source of which nobody says where its holes are; pieces that are all zeros count as such.
type remote struct {
	Bytes
	disconnect func() error
}

func (r remote) Close() error { return errors.Join(r.Bytes.Close(), r.disconnect()) }

func (remote) nextData(offset, _ int64) int64 { return offset }

// copying is one copy of a volume to another of the same size.
type copying struct {
	from     source
	to       Bytes
	size     int64
	zero     bool // what holds nothing has to be written as zeros
	progress func(done int64)
}

func (c copying) run(ctx context.Context) error {
	piece := make([]byte, pieceBytes)
	tick := time.NewTicker(progressPeriod)
	defer tick.Stop()
	for offset := int64(0); offset < c.size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		data := max(offset, c.from.nextData(offset, c.size)/pieceBytes*pieceBytes)
		if err := c.leaveOut(offset, data); err != nil {
			return err
		}
		if offset = data; offset >= c.size {
			break
		}
		n := min(pieceBytes, c.size-offset)
		if err := c.piece(piece[:n], offset); err != nil {
			return err
		}
		offset += n
		select {
		case <-tick.C:
			c.progress(offset)
		default:
		}
	}
	return c.to.Flush()
}

// leaveOut is for the range of a hole.
func (c copying) leaveOut(from, to int64) error {
	if !c.zero || from == to {
		return nil
	}
	return c.to.WriteZeroes(from, to-from)
}

func (c copying) piece(p []byte, offset int64) error {
	if _, err := io.ReadFull(io.NewSectionReader(c.from, offset, int64(len(p))), p); err != nil {
		return fmt.Errorf("read at %d: %w", offset, err)
	}
	if isZero(p) {
		return c.leaveOut(offset, offset+int64(len(p)))
	}
	if _, err := c.to.WriteAt(p, offset); err != nil {
		return fmt.Errorf("write at %d: %w", offset, err)
	}
	return nil
}

// isZero says whether all bytes are zero.
func isZero(p []byte) bool {
	for len(p) >= 8 {
		if p[0]|p[1]|p[2]|p[3]|p[4]|p[5]|p[6]|p[7] != 0 {
			return false
		}
		p = p[8:]
	}
	return !slices.ContainsFunc(p, func(b byte) bool { return b != 0 })
}
