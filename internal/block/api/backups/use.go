package backups

import (
	"context"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/member"
	"github.com/clinker/clinker/internal/block/api/repeat"
	uses "github.com/clinker/clinker/internal/block/app/backups"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// AdminActions are the actions on backups that upstream has in its extension of administrators' actions.
func AdminActions(u *uses.Backups) []wsgi.Action {
	h := handlers{uses: u}
	const admin = "volume_extension:backup_admin_actions:"
	return []wsgi.Action{
		{Resource: collection, Name: "os-reset_status", Schemas: resetSchemas, Policy: []string{admin + "reset_status"}, Handler: h.resetStatus},
		{Resource: collection, Name: "os-force_delete", Schemas: forceDeleteSchemas, Policy: []string{admin + "force_delete"}, Handler: h.forceDelete},
	}
}

func (h handlers) create(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body := r.Body.Object("backup")
	asked := uses.CreateRequest{VolumeID: body.String("volume_id"), SnapshotID: body.String("snapshot_id"), Name: member.Text(body, "name"),
		Description: member.Text(body, "description"), AvailabilityZone: body.String("availability_zone"), Metadata: body.StringMap("metadata"),
		Incremental: body.Bool("incremental"), Force: body.Bool("force")}
	if body.Has("container") && !body.IsNull("container") {
		asked.Container = new(body.String("container"))
	}
	b, err := h.uses.Create(repeat.Mark(ctx, r), asked)
	if err != nil {
		return nil, err
	}
	return summary(r, b), nil
}

func (h handlers) delete(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.Delete(ctx, r.PathValue("id"), "backup:delete", false)
}

func (h handlers) forceDelete(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.Delete(ctx, r.PathValue("id"), "volume_extension:backup_admin_actions:force_delete", true)
}

func (h handlers) resetStatus(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	status := block.BackupStatus(strings.ToLower(r.Body.Object("os-reset_status").String("status")))
	return wsgi.Empty(), h.uses.ResetStatus(ctx, r.PathValue("id"), status)
}

func (h handlers) restore(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body := r.Body.Object("restore")
	restored, err := h.uses.Restore(ctx, r.PathValue("id"), body.String("volume_id"), member.Text(body, "name"))
	if err != nil {
		return nil, wsgi.Plain(err)
	}
	w := jsonview.New(256)
	w.Open()
	w.Key("restore")
	w.Open()
	w.String("backup_id", restored.BackupID)
	w.String("volume_id", restored.VolumeID)
	w.Pointer("volume_name", restored.VolumeName)
	w.Close()
	w.Close()
	return wsgi.JSON(w), nil
}

func (h handlers) exportRecord(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	record, err := h.uses.Export(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	w := jsonview.New(1024)
	w.Open()
	w.Key("backup-record")
	w.Open()
	w.String("backup_service", record.Service)
	w.String("backup_url", record.Record)
	w.Close()
	w.Close()
	return wsgi.JSON(w), nil
}

func (h handlers) importRecord(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body := r.Body.Object("backup-record")
	b, err := h.uses.Import(ctx, uses.Record{Service: body.String("backup_service"), Record: body.String("backup_url")})
	if err != nil {
		return nil, err
	}
	return summary(r, b), nil
}
