package fake

import (
	"context"

	"github.com/clinker/clinker/internal/block/driver"
)

// SetReach lets volumes be moved to other, which from now on says of itself that it is at location.
func (d *Driver) SetReach(location string, other *Driver) {
	other.mu.Lock()
	for i := range other.stats.Pools {
		other.stats.Pools[i].Location = location
	}
	other.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.reach == nil {
		d.reach = map[string]*Driver{}
	}
	d.reach[location] = other
}

// Retype implements driver.Retyper: whatever the type asks for, it is so.
func (d *Driver) Retype(ctx context.Context, v driver.Volume, _ driver.TypeChange) (bool, driver.Update, error) {
	return true, driver.Update{}, d.do(ctx, "retype", v.ID, func() error { return d.needVolume(v) })
}

// RenameVolume implements driver.Renamer.
func (d *Driver) RenameVolume(ctx context.Context, v driver.Volume, as string) (done bool, u driver.Update, err error) {
	err = d.do(ctx, "update_migrated_volume", v.ID, func() error {
		size, there := d.volumes[v.ID]
		_, taken := d.volumes[as]
		if !there && !taken {
			return d.needVolume(v)
		}
		if done = !there || !taken; done && there {
			delete(d.volumes, v.ID)
			d.volumes[as] = size
		}
		return nil
	})
	return done, u, err
}

// MigrateVolume implements driver.Migrator, for what SetReach has said.
func (d *Driver) MigrateVolume(ctx context.Context, v driver.Volume, as, location string) (done bool, u driver.Update, err error) {
	var other *Driver
	err = d.do(ctx, "migrate_volume", v.ID, func() error {
		other = d.reach[location]
		return d.needVolume(v)
	})
	if err != nil || other == nil {
		return false, u, err
	}
	other.mu.Lock()
	defer other.mu.Unlock()
	if _, taken := other.volumes[as]; !taken {
		other.volumes[as] = v.SizeGiB
	}
	return true, u, nil
}
