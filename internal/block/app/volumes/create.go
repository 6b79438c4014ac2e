package volumes

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/app/groups/joining"
	"github.com/clinker/clinker/internal/block/app/images"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/glance"
	"github.com/clinker/clinker/internal/reqctx"
	"github.com/clinker/clinker/internal/telemetry"
)

// CreateRequest is what a caller asks of a new volume. Zero fields were not given.
type CreateRequest struct {
	Name, Description *string
	SizeGiB           int64 // 0: that of the source
	SnapshotID        string
	SourceVolumeID    string
	ImageRef          string // an image's id or name
	FollowSnapshot    bool   // an image that stands for a snapshot means that snapshot
	BackupID          string
	GroupID           string
	VolumeType        string // id or name
	AvailabilityZone  string
	Metadata          map[string]string
	Hints             map[string]any
}

// creation is the state of one volume_create as this service runs it; it is not what the journal keeps (see HandOver).
type creation struct {
	asked    CreateRequest
	snapshot *block.Snapshot
	source   *block.Volume // the source volume, or the volume the snapshot is of
	image    *glance.Image
	backup   *block.Backup
	restorer string // the host of the backup service that is to restore backup
	volType  *block.VolumeType
	group    *block.Group // nil if it is to be in none
	// encryption is how volumes of the type are encrypted, nil if they are not, and keyID the volume's own key then.
	encryption *block.TypeEncryption
	keyID      string
	zones      []string
	volume     *block.Volume
	message    rpcapi.CreateVolume
}

// Create enters a volume as asked and casts its making to the scheduler. It returns the volume as entered: creating.
// Faults: Invalid for what cannot be, NotFound for a source, type or group that is not there, OverLimit for quota,
// Forbidden by policy.
func (u *Volumes) Create(ctx context.Context, asked CreateRequest) (_ *block.Volume, err error) {
	ctx, end := telemetry.Span(ctx, "app.volumes.Create")
	defer end(&err)
	return app.Once(ctx, u.Core, u.made, func(ctx context.Context) (*block.Volume, error) { return u.begin(ctx, asked) })
}

// made reads what a create that is repeated has made.
func (u *Volumes) made(ctx context.Context, id string) (*block.Volume, error) {
	if err := u.Authorize(ctx, "volume:create"); err != nil {
		return nil, err
	}
	return u.Store.Volume(ctx, id, reqctx.From(ctx).ProjectID)
}

func (u *Volumes) begin(ctx context.Context, asked CreateRequest) (*block.Volume, error) {
	id := uuid.NewString()
	s := &creation{asked: asked, volume: &block.Volume{ID: id}}
	s.message.FlowID, s.message.VolumeID = app.NewOperationID(), id
	rec := flow.Record{ID: s.message.FlowID, Name: rpcapi.FlowVolumeCreate, Owner: rpcapi.SchedulerOwner,
		ResourceType: "volume", ResourceID: id}
	if err := flow.Begin(ctx, u.Flows, u.create, rec, s); err != nil {
		return nil, err
	}
	return s.volume, nil
}

// createFlow is upstream's volume_create_api. Its two middle steps share one transaction with the journal. The row is entered
// before it is counted, so that those who take quota of one project wait for each other as little as can be.
func (u *Volumes) createFlow() *flow.Flow[creation, store.Tx] {
	return &flow.Flow[creation, store.Tx]{
		Name: "volume_create_api",
		Steps: []flow.Step[creation, store.Tx]{
			{Name: "extract_volume_request", Do: u.extractRequest, Undo: u.dropKey},
			{Name: "entry_create", Tx: u.enterVolume},
			{Name: "quota_reserve", Tx: u.takeQuota},
			{Name: "volume_cast", Do: func(ctx context.Context, s *creation) error {
				entered := *s.volume // the caller goes on with its own
				s.message.AtHand = rpcapi.AtHand{Volume: &entered, Type: s.volType}
				return u.Cast(ctx, rpcapi.SchedulerOwner, func(ctx context.Context) error { return u.Scheduler.CreateVolume(ctx, &s.message) })
			}},
		},
		Together: lane,
		HandOver: func(s *creation) *flow.Next {
			return &flow.Next{Name: rpcapi.FlowVolumeCreate, Owner: rpcapi.SchedulerOwner, State: s.message.Request}
		},
	}
}

// lane has those share a transaction who would wait for each other's quota. Not who is made of something, or enters a group: he
// may wait for that too.
func lane(s *creation) string {
	if s.source != nil || s.group != nil {
		return ""
	}
	return store.QuotaLane(s.volume.ProjectID)
}

