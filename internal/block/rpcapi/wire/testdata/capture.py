"""What the RPC clients of Python Cinder put on the wire, one JSON line per message.

Run where Cinder is installed (the lab's chroot). Nothing is sent and no database is read: the client below only serialises, as
oslo.messaging's would, and writes down method, version, target and arguments. Each line is {"service", "method", "version", "topic",
"server", "fanout", "args"}.
"""
import datetime
import json
import sys
from unittest import mock

from cinder import context
from cinder import objects
from cinder import rpc
from cinder.objects import base
from oslo_serialization import jsonutils

objects.register_all()
from cinder.backup import rpcapi as backup_rpcapi  # noqa: E402
from cinder.objects import fields  # noqa: E402
from cinder.scheduler import rpcapi as scheduler_rpcapi  # noqa: E402
from cinder.volume import rpcapi as volume_rpcapi  # noqa: E402

ctxt = context.RequestContext(user_id='u' * 32, project_id='p' * 32, is_admin=True)
serializer = base.CinderObjectSerializer('1.39')


class Client:
    def __init__(self, service, target=None):
        self.service, self.target = service, target or {}

    def can_send_version(self, version):
        return True

    def prepare(self, **kwargs):
        return Client(self.service, dict(self.target, **kwargs))

    def cast(self, ctxt, method, **kwargs):
        args = {k: serializer.serialize_entity(ctxt, v) for k, v in kwargs.items()}
        print(json.dumps({'service': self.service, 'method': method, 'version': self.target.get('version'),
                          'topic': self.target.get('topic'), 'server': self.target.get('server'),
                          'fanout': bool(self.target.get('fanout')), 'args': jsonutils.loads(jsonutils.dumps(args))},
                         sort_keys=True))

    call = cast


def api(cls, service):
    a = cls.__new__(cls)
    a.client = Client(service)
    return a


V = '11111111-1111-4111-8111-111111111111'
W = '22222222-2222-4222-8222-222222222222'
T = '33333333-3333-4333-8333-333333333333'
U = '34343434-3333-4333-8333-333333333333'
S = '44444444-4444-4444-8444-444444444444'
A = '55555555-5555-4555-8555-555555555555'
B = '66666666-6666-4666-8666-666666666666'
G = '77777777-7777-4777-8777-777777777777'
N = '88888888-8888-4888-8888-888888888888'
H = '99999999-9999-4999-8999-999999999999'
I = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa'
when = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.timezone.utc)


def fill(obj, **values):
    for name, field in obj.fields.items():
        if name in values:
            setattr(obj, name, values[name])
        elif name in getattr(obj, 'OPTIONAL_FIELDS', ()):
            continue
        elif field.nullable:
            setattr(obj, name, None)
    obj.obj_reset_changes()
    obj._context = ctxt
    return obj


vtype = fill(objects.VolumeType(), id=T, name='fast', is_public=True, created_at=when, deleted=False,
             extra_specs={'volume_backend_name': 'lvm'}, projects=[])
attachment = fill(objects.VolumeAttachment(), id=A, volume_id=V, attach_status='attached', attach_mode='rw', attach_time=when,
                  attached_host='compute', mountpoint='/dev/vdb', instance_uuid=N, created_at=when, deleted=False,
                  connector={'host': 'compute', 'multipath': False, 'nqn': None}, connection_info={'driver_volume_type': 'iscsi', 'volume_id': V})


def volume(**over):
    values = dict(id=V, user_id='u' * 32, project_id='p' * 32, use_quota=True, size=1, availability_zone='nova', status='available',
                  attach_status='detached', host='node@lvm#pool', display_name='name', created_at=when, updated_at=when, deleted=False,
                  volume_type_id=T, bootable=False, multiattach=False, shared_targets=True, metadata={'key': 'value'}, volume_type=vtype,
                  admin_metadata={}, glance_metadata={}, volume_attachment=objects.VolumeAttachmentList(objects=[]))
    values.update(over)
    return fill(objects.Volume(), **values)


