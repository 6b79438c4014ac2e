"""Upstream's posix backup driver beside ours: what the one saves, the other restores.

Run with a Python that has Cinder 26 and zstd (the reference lab's):

    interop.py make DIRECTORY                        save backups, with each compression, for TestCindersBackups:
                                                     tar -czf cinder-26.tar.gz -C DIRECTORY zlib bz2 zstd none
    interop.py restore PATH ROWS.json SCRATCH_FILE   restore what `go test -run ForCinder -interop DIRECTORY` has saved
"""
import contextlib, hashlib, io, json, os, sys
from unittest import mock
import eventlet
from cinder import objects
objects.register_all()
from oslo_config import cfg
from cinder.backup.drivers import posix
from cinder.backup import driver as bdriver, chunkeddriver
from cinder.volume import volume_utils
CONF = cfg.CONF
CONF([], project='cinder', default_config_files=[])
volume_utils.notify_about_backup_usage = lambda *a, **k: None

class B(dict):
    def __getattr__(self, k):
        try: return self[k]
        except KeyError: raise AttributeError(k)
    def __setattr__(self, k, v): self[k] = v
    @contextlib.contextmanager
    def as_read_deleted(self): yield
    def refresh(self): pass
    def save(self): pass

known = {}
objects.Backup.get_by_id = staticmethod(lambda ctx, id: known[id])

def driver(path, algorithm, filesize, block):
    CONF.set_override('backup_compression_algorithm', algorithm)
    CONF.set_override('backup_file_size', filesize)
    CONF.set_override('backup_sha_block_size_bytes', block)
    CONF.set_override('backup_posix_path', path)
    CONF.set_override('backup_enable_progress_timer', False)
    d = posix.PosixBackupDriver(None)
    d.db = mock.Mock()
    d.db.volume_get.return_value = {'size': 1}
    d.get_metadata = lambda vid: '{"version": 2, "volume-base-metadata": {"display_name": "python"}}'
    d.put_metadata = lambda vid, meta: print('put_metadata', meta)
    class T:  # timer is only made when enabled
        def stop(self): pass
    return d

def backup(id, vid, parent=None):
    b = B(id=id, volume_id=vid, size=1, container=None, service_metadata=None, parent_id=parent, display_name='n', display_description=None,
          created_at='2026-01-02 03:04:05', status='creating', object_count=0)
    known[id] = b
    return b

if sys.argv[1] == 'make':
    out = sys.argv[2]
    for alg in ['zlib', 'bz2', 'zstd', 'none']:
        d = driver(os.path.join(out, alg), alg, 16 * 4096, 4096)
        vid = '7b1a0c6e-0000-4000-8000-000000000002'
        data = bytearray()
        for i in range(40):
            data += (b'\0' * 4096) if i % 3 == 0 else hashlib.sha256(bytes([i])).digest() * 128
        data += b'the end'
        rec = []
        b = backup('5f1a0c6e-0000-4000-8000-00000000000f', vid)
        d.backup(b, io.BytesIO(bytes(data)))
        rec.append((dict(b), hashlib.sha256(data).hexdigest()))
        data[7 * 4096 + 1] ^= 1
        data[22 * 4096:24 * 4096] = b'\0' * 8192
        data[-1] ^= 1
        i = backup('6f1a0c6e-0000-4000-8000-00000000000f', vid, b.id)
        d.backup(i, io.BytesIO(bytes(data)))
        rec.append((dict(i), hashlib.sha256(data).hexdigest()))
        with open(os.path.join(out, alg, 'rows.json'), 'w') as f:
            json.dump([dict(id=r['id'], container=r['container'], service_metadata=r['service_metadata'], parent_id=r['parent_id'], objects=r['object_count'], size_bytes=len(data), sha256=s) for r, s in rec], f, indent=1)
else:  # restore PATH ALG rows.json out
    path, rows, out = sys.argv[2], json.load(open(sys.argv[3])), sys.argv[4]
    d = driver(path, 'zlib', 16 * 4096, 4096)
    for r in rows:
        b = backup(r['id'], r['volume_id'], r['parent_id'])
        b.container, b.service_metadata, b.status = r['container'], r['service_metadata'], 'restoring'
    for r in rows:
        f = open(out, 'wb+'); f.truncate(r['size_bytes'])
        d.restore(known[r['id']], 'v', f, False)
        f.seek(0)
        got = hashlib.sha256(f.read()).hexdigest()
        print(r['id'], 'OK' if got == r['sha256'] else 'DIFFERENT')
