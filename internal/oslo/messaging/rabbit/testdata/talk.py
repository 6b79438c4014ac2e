"""Speaks with a Clinker over RabbitMQ: serves topic "py", then calls topic "go", with Python's own oslo.messaging and Cinder's
context and exceptions. Reads commands from its standard input and writes one JSON object a line."""
import json
import sys

from oslo_config import cfg
import oslo_messaging as messaging

import cinder.context
import cinder.exception
import cinder.rpc

url = sys.argv[1]
conf = cfg.CONF
conf([], project='cinder', default_config_files=[])

transport = messaging.get_rpc_transport(conf, url, allowed_remote_exmods=['cinder.exception'])
serializer = cinder.rpc.RequestContextSerializer(messaging.NoOpSerializer())


def say(**what):
    print(json.dumps(what), flush=True)


class Endpoint:
    target = messaging.Target(version='3.5')

    def echo(self, ctxt, text, number):
        return {'text': text + '!', 'number': number + 1, 'user': ctxt.user_id, 'request': ctxt.request_id, 'token': ctxt.auth_token,
                'roles': ctxt.roles, 'admin': ctxt.is_admin, 'catalog': ctxt.service_catalog}

    def fail(self, ctxt, volume):
        raise cinder.exception.VolumeNotFound(volume_id=volume)

    def busy(self, ctxt):
        raise cinder.exception.VolumeIsBusy(volume_name='v')

    def strange(self, ctxt):
        raise KeyError('strange')

    def note(self, ctxt, text, number):
        say(noted=text)


server = messaging.get_rpc_server(transport, messaging.Target(topic='py', server='snake'), [Endpoint()], executor='threading',
                                  serializer=serializer)
server.start()
say(ready=True)
sys.stdin.readline()

context = cinder.context.RequestContext(user_id='u', project_id='p', is_admin=False, roles=['member'], auth_token='a-token',
                                        request_id='req-python', overwrite=False)
client = messaging.get_rpc_client(transport, messaging.Target(topic='go', version='3.0'), version_cap='3.99', serializer=serializer)


def attempt(name, prepared, method, **args):
    try:
        say(name=name, result=prepared.call(context, method, **args))
    except Exception as e:
        say(name=name, exception=type(e).__name__, remote=getattr(e, 'exc_type', None), message=getattr(e, 'msg', str(e)),
            code=getattr(e, 'kwargs', {}).get('code'), cinder=isinstance(e, cinder.exception.CinderException))


attempt('any', client, 'echo', Text='hello', N=1)
attempt('direct', client.prepare(server='gopher'), 'echo', Text='you', N=2)
attempt('not found', client, 'fail', N=404)
attempt('nameless', client, 'fail', N=0)
attempt('no such method', client, 'nothing')
attempt('too new', client.prepare(version='3.9'), 'echo', Text='x', N=1)
attempt('nobody', client.prepare(server='nobody', timeout=2), 'echo', Text='x', N=1)
attempt('monitored', client.prepare(timeout=30, call_monitor_timeout=3), 'slow', N=5)
client.cast(context, 'note', Text='a cast', N=1)
client.prepare(fanout=True).cast(context, 'note', Text='a fanout', N=2)
say(done=True)
sys.stdin.readline()
server.stop()
server.wait()