def snapshot(**over):
    values = dict(id=S, user_id='u' * 32, project_id='p' * 32, use_quota=True, volume_id=V, status='creating', progress='0%', volume_size=1,
                  display_name='snap', volume_type_id=T, metadata={'a': 'b'}, created_at=when, deleted=False)
    values.update(over)
    return fill(objects.Snapshot(), **values)


def backup(**over):
    values = dict(id=B, user_id='u' * 32, project_id='p' * 32, volume_id=V, host='node', status='creating', size=1, object_count=0,
                  num_dependent_backups=0, metadata={}, created_at=when, deleted=False, display_name='copy', availability_zone='nova',
                  service='cinder.backup.drivers.posix.PosixBackupDriver')
    values.update(over)
    return fill(objects.Backup(), **values)




def make_group(**over):
    values = dict(id=G, user_id='u' * 32, project_id='p' * 32, host='node@lvm#pool', name='g', group_type_id=H, volume_type_ids=[T],
                  status='creating', created_at=when, deleted=False, availability_zone='nova', replication_status='disabled')
    values.update(over)
    return fill(objects.Group(), **values)


group = make_group()
picture = fill(objects.GroupSnapshot(), id=N, group_id=G, user_id='u' * 32, project_id='p' * 32, name='gs', status='creating',
               group_type_id=H, created_at=when, deleted=False, group=group)
service = fill(objects.Service(), id=3, host='node@lvm', binary='cinder-volume', topic='cinder-volume', report_count=7, uuid=N, frozen=False,
               disabled=False, created_at=when, deleted=False, rpc_current_version='3.20', object_current_version='1.39')
typedict = {'id': T, 'name': 'fast', 'is_public': True, 'created_at': when, 'updated_at': None, 'deleted': False, 'deleted_at': None,
            'description': None, 'qos_specs_id': None, 'extra_specs': {'volume_backend_name': 'lvm'}}


def create_spec(**over):
    values = dict(consistencygroup_id=None, group_id=None, cgsnapshot_id=None, image_id=None, snapshot_id=None, source_volid=None, volume_id=V,
                  volume=volume(status='creating', host=None), volume_type=vtype, backup_id=None, availability_zones=['nova'],
                  volume_properties=dict(attach_status='detached', availability_zone='nova', cgsnapshot_id=None, consistencygroup_id=None,
                                         display_description=None, display_name='name', encryption_key_id=None, group_id=None, group_type_id=None,
                                         metadata={'key': 'value'}, multiattach=False, project_id='p' * 32, qos_specs=None, replication_status=None,
                                         reservations=[W], size=1, snapshot_id=None, source_replicaid=None, source_volid=None, status='creating',
                                         user_id='u' * 32, volume_type_id=T))
    values.update(over)
    values['volume_properties'] = objects.VolumeProperties(**values['volume_properties'])
    return objects.RequestSpec(**values)


class Backend:
    host, cluster_name, capabilities = 'other@lvm#pool', None, {'free_capacity_gb': 1.5, 'pool_name': 'pool'}


workers = [mock.patch.object(c, 'create_worker', lambda self, pinned=True: True) for c in (objects.Volume, objects.Snapshot)]
for p in workers:
    p.start()

s = api(scheduler_rpcapi.SchedulerAPI, 'scheduler')
s.create_volume(ctxt, volume(status='creating', host=None), request_spec=create_spec(), filter_properties={})
s.create_volume(ctxt, volume(status='creating', host=None), image_id=I, request_spec=create_spec(image_id=I, resource_backend='node@lvm'),
                filter_properties={'scheduler_hints': {'same_host': [W]},
                                   'retry': {'num_attempts': 1, 'backends': ['node@lvm#pool'], 'hosts': ['node@lvm#pool'],
                                             'exc': ['Traceback (most recent call last):\n', 'ValueError: no']}})
s.create_snapshot(ctxt, volume(), snapshot(), 'node@lvm#pool',
                  objects.RequestSpec(snapshot_id=S, volume_properties=objects.VolumeProperties(size=1)))
