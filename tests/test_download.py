"Downloads from a server on 127.0.0.1 that fails, stalls, cuts short, lies and changes its mind"
import hashlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from helpers import command, scripts
from tf_transfer.core import UserError
from tf_transfer.genome.download import SOURCES, DataSource, RemoteFile, fetch

CONTENT = os.urandom(300_000)
SHA = 'sha256:' + hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    "Serves CONTENT; `script` says what goes wrong with each request, and `log` what was asked and how much was sent"
    daemon_threads = True
    content, tag, ranges = CONTENT, '"one"', True

    def __init__(self, *script):
        super().__init__(('127.0.0.1', 0), Handler)
        self.script, self.log = list(script), []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self): return f'http://127.0.0.1:{self.server_port}/f.bin'

    def handle_error(self, *args): pass


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args): pass

    def do_GET(self):
        s = self.server
        trouble = s.script.pop(0) if s.script else 'none'
        wanted, same = self.headers.get('Range'), self.headers.get('If-Range') in (None, s.tag)
        first = int(wanted.split('=')[1].strip('-')) if wanted and s.ranges and same else 0
        entry = dict(asked=wanted, sent=0)
        s.log.append(entry)
        if isinstance(trouble, int): return self.send_error(trouble)
        if trouble == 'drop': return self.connection.close()
        body = b'x'*len(s.content) if trouble == 'lie' else s.content
        self.send_response(206 if first else 200)
        if first: self.send_header('Content-Range', f'bytes {first}-{len(body) - 1}/{len(body)}')
        if s.tag: self.send_header('ETag', s.tag)
        self.send_header('Content-Length', str(len(body) - first))
        self.end_headers()
        part = body[first:] if trouble in ('none', 'lie') else body[first:first + 100_000]
        self.wfile.write(part)
        self.wfile.flush()
        entry['sent'] = len(part)
        if trouble == 'stall': time.sleep(3)
        if trouble == 'hang': time.sleep(60)


quick = dict(timeout=0.5, wait=0.01, tries=3)


def get(server, folder, checksum=SHA, **kwargs):
    told = []
    file = RemoteFile('f.bin', (server.url,), len(CONTENT), checksum)
    path = fetch(file, folder, tell=told.append, **(quick | kwargs))
    assert path.read_bytes() == server.content
    assert [p.name for p in folder.iterdir()] == ['f.bin']
    return told


def from_byte(entry): return int(entry['asked'].split('=')[1].strip('-')) if entry['asked'] else 0


def near(n): return pytest.approx(n, abs=2**15)     # what came last is in no file yet when a connection breaks


def test_a_good_server(tmp_path):
    s = Server()
    get(s, tmp_path)
    assert len(s.log) == 1


@pytest.mark.parametrize('trouble, words', [
    (503, 'answered 503'), ('drop', 'no connection'), ('cut', 'the connection broke'),
    ('stall', 'fell silent|broke|no connection')])
def test_it_tries_again(tmp_path, trouble, words):
    s = Server(trouble, trouble)
    told = get(s, tmp_path)
    assert len(s.log) == 3
    assert all(any(w in line for w in words.split('|')) for line in told[1:])


@pytest.mark.parametrize('trouble', ['cut', 'stall'])
def test_it_carries_on_where_it_stopped(tmp_path, trouble):
    s = Server(trouble, trouble)
    get(s, tmp_path)
    assert [from_byte(e) for e in s.log] == [0, near(100_000), near(200_000)]


def test_a_later_call_carries_on(tmp_path):
    s = Server('cut', 503, 503)
    kept = 'answered 503 .*what came is kept in f.bin.part, call again to carry on'
    with pytest.raises(UserError, match=kept): get(s, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ['f.bin.part', 'f.bin.part.tag']
    get(s, tmp_path)
    assert from_byte(s.log[-1]) == near(100_000)


def test_a_killed_download_carries_on(tmp_path):
    s = Server('hang')
    code = f'from tf_transfer.genome.download import *; fetch(RemoteFile("f.bin", ("{s.url}",)), "{tmp_path}")'
    p = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.DEVNULL)
    part, started = tmp_path/'f.bin.part', time.time()
    while not (part.exists() and part.stat().st_size) and time.time() - started < 60: time.sleep(0.1)
    time.sleep(0.5)
    p.send_signal(signal.SIGKILL)
    p.wait()
    assert sorted(o.name for o in tmp_path.iterdir()) == ['f.bin.part', 'f.bin.part.tag']
    have = part.stat().st_size
    assert 0 < have <= 100_000 and not (tmp_path/'f.bin').exists()
    get(s, tmp_path)
    assert s.log[-1] == dict(asked=f'bytes={have}-', sent=len(CONTENT) - have)


def test_a_server_without_ranges_begins_anew(tmp_path):
    s = Server('cut')
    s.ranges = False
    get(s, tmp_path)
    assert s.log[-1]['sent'] == len(CONTENT)


