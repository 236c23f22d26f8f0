"What tests and files from strangers may not do: reach the network, run code, leave their folder, fill the memory"
import socket
import subprocess
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import requests
from markdown_it import MarkdownIt

from tf_transfer.interpret.sections import Section
from tf_transfer.matrix.groups import Group
from tf_transfer.matrix.splits import Labelled, Split, Target
from tf_transfer.motifs.modes import Modes
from tf_transfer.show import report
from tf_transfer.show.classroom import slider

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


# Names from files, in pages and in notebooks

NAMES = ['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "JUND' onload='alert(1)",
         '</title><svg/onload=x>', '--><script>', '&lt;script&gt;', '[a](javascript:alert(1))',
         '`x` | **JUND**', '<thead><caption>', '{{x}}<!--']


class Shape(HTMLParser):
    "The tags and attributes of HTML, and the words between them"
    def __init__(self, html):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs): self.tags.append((tag, sorted(k for k, _ in attrs)))
    def handle_comment(self, data): self.tags.append('comment')
    def handle_data(self, data): self.words.append(data)


def same_shape(html_of, name):
    "A page with this name has the tags that it has with a plain name, and shows the name"
    plain, html = Shape(html_of('JUND')), Shape(html_of(name))
    assert html.tags == plain.tags
    return ''.join(html.words)


def a_figure(name):
    fig, ax = plt.subplots(figsize=(1, 1))
    ax.set_title(name)
    return fig


@pytest.mark.parametrize('name', NAMES)
def test_names_in_reports(name):
    frame = lambda name: pd.DataFrame({name: [name, name]}, index=pd.Index([name, name], name=name))
    for part in (report.text, report.heading, report.code, lambda o: report.table(frame(o), o),
                 lambda o: report.page(o, [])):
        assert name in same_shape(part, name)
    with pd.option_context('display.html.table_schema', False):
        assert name in same_shape(lambda o: frame(o).to_html(), name)


@pytest.mark.parametrize('name', NAMES)
def test_names_in_a_figure_of_a_report(name):
    assert name in same_shape(lambda o: report.figure(plt.figure(figsize=(.1, .1)), o, o), name)
    html = report.figure(plt.figure(figsize=(.1, .1)), name)
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: found.append(dict(attrs).get('alt'))
    parser.feed(html)
    assert name in found


@pytest.mark.parametrize('name', NAMES)
def test_names_in_sliders(name):
    html_of = lambda o: slider({o: a_figure(''), 'b': a_figure('')}, o, o, dpi=10).data
    assert name in same_shape(html_of, name)


def test_names_in_vector_graphics(tmp_path):
    section, fig = Section(), a_figure('')
    for name in NAMES: fig.text(0, 0, name)
    section.draw('a', fig, NAMES[0])
    section.write(tmp_path)
    tags = {e.tag.split('}')[1] for e in ElementTree.parse(tmp_path/'a.svg').iter()}
    assert 'path' in tags and not tags & {'script', 'img', 'a', 'image'}


@pytest.mark.parametrize('name', NAMES)
def test_names_in_notebooks(name):
    table = lambda o: pd.DataFrame({'score': [1.], 'why': [o]}, index=[o])
    for html_of in (lambda o: Group(o, f'by {o}', table(o), 2)._repr_html_(),
                    lambda o: Modes(pd.DataFrame({'name': [o], 'mode': [1]}), None, 0)._repr_html_()):
        assert name in same_shape(html_of, name)


@pytest.mark.parametrize('name', NAMES)
def test_names_in_markdown(name):
    none = np.zeros(0, int)
    part = Labelled(None, none, none)
    for shown in (lambda o: Split(none, none, none, (o,), (o,)), lambda o: Target(None, o, part, part, part, None)):
        plain, marked = (Shape(MarkdownIt().enable('table').render(shown(o)._repr_markdown_())) for o in ('JUND', name))
        assert marked.tags == plain.tags
        assert name in ''.join(marked.words)