properties = {'size': 0, 'user_id': 'u' * 32, 'project_id': 'p' * 32, 'status': 'creating', 'group_type_id': H}
s.create_group(ctxt, group, group_spec={'group_type': {'id': H, 'name': 'gt', 'group_specs': {}, 'is_public': True}, 'group_id': G,
                                        'volume_properties': properties, 'qos_specs': None},
               request_spec_list=[{'volume_type': dict(typedict), 'group_id': G, 'qos_specs': None,
                                   'volume_properties': dict(properties, volume_type_id=T, attach_status='detached', availability_zone='nova',
                                                             encryption_key_id=None, display_description=None, display_name=None)}],
               group_filter_properties={}, filter_properties_list=[{}])
spec = {'volume_properties': volume(), 'volume_type': dict(typedict), 'volume_id': V}
s.migrate_volume(ctxt, volume(), 'other@lvm#pool', True, dict(spec))
retyping = volume(status='retyping', previous_status='available')
s.retype(ctxt, retyping, request_spec=dict(spec, volume_properties=retyping, volume_type=dict(typedict, id=U), migration_policy='on-demand', quota_reservations=[W],
                           old_reservations=[N], availability_zones=['nova']), filter_properties={})
managing = volume(status='managing', size=0)
s.manage_existing(ctxt, managing, request_spec=dict(spec, volume_properties=managing, ref={'source-name': 'lv'}))
s.manage_existing_snapshot(ctxt, volume(), snapshot(), {'source-name': 'lv'},
                           request_spec=objects.RequestSpec(snapshot_id=S, volume_properties=objects.VolumeProperties(size=1)))
extending = volume(status='extending', previous_status='available')
s.extend_volume(ctxt, extending, 3, [W], dict(spec, volume_properties=extending))
s.get_pools(ctxt, filters={'name': 'node@lvm#pool'})
s.get_pools(ctxt)
s.validate_host_capacity(ctxt, 'node@lvm#pool', objects.RequestSpec(group_id=G, volume_properties=objects.VolumeProperties(size=1)))
s.update_service_capabilities(ctxt, 'volume', 'node@lvm', {'volume_backend_name': 'lvm', 'pools': [{'pool_name': 'pool'}]}, None, when)
s.notify_service_capabilities(ctxt, 'volume', 'node@lvm', {'volume_backend_name': 'lvm', 'pools': [{'pool_name': 'pool'}]}, when)
cleanup = objects.CleanupRequest(service_id=None, host='node@lvm')
s.work_cleanup(ctxt, cleanup)
s.do_cleanup(ctxt, cleanup)
level = objects.LogLevel(prefix='cinder', level='DEBUG')
s.set_log_levels(ctxt, service, level)
s.get_log_levels(ctxt, service, objects.LogLevel(prefix='cinder'))
s.create_backup(ctxt, backup())

v = api(volume_rpcapi.VolumeAPI, 'volume')
v.create_volume(ctxt, volume(status='creating'), create_spec(operation='create_volume'),
                {'retry': {'num_attempts': 1, 'backends': ['node@lvm#pool'], 'hosts': ['node@lvm#pool']}, 'size': 1,
                 'availability_zone': 'nova', 'user_id': 'u' * 32, 'metadata': {'key': 'value'}, 'qos_specs': None})