func (u *Volumes) extractRequest(ctx context.Context, s *creation) error {
	rule := "volume:create"
	if s.asked.ImageRef != "" {
		rule = "volume:create_from_image"
	}
	if err := u.Authorize(ctx, rule); err != nil {
		return err
	}
	if err := app.CheckMetadata(s.asked.Metadata); err != nil {
		return err
	}
	if err := u.readSources(ctx, s); err != nil {
		return err
	}
	if err := extractSize(s); err != nil {
		return err
	}
	if err := u.extractType(ctx, s); err != nil {
		return err
	}
	if err := joining.Check(s.group, s.asked.VolumeType != "", s.volType.ID, s.source); err != nil {
		return err
	}
	if err := u.extractZones(ctx, s); err != nil {
		return err
	}
	if err := u.takeKey(ctx, s); err != nil {
		return err
	}
	u.fill(ctx, s)
	return nil
}

// checkExclusive refuses more than one source.
func checkExclusive(r CreateRequest) error {
	given := 0
	for _, id := range []string{r.SnapshotID, r.SourceVolumeID, r.ImageRef, r.BackupID} {
		if id != "" {
			given++
		}
	}
	if given > 1 {
		return block.InvalidInput("May specify only one of snapshot, imageRef, source_volume or backup")
	}
	return nil
}

// readSources reads what the volume is to be made from and checks that it is one thing, in a state to be copied. A source
// that is not there counts before one too many, as upstream.
func (u *Volumes) readSources(ctx context.Context, s *creation) (err error) {
	a := s.asked
	if a.SnapshotID != "" {
		if s.snapshot, err = u.Snapshot(ctx, a.SnapshotID, "volume:get_snapshot"); err != nil {
			return err
		}
	}
	if a.SourceVolumeID != "" {
		if s.source, err = u.VolumeUnread(ctx, a.SourceVolumeID, "volume:get"); err != nil {
			return err
		}
	}
	if a.BackupID != "" {
		if s.backup, err = u.Backup(ctx, a.BackupID, "backup:get"); err != nil {
			return err
		}
	}
	if a.GroupID != "" {
		if s.group, s.volume.InConsistencyGroup, err = joining.Read(ctx, u.Core, a.GroupID); err != nil {
			return err
		}
	}
	if a.ImageRef != "" {
		if err := u.readImage(ctx, s); err != nil {
			return err
		}
		a = s.asked
	}
	if err := checkExclusive(a); err != nil {
		return err
	}
	switch {
	case s.snapshot != nil:
		if s.snapshot.Status != block.SnapshotAvailable {
			return block.InvalidSnapshot("Originating snapshot status must be one of 'available' values")
		}
		s.source, err = u.Store.Volume(ctx, s.snapshot.VolumeID, "")
		return err
	case s.source != nil:
		if s.source.Status != block.VolumeAvailable && s.source.Status != block.VolumeInUse {
			return block.InvalidVolume("Originating source volume status must be one of 'available, in-use' values")
		}
	case s.backup != nil:
		return u.readBackup(ctx, s)
	}
	return nil
}

// readImage finds the image that the volume is to be made of, or the snapshot that it stands for.
func (u *Volumes) readImage(ctx context.Context, s *creation) (err error) {
	if s.image, err = images.Find(ctx, u.Core, s.asked.ImageRef); err != nil || !s.asked.FollowSnapshot {
		return err
	}
	id, ok := images.BootSnapshot(s.image)
	if !ok {
		return nil
	}
	s.image, s.asked.ImageRef, s.asked.SnapshotID = nil, "", id
	if s.snapshot, err = u.Snapshot(ctx, id, "volume:get_snapshot"); fault.Is(err, fault.NotFound) {
		err = fault.Wrap(err, fault.NotFound, "", "Nova specific image is found, but boot volume snapshot id:%s not found.", id)
	}
	return err
}

