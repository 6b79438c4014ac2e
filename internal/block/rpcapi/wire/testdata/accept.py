"""Let Python Cinder take messages as its services would: one JSON line {"service", "method", "version", "args"} in, one line out.

Each message is deserialised by cinder's own serialiser, its arguments are bound to the manager's method, the version is checked
against the manager's, and every plain field of the objects is read: one that is not set raises, as the manager would. The answer
is {"error": null} or what went wrong. With {"result": ...} beside "method", a reply is deserialised as a client would.
"""
import inspect
import json
import sys

from cinder import context
from cinder import objects

objects.register_all()
from cinder.backup import manager as backup_manager  # noqa: E402
from cinder.objects import base  # noqa: E402
from cinder.scheduler import manager as scheduler_manager  # noqa: E402
from cinder.volume import manager as volume_manager  # noqa: E402
from oslo_versionedobjects import base as ovo  # noqa: E402

managers = {'scheduler': scheduler_manager.SchedulerManager, 'volume': volume_manager.VolumeManager, 'backup': backup_manager.BackupManager}
ctxt = context.RequestContext(user_id='u' * 32, project_id='p' * 32, is_admin=True)
serializer = base.CinderObjectSerializer()
sparse = ('RequestSpec', 'VolumeProperties', 'BackupDeviceInfo')


def read(value, where):
    if isinstance(value, ovo.VersionedObject):
        for name in value.fields:
            if name in getattr(value, 'OPTIONAL_FIELDS', ()) and not value.obj_attr_is_set(name):
                continue
            if value.obj_name() in sparse and not value.obj_attr_is_set(name):
                continue
            if value.obj_name() == 'VolumeAttachment' and name == 'volume':
                continue
            if not value.obj_attr_is_set(name):
                raise Exception('%s.%s is not set' % (where, name))
            read(getattr(value, name), where + '.' + name)
    elif isinstance(value, dict):
        for k, v in value.items():
            read(v, '%s[%s]' % (where, k))
    elif isinstance(value, (list, tuple)):
        for v in value:
            read(v, where + '[]')


for line in sys.stdin:
    m = json.loads(line)
    try:
        if 'result' in m:
            read(serializer.deserialize_entity(ctxt, m['result']), 'result')
        else:
            manager = managers[m['service']]
            args = {k: serializer.deserialize_entity(ctxt, v) for k, v in m['args'].items()}
            method = inspect.unwrap(getattr(manager, m['method']))
            inspect.signature(method).bind(None, ctxt, **args)
            have, want = manager.RPC_API_VERSION.split('.'), (m['version'] or '1.0').split('.')
            if have[0] != want[0] or int(want[1]) > int(have[1]):
                raise Exception('version %s is asked for, and there is %s' % (m['version'], manager.RPC_API_VERSION))
            read(args, m['method'])
        print(json.dumps({'error': None}), flush=True)
    except Exception as e:
        print(json.dumps({'error': '%s: %s' % (type(e).__name__, e)}), flush=True)
