"What tests and files from strangers may not do: reach the network, run code, leave their folder, fill the memory"
import gzip
import pickle
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
import torch
from markdown_it import MarkdownIt

from tf_transfer.core import UserError
from tf_transfer.genome.dna import read_fasta
from tf_transfer.genome.formats import read_bed
from tf_transfer.interpret.sections import Section
from tf_transfer.matrix.groups import Group
from tf_transfer.matrix.published import read_index
from tf_transfer.matrix.splits import Labelled, Split, Target
from tf_transfer.matrix.states import read_matrix, read_npz, read_states
from tf_transfer.model.saving import load_model
from tf_transfer.model.tables import variants
from tf_transfer.motifs.files import read_meme
from tf_transfer.motifs.modes import Modes
from tf_transfer.show import report
from tf_transfer.show.classroom import slider
from tf_transfer.study.plan import Run, read_study

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


# No code is run: each of these files would call `print`, and nothing else

class Talks:
    "Calls `print` when it is unpickled"
    def __reduce__(self): return print, ('unpickled',)


@pytest.fixture
def silent(capsys):
    "What was printed in a test: nothing"
    yield
    assert capsys.readouterr().out == ''


def test_the_harmless_pickle_talks(capsys):
    pickle.loads(pickle.dumps(Talks()))
    assert capsys.readouterr().out == 'unpickled\n'


def one_line(read, path, words=''):
    "Reading is refused in one line, which names the file"
    with pytest.raises(UserError, match=words) as e: read(path)
    assert '\n' not in str(e.value) and str(path) in str(e.value)


READERS = dict(index=read_index, model=load_model, npz=read_npz, matrix=read_matrix, bed=read_bed, study=read_study,
               fasta=read_fasta, meme=read_meme, vcf=lambda p: list(variants(p)),
               states=lambda p: read_states(p, ['JUND']))


@pytest.mark.parametrize('pack', [bytes, gzip.compress], ids=['plain', 'gzip'])
@pytest.mark.parametrize('protocol', [0, 2, 5])
@pytest.mark.parametrize('reader', READERS)
def test_no_reader_runs_a_pickle(tmp_path, silent, reader, protocol, pack):
    path = tmp_path/'stranger.bin'
    path.write_bytes(pack(pickle.dumps({'JUND': Talks()}, protocol)))
    one_line(READERS[reader], path)


@pytest.mark.parametrize('reader', READERS)
def test_no_reader_runs_what_torch_or_numpy_would(tmp_path, silent, reader):
    path = tmp_path/'stranger.bin'
    torch.save({'JUND': Talks()}, path)
    one_line(READERS[reader], path)
    array = np.array([Talks()], object)
    with open(path, 'wb') as f: np.save(f, array)
    one_line(READERS[reader], path)
    with open(path, 'wb') as f: np.savez(f, states=array, tfs=array)
    one_line(READERS[reader], path)


def op(*parts): return b''.join(o if isinstance(o, bytes) else pickle.dumps(o, 2)[2:-1] for o in parts) + b'.'


@pytest.mark.parametrize('raw, words', [
    (b"cbuiltins\nprint\n(S'unpickled'\ntR.", 'builtins.print'),
    (b"c__builtin__\nprint\n(S'unpickled'\ntR.", '__builtin__.print'),
    (b"(S'unpickled'\nibuiltins\nprint\n.", 'builtins.print'),
    (op(b'\x80\x04\x8c\x08builtins\x8c\x05print\x93', b'\x8c\x09unpickled\x85R'), 'builtins.print'),
    (b"cnumpy\ndtype.__class__\n(S'x'\ntR.", 'dtype.__class__'),
    (b"c_codecs\nencode.__globals__\n.", 'encode.__globals__'),
    (b"cnumpy\nload\n(S'x'\ntR.", 'numpy.load'),
    (b"cnumpy.core.multiarray\n_reconstruct\n(S'x'\ntR.", '_reconstruct'),
    (b"cnumpy\ndtype\n(S'O'\nI00\nI01\ntR.", 'type'),
    (b"cnumpy\ndtype\n(S'V8'\nI00\nI01\ntR.", 'type'),
    (b"c_codecs\nencode\n(S'x'\nS'rot13'\ntR.", 'rot13'),
    (b"S'x'\nQ.", 'not a pickled dictionary'),                    # a persistent name
    (b"\x82\x01.", 'not a pickled dictionary'),                   # an extension
], ids=range(13))
def test_pickles_that_ask_for_more(tmp_path, silent, raw, words):
    (tmp_path/'tfs.pickle').write_bytes(raw)
    one_line(read_index, tmp_path/'tfs.pickle', words)


@pytest.mark.parametrize('kind', ['i1', 'u1', '<i2', '>i2', '<i4', '>u4', '<i8', '>i8', '<u8'])
def test_whole_numbers_of_every_kind(tmp_path, kind):
    for protocol in (0, 2, 5):
        numbers = {n: np.array([i], kind)[0] for i, n in enumerate('ABC')} | {'D': np.array([100], kind)[0]}
        (tmp_path/'tfs.pickle').write_bytes(pickle.dumps(numbers, protocol))
        assert read_index(tmp_path/'tfs.pickle') == dict(A=0, B=1, C=2, D=100)


@pytest.mark.parametrize('name', ['../../x', '/etc/x', 'A/B', '..', './x'])
def test_a_run_stays_in_the_folder_of_its_study(tmp_path, name):
    run = Run(name, f'random:{name}', False, 0, 10, 'probe', 0)
    assert (tmp_path/f'{run.id}.json').resolve().parent == tmp_path.resolve()


@pytest.mark.parametrize('text, words', [
    ('name = "' + 'x'*10, 'TOML'), ('a = ' + '['*3000 + ']'*3000, 'TOML'), ('a = ' + '1'*5000, 'TOML'),
    ('a.'*2000 + 'b = 1', ''), ('name = __import__("os")', 'TOML')], ids=range(5))
def test_studies_that_are_no_studies(tmp_path, text, words):
    (tmp_path/'study.toml').write_text(text)
    one_line(read_study, tmp_path/'study.toml', words)
