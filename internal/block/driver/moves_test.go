package driver_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/driver/fake"
	"github.com/clinker/clinker/internal/fault"
)

// carrier is a driver that can move volumes by itself.
type carrier struct {
	driver.Driver
	to string
}

func (c *carrier) MigrateVolume(_ context.Context, _ driver.Volume, as, location string) (bool, driver.Update, error) {
	c.to = location + " " + as
	return true, driver.Update{ProviderID: "there"}, nil
}

// TestMovesWithoutTheVerbs: what a driver cannot do is not done, which is no error.
func TestMovesWithoutTheVerbs(t *testing.T) {
	b := newBackend(t, plain{fake.New()})
	v, ctx := driver.Volume{ID: uuid.NewString(), SizeGiB: 1}, t.Context()
	for what, do := range map[string]func() (bool, driver.Update, error){
		"retype":  func() (bool, driver.Update, error) { return b.Retype(ctx, v, driver.TypeChange{}) },
		"rename":  func() (bool, driver.Update, error) { return b.RenameVolume(ctx, v, uuid.NewString()) },
		"migrate": func() (bool, driver.Update, error) { return b.MigrateVolume(ctx, v, uuid.NewString(), "there") },
	} {
		if done, _, err := do(); done || err != nil {
			t.Errorf("%s: %v, %v", what, done, err)
		}
	}
}

func TestMigrateVolume(t *testing.T) {
	c := &carrier{Driver: plain{fake.New()}}
	b := newBackend(t, c)
	v, as := driver.Volume{ID: uuid.NewString(), SizeGiB: 1}, uuid.NewString()
	done, u, err := b.MigrateVolume(t.Context(), v, as, "elsewhere")
	if !done || err != nil || u.ProviderID != "there" || c.to != "elsewhere "+as {
		t.Errorf("%v, %+v, %v; the driver was asked for %q", done, u, err, c.to)
	}
	if done, _, err := b.MigrateVolume(t.Context(), v, as, ""); done || err != nil {
		t.Errorf("to storage that does not say where it is: %v, %v", done, err)
	}
	for what, as := range map[string]string{"itself": v.ID, "what is no id": "../" + as[3:]} {
		if _, _, err := b.MigrateVolume(t.Context(), v, as, "elsewhere"); !fault.Is(err, fault.Invalid) {
			t.Errorf("as %s: %v", what, err)
		}
	}
}