def test_a_server_without_tags_begins_anew(tmp_path):
    s = Server('cut')
    s.tag = None
    get(s, tmp_path)
    assert s.log[-1] == dict(asked=None, sent=len(CONTENT))


def test_a_file_that_changed_meanwhile_begins_anew(tmp_path):
    s = Server('cut', 503, 503)
    with pytest.raises(UserError): get(s, tmp_path, checksum=None)
    s.content, s.tag = os.urandom(300_000), '"two"'
    get(s, tmp_path, checksum=None)
    assert s.log[-1]['sent'] == len(CONTENT)


def test_a_wrong_checksum(tmp_path):
    s = Server('lie')
    refusal = 'its checksum is not that of the published file; nothing was kept'
    with pytest.raises(UserError, match=refusal): get(s, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_not_there_is_asked_for_once(tmp_path):
    s = Server(404, 404)
    with pytest.raises(UserError, match='answered 404'): get(s, tmp_path)
    assert len(s.log) == 1 and not list(tmp_path.iterdir())


def test_no_server_at_all(tmp_path):
    s = Server()
    s.shutdown()
    s.server_close()
    with pytest.raises(UserError, match='no connection'): get(s, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_second_address(tmp_path):
    bad, good = Server(404), Server()
    told = []
    path = fetch(RemoteFile('f.bin', (bad.url, good.url), None, SHA), tmp_path, tell=told.append, **quick)
    assert path.read_bytes() == CONTENT and any('answered 404' in line for line in told)


def test_my_own_file_wins(tmp_path):
    s, told = Server(), []
    (tmp_path/'f.bin').write_bytes(b'mine')
    fetch(RemoteFile('f.bin', (s.url,), None, SHA), tmp_path, tell=told.append)
    assert (tmp_path/'f.bin').read_bytes() == b'mine' and not s.log
    assert 'used although its checksum is not' in told[0]


def test_offline(tmp_path):
    s = Server()
    with pytest.raises(UserError, match='--offline'): fetch(RemoteFile('f.bin', (s.url,)), tmp_path, offline=True)
    assert not s.log
    (tmp_path/'f.bin').write_bytes(b'mine')
    assert fetch(RemoteFile('f.bin', (s.url,)), tmp_path, offline=True) == tmp_path/'f.bin'


def archive(names):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode='w:gz') as tar:
        for n in names:
            info = tarfile.TarInfo(n)
            info.size = 3
            tar.addfile(info, io.BytesIO(b'abc'))
    return raw.getvalue()


def test_archives_are_unpacked_whole(tmp_path):
    s = Server()
    s.content = archive(['unibind/JUND/EXP1.K562.JUND.MA0491.1.pwm.bed', 'unibind/TFs.txt'])
    folder = fetch(RemoteFile('sites.tar.gz', (s.url,), unpack='sites'), tmp_path, **quick)
    assert (folder/'unibind'/'JUND'/'EXP1.K562.JUND.MA0491.1.pwm.bed').read_bytes() == b'abc'


def test_archives_stay_in_their_folder(tmp_path):
    s = Server()
    s.content = archive(['fine.bed', '../../evil.bed'])
    sites = RemoteFile('sites.tar.gz', (s.url,), unpack='sites')
    with pytest.raises(UserError, match='sites.tar.gz: refused, .*outside'): fetch(sites, tmp_path/'in', **quick)
    assert not list(tmp_path.rglob('evil.bed')) and not (tmp_path/'in'/'sites').exists()


def test_a_damaged_archive(tmp_path):
    (tmp_path/'g.fa.gz').write_bytes(b'\x1f\x8b' + b'junk'*20)
    genome = RemoteFile('g.fa.gz', ('http://127.0.0.1:9/',), unpack='g.fa')
    with pytest.raises(UserError, match='cut short or damaged'): fetch(genome, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ['g.fa.gz']


def test_the_command(tmp_path, monkeypatch):
    s = Server()
    toy = DataSource('a toy', (RemoteFile('f.bin', (s.url,), None, SHA),), 'free', 'nobody')
    monkeypatch.setitem(SOURCES, 'toy', toy)
    assert command('tft-download', 'toy', '--dir', tmp_path/'data') == (0, '')
    assert (tmp_path/'data'/'f.bin').read_bytes() == CONTENT
    status, err = command('tft-download', 'toys')
    assert status == 2 and err == "tft-download: no source 'toys' in tf_transfer; did you mean toy?\n"
    status, err = command('tft-download', 'hg38', '--dir', tmp_path/'none', '--offline')
    assert status == 2 and '--offline' in err


def test_the_list_needs_no_network():
    done = subprocess.run([scripts/'tft-download', 'list'], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and all(k in done.stdout for k in SOURCES)


@pytest.mark.parametrize('name', SOURCES)
def test_every_source_is_complete(name):
    s = SOURCES[name]
    assert s.files and s.licence and 'doi' in s.cite
    for f in s.files:
        assert all(u.startswith('http') and u.split('/')[-1].replace('%2B', '+') == f.name for u in f.urls)
        assert f.checksum is None or len(f.checksum.removeprefix('sha256:')) == 64
