"What tests and files from strangers may not do: reach the network, run code, leave their folder, fill the memory"
import socket
import subprocess
import sys

import pytest
import requests

ELSEWHERE = '192.0.2.1'         # an address for examples, which nobody has (RFC 5737)


def refused(): return pytest.raises(OSError, match='no network in tests')


@pytest.mark.parametrize('call', [
    lambda: socket.create_connection((ELSEWHERE, 80), timeout=0.1),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect((ELSEWHERE, 53)),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'', (ELSEWHERE, 53)),
    lambda: socket.socket(socket.AF_INET6, socket.SOCK_STREAM).connect(('2001:db8::1', 80)),
    lambda: socket.getaddrinfo('example.org', 80),
    lambda: socket.getaddrinfo(b'example.org', 80),
    lambda: socket.gethostbyname('example.org'),
    lambda: socket.gethostbyaddr(ELSEWHERE),
    lambda: requests.get('http://example.org', timeout=0.1),
], ids='connect UDP sendto IPv6 look-up bytes old-look-up reverse-look-up requests'.split())
@pytest.mark.filterwarnings('ignore::ResourceWarning')
def test_the_network_is_refused(call):
    with refused(): call()


@pytest.mark.parametrize('family, host', [(socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1')])
def test_this_machine_is_not(family, host):
    try: server = socket.create_server((host, 0), family=family)
    except OSError: pytest.skip(f'{host} is not set up here')
    with server, socket.create_connection(server.getsockname()[:2], timeout=5): pass


def test_a_unix_socket_is_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind('here')
        server.listen()
        client.connect('here')


def test_a_subprocess_is_refused_too():
    code = f'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("{ELSEWHERE}", 53))'
    p = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert p.returncode == 1 and 'no network in tests: socket.connect' in p.stderr