// extractSize settles the size: the one asked for, or the source's, and never less than the source's.
func extractSize(s *creation) error {
	size := s.asked.SizeGiB
	switch {
	case s.snapshot != nil:
		if size == 0 {
			size = s.snapshot.VolumeSizeGiB
		}
		if size < s.snapshot.VolumeSizeGiB {
			return block.InvalidInput("Volume size '%d'GB cannot be smaller than the snapshot size %dGB. "+
				"They must be >= original snapshot size.", size, s.snapshot.VolumeSizeGiB)
		}
	case s.source != nil:
		if size == 0 {
			size = s.source.SizeGiB
		}
		if size < s.source.SizeGiB {
			return block.InvalidInput("Volume size '%d'GB cannot be smaller than original volume size  %dGB. "+
				"They must be >= original volume size.", size, s.source.SizeGiB)
		}
	case s.backup != nil:
		if size == 0 {
			size = s.backup.SizeGiB
		}
		if size < s.backup.SizeGiB {
			return block.InvalidInput("Volume size %dGB cannot be smaller than the backup size %dGB. It must be >= backup size.", size, s.backup.SizeGiB)
		}
	case size == 0:
		return block.InvalidInput("Volume size 'None' must be an integer and greater than 0")
	}
	if size < 1 || size > block.MaxSizeGiB {
		return block.InvalidInput("Volume size '%d' must be an integer and greater than 0", size)
	}
	s.volume.SizeGiB = size
	if s.image != nil {
		return images.Check(s.image, size)
	}
	return nil
}

// extractType settles the type: the one asked for, the source's, or the default.
func (u *Volumes) extractType(ctx context.Context, s *creation) (err error) {
	asked := s.asked.VolumeType
	if asked == "" && s.image != nil {
		asked = images.VolumeType(s.image)
	}
	switch {
	case asked != "":
		if s.volType, err = u.TypeByNameOrID(ctx, asked); err != nil {
			return err
		}
		if err := u.checkTypeChange(ctx, s); err != nil {
			return err
		}
	case s.snapshot != nil && s.snapshot.VolumeTypeID != "":
		s.volType, err = u.Store.VolumeType(ctx, s.snapshot.VolumeTypeID, "")
	case s.source != nil:
		s.volType, err = u.Store.VolumeType(ctx, s.source.VolumeTypeID, "")
	default:
		s.volType, err = u.DefaultType(ctx)
	}
	if err != nil {
		return err
	}
	if err := CheckProvisionedSize(s.volType, s.volume.SizeGiB); err != nil {
		return err
	}
	if s.encryption, err = u.EncryptionOf(ctx, s.volType); err != nil {
		return err
	}
	if s.volType.Multiattach() {
		if s.encryption != nil {
			return block.InvalidVolume("Multiattach cannot be used with encrypted volumes.")
		}
		return u.Authorize(ctx, "volume:multiattach")
	}
	return nil
}

// checkTypeChange refuses a type other than the source's unless both ask for the same back end by name, or there is but
// one back end: a copy cannot leave its back end.
func (u *Volumes) checkTypeChange(ctx context.Context, s *creation) error {
	if s.source == nil {
		return nil
	}
	sourceTypeID, advice := s.source.VolumeTypeID, "either match source volume, or omit type argument"
	if s.snapshot != nil {
		sourceTypeID, advice = s.snapshot.VolumeTypeID, "recommend omitting the type argument"
	}
	if s.volType.ID == sourceTypeID {
		return nil
	}
	services, err := u.Store.Services(ctx, store.ServiceQuery{Topic: block.BinaryVolume})
	if err != nil {
		return err
	}
	if len(services) == 1 {
		return nil
	}
	sourceType, err := u.Store.VolumeType(ctx, sourceTypeID, "")
	if err != nil {
		return err
	}
	const backendName = "volume_backend_name"
	if name := s.volType.ExtraSpecs[backendName]; name != "" && name == sourceType.ExtraSpecs[backendName] {
		return nil
	}
	return block.InvalidInput("Invalid volume_type provided: %s (requested type is not compatible; %s).", s.volType.ID, advice)
}

// extractZones settles in which zones the volume may be made: one, or all that the type allows.
func (u *Volumes) extractZones(ctx context.Context, s *creation) error {
	known, err := u.Zones.List(ctx)
	if err != nil {
		return err
	}
	allowed := []string{u.Options.StorageAvailabilityZone}
	for _, z := range known {
		if !slices.Contains(allowed, z.Name) {
			allowed = append(allowed, z.Name)
		}
	}
	ofType, limited := s.volType.Zones()
	if limited {
		allowed = slices.DeleteFunc(allowed, func(z string) bool { return !slices.Contains(ofType, z) })
		if len(allowed) == 0 {
			return fault.New(fault.Invalid, "InvalidTypeAvailabilityZones",
				"Volume type is only supported in these availability zones: ['%s']", strings.Join(ofType, "', '"))
		}
	}
	zone := s.asked.AvailabilityZone
	if s.group != nil {
		zone = s.group.AvailabilityZone
	}
	if zone == "" && s.source != nil {
		zone = s.source.AvailabilityZone
	}
	if zone == "" && !limited {
		zone = u.Options.DefaultZone()
	}
	if zone != "" && !slices.Contains(allowed, zone) {
		if !u.Options.AllowAvailabilityZoneFallback {
			return fault.New(fault.Invalid, "InvalidAvailabilityZone", "Availability zone '%s' is invalid.", zone)
		}
		zone = u.Options.DefaultZone()
	}
	if err := u.checkSourceZone(s, zone); err != nil {
		return err
	}
	s.zones = allowed
	if zone != "" {
		s.zones = []string{zone}
	}
	return nil
}