v.revert_to_snapshot(ctxt, volume(status='reverting'), snapshot(status='restoring'))
v.delete_volume(ctxt, volume(status='deleting'), cascade=True)
v.create_snapshot(ctxt, volume(), snapshot())
v.delete_snapshot(ctxt, snapshot(status='deleting', volume=volume()))
v.attach_volume(ctxt, volume(status='attaching'), N, None, '/dev/vdb', 'rw')
v.detach_volume(ctxt, volume(status='detaching', volume_attachment=objects.VolumeAttachmentList(objects=[attachment])), A)
v.copy_volume_to_image(ctxt, volume(status='uploading'), {'id': I, 'name': 'image', 'container_format': 'bare', 'disk_format': 'raw'})
v.initialize_connection(ctxt, volume(), {'host': 'compute', 'multipath': False})
v.terminate_connection(ctxt, volume(), {'host': 'compute'}, force=True)
v.remove_export(ctxt, volume(), sync=True)
v.publish_service_capabilities(ctxt)
v.accept_transfer(ctxt, volume(), 'newuser', 'newproject', no_snapshots=True)
v.extend_volume(ctxt, volume(status='extending'), 3, [W])
v.extend_volume_completion(ctxt, volume(status='extending'), 3, [W], False)
v.migrate_volume(ctxt, volume(), Backend, True)
v.migrate_volume_completion(ctxt, volume(migration_status='migrating'), volume(id=W, migration_status='target:' + V), False)
v.retype(ctxt, volume(status='retyping'), U, Backend, 'on-demand', [W], [N])
v.manage_existing(ctxt, volume(status='managing'), {'source-name': 'lv'})
v.update_migrated_volume(ctxt, volume(previous_status='available'), volume(id=W), 'available')
v.freeze_host(ctxt, service)
v.thaw_host(ctxt, service)
v.failover(ctxt, service, 'dr')
v.failover_completed(ctxt, service, {'replication_status': 'failed-over', 'active_backend_id': 'dr'})
v.manage_existing_snapshot(ctxt, snapshot(), {'source-name': 'lv'}, 'node@lvm')
v.get_capabilities(ctxt, 'node@lvm', False)
v.get_backup_device(ctxt, backup(), volume())
v.secure_file_operations_enabled(ctxt, volume())
v.get_manageable_volumes(ctxt, service, None, 1000, 0, ['size'], ['desc'])
v.get_manageable_snapshots(ctxt, service, {'source-name': 'lv'}, 10, 0, ['reference'], ['asc'])
v.create_group(ctxt, group)
v.delete_group(ctxt, group)
v.update_group(ctxt, group, add_volumes=V, remove_volumes=None)
v.create_group_from_src(ctxt, make_group(group_snapshot_id=N), picture, None)
v.create_group_from_src(ctxt, make_group(source_group_id=W), None, make_group(id=W))
v.create_group_snapshot(ctxt, picture)
v.delete_group_snapshot(ctxt, picture)
snap = snapshot(volume=volume())
v.initialize_connection_snapshot(ctxt, snap, {'host': 'compute'})
v.terminate_connection_snapshot(ctxt, snap, {'host': 'compute'}, force=False)
v.remove_export_snapshot(ctxt, snap)
v.attachment_update(ctxt, volume(), {'host': 'compute', 'mode': 'rw'}, A)
v.attachment_delete(ctxt, A, volume())
v.do_cleanup(ctxt, objects.CleanupRequest(service_id=3, host='node@lvm', cluster_name=None, binary='cinder-volume', until=when))
v.set_log_levels(ctxt, service, level)
v.get_log_levels(ctxt, service, objects.LogLevel(prefix='cinder'))
v.enable_replication(ctxt, group)
v.disable_replication(ctxt, group)
v.failover_replication(ctxt, group, allow_attached_volume=True, secondary_backend_id='dr')
v.list_replication_targets(ctxt, group)
v.reimage(ctxt, volume(status='downloading'), {'id': I, 'name': 'image'}, None)

b = api(backup_rpcapi.BackupAPI, 'backup')
b.create_backup(ctxt, backup())
b.continue_backup(ctxt, backup(), objects.BackupDeviceInfo(volume=volume(), secure_enabled=False))
b.continue_backup(ctxt, backup(), objects.BackupDeviceInfo(snapshot=snapshot(status='available'), secure_enabled=False))
b.restore_backup(ctxt, 'node', backup(status='restoring'), W, True)
b.delete_backup(ctxt, backup(status='deleting'))
b.export_record(ctxt, backup(status='available'))
imported = fill(objects.BackupImport(), id=B, user_id='u' * 32, project_id='p' * 32, volume_id='0' * 8 + '-0000-0000-0000-' + '0' * 12,
                status='creating', deleted=False)
b.import_record(ctxt, 'node', imported, 'cinder.backup.drivers.posix.PosixBackupDriver', 'eyJ9', ['other'])
b.reset_status(ctxt, backup(), 'error')
b.check_support_to_force_delete(ctxt, 'node')
b.set_log_levels(ctxt, service, level)
b.get_log_levels(ctxt, service, objects.LogLevel(prefix='cinder'))
b.publish_service_capabilities(ctxt)
