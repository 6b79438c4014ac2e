# A driver for the reference lab's Cinder while the tour is recorded: it keeps no bytes and does everything the API can ask
# for at once. Cinder's own fake driver cannot extend, revert, retype or manage. README.md says how it is installed.

from cinder.tests import fake_driver


class Driver(fake_driver.FakeLoggingVolumeDriver):
    """Says yes."""

    def extend_volume(self, volume, new_size):
        pass

    def revert_to_snapshot(self, context, volume, snapshot):
        pass

    def retype(self, context, volume, new_type, diff, host):
        return True

    def create_group(self, context, group):
        return {'status': 'available'}

    def delete_group(self, context, group, volumes):
        return {'status': 'deleted'}, [{'id': v.id, 'status': 'deleted'} for v in volumes]

    def update_group(self, context, group, add_volumes=None, remove_volumes=None):
        return None, None, None

    def create_group_from_src(self, context, group, volumes, group_snapshot=None, snapshots=None,
                              source_group=None, source_vols=None):
        return None, None

    def create_group_snapshot(self, context, group_snapshot, snapshots):
        return {'status': 'available'}, [{'id': s.id, 'status': 'available'} for s in snapshots]

    def delete_group_snapshot(self, context, group_snapshot, snapshots):
        return {'status': 'deleted'}, [{'id': s.id, 'status': 'deleted'} for s in snapshots]

    def manage_existing(self, volume, existing_ref):
        pass

    def manage_existing_get_size(self, volume, existing_ref):
        return 1

    def manage_existing_snapshot(self, snapshot, existing_ref):
        pass

    def manage_existing_snapshot_get_size(self, snapshot, existing_ref):
        return 1

    def unmanage(self, volume):
        pass

    def unmanage_snapshot(self, snapshot):
        pass

    def copy_image_to_volume(self, context, volume, image_service, image_id, disable_sparse=False):
        pass

    def copy_volume_to_image(self, context, volume, image_service, image_meta):
        pass

    def get_manageable_volumes(self, cinder_volumes, marker, limit, offset, sort_keys, sort_dirs):
        return [{'reference': {'source-name': 'found'}, 'size': 1, 'safe_to_manage': True, 'reason_not_safe': None,
                 'cinder_id': None, 'extra_info': None}]

    def get_manageable_snapshots(self, cinder_snapshots, marker, limit, offset, sort_keys, sort_dirs):
        return [{'reference': {'source-name': 'found-snap'}, 'size': 1, 'safe_to_manage': True, 'reason_not_safe': None,
                 'cinder_id': None, 'extra_info': None, 'source_reference': {'source-name': 'found'}}]

    def _update_volume_stats(self):
        super()._update_volume_stats()
        pool = self._stats['pools'][0]
        pool['reserved_percentage'] = 0
        pool['multiattach'] = True
        pool['consistent_group_snapshot_enabled'] = True
        pool['consistencygroup_support'] = True