func (u *Volumes) checkSourceZone(s *creation, zone string) error {
	if s.source == nil || !u.Options.ClonedVolumeSameZone || zone == "" || s.source.AvailabilityZone == "" || s.source.AvailabilityZone == zone {
		return nil
	}
	what := "source volume"
	if s.snapshot != nil {
		what = "snapshot"
	}
	return block.InvalidInput("Volume must be in the same availability zone as the %s", what)
}

// fill makes the row and the message from what was settled.
func (u *Volumes) fill(ctx context.Context, s *creation) {
	caller, v := reqctx.From(ctx), s.volume
	v.UserID, v.ProjectID, v.UseQuota = caller.UserID, caller.ProjectID, true
	v.Name, v.Description = s.asked.Name, s.asked.Description
	v.Status, v.AttachStatus = block.VolumeCreating, block.AttachDetached
	v.SharedTargets = new(true) // until the back end says otherwise
	v.VolumeTypeID, v.VolumeTypeName = s.volType.ID, s.volType.Name
	v.Multiattach = s.volType.Multiattach()
	v.SnapshotID, v.SourceVolumeID, v.EncryptionKeyID = s.asked.SnapshotID, s.asked.SourceVolumeID, s.keyID
	v.GroupID = s.asked.GroupID
	v.Bootable = s.source != nil && s.source.Bootable
	v.Metadata = s.asked.Metadata
	v.CreatedAt = u.Now()
	if len(s.zones) == 1 {
		v.AvailabilityZone = s.zones[0]
	}
	r := rpcapi.CreateRequest{VolumeID: v.ID, SnapshotID: v.SnapshotID, SourceVolumeID: v.SourceVolumeID, Hints: s.asked.Hints,
		BackupID: s.asked.BackupID, BackupHost: s.restorer,
		AvailabilityZone: v.AvailabilityZone, Zones: s.zones}
	if s.image != nil {
		r.ImageID = s.image.ID
	}
	if s.source != nil && (s.snapshot == nil && u.Options.ClonedVolumeSameZone || s.snapshot != nil && u.Options.SnapshotSameHost) {
		r.PinnedBackend = s.source.Queue()
	}
	if s.group != nil && r.PinnedBackend == "" {
		r.PinnedBackend = block.Host(s.group.Queue().Backend())
	}
	s.message.Request = r
}

func (u *Volumes) takeQuota(ctx context.Context, tx store.Tx, s *creation) error {
	return u.Quota.Take(ctx, tx, s.volume.ProjectID, quota.Delta{Volumes: 1, VolumeGiB: s.volume.SizeGiB,
		TypeID: s.volType.ID, TypeName: s.volType.Name, Entered: true}, s.volume.SizeGiB)
}

// enterVolume inserts the row. The source is read again under the transaction: it may have been deleted meanwhile.
func (u *Volumes) enterVolume(ctx context.Context, tx store.Tx, s *creation) error {
	if err := u.Claim(ctx, tx, s.volume.ID); err != nil {
		return err
	}
	if s.snapshot != nil {
		now, err := tx.Snapshot(ctx, s.snapshot.ID, "")
		if err != nil {
			return err
		}
		if now.Status != block.SnapshotAvailable {
			return block.InvalidSnapshot("Originating snapshot status must be one of 'available' values")
		}
	} else if s.source != nil {
		now, err := tx.Volume(ctx, s.source.ID, "")
		if err != nil {
			return err
		}
		if now.Status != block.VolumeAvailable && now.Status != block.VolumeInUse {
			return block.InvalidVolume("Originating source volume status must be one of 'available, in-use' values")
		}
	}
	if err := joining.Enter(ctx, tx, s.group); err != nil {
		return err
	}
	return tx.CreateVolume(ctx, s.volume)
}
