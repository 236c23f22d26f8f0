"What tests and files from strangers may not do: reach the network, run code, leave their folder, fill the memory"
import gzip
import io
import json
import pickle
import resource
import socket
import subprocess
import sys
import tarfile
import zipfile
from html.parser import HTMLParser
from xml.etree import ElementTree

import h5py
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import requests
import torch
from markdown_it import MarkdownIt
from safetensors.torch import save_file

from tf_transfer import core
from tf_transfer.core import UserError
from tf_transfer.genome.dna import read_fasta
from tf_transfer.genome.datasets import interval_files
from tf_transfer.genome.download import RemoteFile, fetch
from tf_transfer.genome.fasta import fasta_records
from tf_transfer.genome.formats import read_bed
from tf_transfer.genome.variants import VcfFile
from tf_transfer.interpret.sections import Section
from tf_transfer.matrix.groups import Group, read_string
from tf_transfer.matrix.inputs import read_pairs, read_sources
from tf_transfer.matrix.published import read_index
from tf_transfer.matrix.sequences import read_table
from tf_transfer.matrix.splits import Labelled, Split, Target
from tf_transfer.matrix.states import binding_matrix, read_matrix, read_npz, read_states, write_matrix
from tf_transfer.model.saving import load_model
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


def one_line(read, path, words='.'):
    "Reading is refused in one line, which names the file"
    with pytest.raises(UserError, match=words) as e: read(path)
    assert '\n' not in str(e.value) and str(path) in str(e.value)


READERS = dict(index=read_index, model=load_model, npz=read_npz, matrix=read_matrix, bed=read_bed, study=read_study,
               fasta=read_fasta, meme=read_meme, vcf=lambda p: list(VcfFile(p).records()),
               states=lambda p: read_states(p, ['JUND']), table=read_table, sources=read_sources, pairs=read_pairs,
               string=lambda p: read_string(p, None, 'JUND'))


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
    ('a.'*2000 + 'b = 1', '.'), ('name = __import__("os")', 'TOML')], ids=range(5))
def test_studies_that_are_no_studies(tmp_path, text, words):
    (tmp_path/'study.toml').write_text(text)
    one_line(read_study, tmp_path/'study.toml', words)


# Nothing outside a folder is read

PEAKS = 'chr1\t100\t300\tE.JUND.liver\n'


@pytest.fixture
def two_folders(tmp_path):
    "A folder `own` with peaks, and private peaks beside it"
    for name in ('own', 'own-private'): (tmp_path/name).mkdir()
    (tmp_path/'own'/'a.bed').write_text(PEAKS)
    (tmp_path/'own-private'/'secret.bed').write_text(PEAKS.replace('JUND', 'SECRET'))
    return tmp_path


@pytest.mark.parametrize('name', [
    '../own-private/secret.bed', '{}/own-private/secret.bed', './../own-private/secret.bed',
    'sub/secret.bed', 'linked.bed', '../own/../own-private/secret.bed'])
def test_a_sheet_stays_in_its_folder(two_folders, monkeypatch, name):
    own, private = two_folders/'own', two_folders/'own-private'
    (own/'sub').symlink_to(private)
    (own/'linked.bed').symlink_to(private/'secret.bed')
    (own/'sheet.tsv').write_text(f'file\ttf\tbiosample\n{name.format(two_folders)}\tJUND\tliver\n')
    for path in (own/'sheet.tsv', own):
        with pytest.raises(UserError, match='secret.bed|linked.bed.*leads out of the folder .*TF_TRANSFER_FOLLOW=1'):
            interval_files(path)
    monkeypatch.setenv('TF_TRANSFER_FOLLOW', '1')
    assert [f.dataset for f in interval_files(own/'sheet.tsv')] == [('JUND', 'liver')]


@pytest.mark.parametrize('name', ['a.bed', './a.bed', 'sub/b.bed', 'link.bed', '{}/own/a.bed', '../own/a.bed'])
def test_what_lies_in_the_folder_is_read(two_folders, name):
    own = two_folders/'own'
    (own/'sub').mkdir()
    (own/'sub'/'b.bed').write_text(PEAKS)
    (own/'link.bed').symlink_to('a.bed')
    (own/'sheet.tsv').write_text(f'file\ttf\tbiosample\n{name.format(two_folders)}\tJUND\tliver\n')
    assert [f.dataset for f in interval_files(own/'sheet.tsv')] == [('JUND', 'liver')]


def test_links_out_of_a_folder_are_listed(two_folders, monkeypatch):
    own, unread = two_folders/'own', {}
    (own/'b.bed').symlink_to('../own-private/secret.bed')
    assert [f.path.name for f in interval_files(own, unread=unread)] == ['a.bed']
    assert list(unread) == ['b.bed'] and 'TF_TRANSFER_FOLLOW=1' in unread['b.bed']
    monkeypatch.setenv('TF_TRANSFER_FOLLOW', '1')
    assert [f.path.name for f in interval_files(own)] == ['a.bed', 'b.bed']


def test_a_link_that_one_names_is_followed(two_folders):
    (two_folders/'link').symlink_to('own')
    assert [f.path.name for f in interval_files(two_folders/'link')] == ['a.bed']


def archive(path, name, kind=tarfile.REGTYPE, link=''):
    "A tar file with one honest member and another"
    with tarfile.open(path, 'w:gz') as tar:
        for info in (tarfile.TarInfo('good.bed'), tarfile.TarInfo(name)):
            if info.name == name: info.type, info.linkname = kind, link
            info.size = len(PEAKS) if info.type == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(PEAKS.encode()))


@pytest.mark.parametrize('name, kind, link', [
    ('../out.bed', tarfile.REGTYPE, ''), ('a/../../out.bed', tarfile.REGTYPE, ''),
    ('l', tarfile.SYMTYPE, '/etc/hostname'),
    ('l', tarfile.SYMTYPE, '../x'), ('l', tarfile.SYMTYPE, 'good.bed'), ('l', tarfile.LNKTYPE, '/etc/hostname'),
    ('l', tarfile.LNKTYPE, 'good.bed'), ('pipe', tarfile.FIFOTYPE, ''), ('null', tarfile.CHRTYPE, '')], ids=range(9))
def test_archives_stay_in_their_folder(tmp_path, name, kind, link):
    archive(tmp_path/'x.tar.gz', name, kind, link)
    file = RemoteFile('x.tar.gz', ('http://127.0.0.1:9/x',), unpack='x')
    with pytest.raises(UserError, match='x.tar.gz: refused') as e: fetch(file, tmp_path, tell=lambda line: None)
    assert '\n' not in str(e.value)
    assert [p.name for p in tmp_path.iterdir()] == ['x.tar.gz']


def test_an_honest_archive_is_unpacked(tmp_path):
    archive(tmp_path/'x.tar.gz', 'sub/b.bed')
    folder = fetch(RemoteFile('x.tar.gz', ('http://127.0.0.1:9/x',), unpack='x'), tmp_path, tell=lambda line: None)
    assert {p.name: p.read_text() for p in folder.rglob('*.bed')} == {'good.bed': PEAKS, 'b.bed': PEAKS}


def a_matrix(path):
    regions = pd.DataFrame(dict(chrom='chr1', start=[0, 9], end=[4, 13]))
    write_matrix(binding_matrix(np.array([[1, 3]]), ['JUND'], regions, np.zeros((2, 4), np.uint8)), path)
    return path


@pytest.mark.parametrize('change', [
    lambda f: f['uns'].__setitem__('x', h5py.ExternalLink('other.h5', '/')),
    lambda f: f['uns'].__setitem__('x', h5py.SoftLink('/')),
    lambda f: f['uns'].__setitem__('x', f['uns']),
    lambda f: f['uns'].create_dataset('x', (4,), 'i1', external=[('other.bin', 0, 4)]),
    lambda f: f['uns'].create_virtual_dataset('x', _elsewhere()),
], ids=['other file', 'soft link', 'itself', 'outside', 'virtual'])
def test_matrices_refer_to_nothing_else(tmp_path, monkeypatch, change):
    monkeypatch.chdir(tmp_path)
    path = a_matrix(tmp_path/'m.h5ad')
    assert read_matrix(path).shape == (1, 2)
    with h5py.File(path, 'a') as f: change(f)
    for read in (read_matrix, READERS['states']): one_line(read, path, 'refused, /uns')


def _elsewhere():
    layout = h5py.VirtualLayout((4,), 'i1')
    layout[:] = h5py.VirtualSource('other.h5', 'x', (4,))
    return layout


# No memory is taken out of proportion to a file: harmless files, and a limit that is lowered

@pytest.fixture
def low(monkeypatch):
    "10 kB are always allowed, and 20 times the size of the file"
    monkeypatch.setattr(core, 'ALWAYS', 10_000)
    monkeypatch.setattr(core, 'TIMES', 20)


FASTA = '>chr1\n' + 'ACGTACGTAC\n'*9000
TEXTS = dict(bed=PEAKS*9000, fasta=FASTA, meme='MEME version 4\n' + '\n'*90_000,
             vcf='#CHROM\tPOS\tID\tREF\tALT\n'+'chr1\t1\t.\tA\tC\n'*9000, sources='1\tHepG2\n'*9000,
             pairs='HepG2\thepatocyte\n'*9000, table='sequence\tlabel\n'+'ACGTACGTAC\t1\nACGTACGTTT\t0\n'*9000,
             string='protein1\tprotein2\tcombined_score\n'+'JUND\tFOS\t900\n'*9000)


@pytest.mark.parametrize('kind', TEXTS)
def test_text_that_unpacks_to_too_much(tmp_path, low, monkeypatch, kind):
    path = tmp_path/'x.gz'
    path.write_bytes(gzip.compress(TEXTS[kind].encode()))
    read = dict(READERS, fasta=lambda p: list(fasta_records(p)))[kind]
    one_line(read, path, 'more than 20 times its size .*TF_TRANSFER_UNPACK_GB')
    monkeypatch.setenv('TF_TRANSFER_UNPACK_GB', '0.01')
    if kind != 'meme': assert len(read(path))
    monkeypatch.setenv('TF_TRANSFER_UNPACK_GB', 'much')
    with pytest.raises(UserError, match="TF_TRANSFER_UNPACK_GB is 'much'; a number is needed"): read(path)


def test_a_line_without_end(tmp_path, low):
    path = tmp_path/'x.gz'
    path.write_bytes(gzip.compress(bytes(10**6)))
    for name in ('bed', 'fasta', 'meme', 'vcf', 'index'): one_line(READERS[name], path, 'more than 20 times its size')


@pytest.mark.parametrize('unpack', ['x', 'x.fa'])
def test_downloads_that_unpack_to_too_much(tmp_path, low, unpack):
    name = 'x.tar.gz' if unpack == 'x' else 'x.fa.gz'
    with tarfile.open(tmp_path/'t', 'w') as tar:
        info = tarfile.TarInfo('zeros')
        info.size = 10**6
        tar.addfile(info, io.BytesIO(bytes(10**6)))
    (tmp_path/name).write_bytes(gzip.compress((tmp_path/'t').read_bytes()))
    (tmp_path/'t').unlink()
    with pytest.raises(UserError, match='more than 20 times its size'):
        fetch(RemoteFile(name, ('http://127.0.0.1:9/x',), unpack=unpack), tmp_path, tell=lambda line: None)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def npz(path, shape, descr='<f8', data=bytes(80)):
    "An .npz file whose header says what it likes"
    member = io.BytesIO()
    np.lib.format.write_array_header_1_0(member, dict(shape=shape, fortran_order=False, descr=descr))
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as z: z.writestr('states.npy', member.getvalue() + data)


@pytest.mark.parametrize('shape, descr', [
    ((10**15,), '<f8'), ((2**62, 2**62), '<f8'), ((-10,), '<f8'), ((9,), '<f8'), ((11,), '<f8'),
    ((10,), '|O'), ((10**18,), '<U100000000')], ids=range(7))
def test_arrays_with_absurd_shapes(tmp_path, shape, descr):
    npz(tmp_path/'x.npz', (10,))
    assert read_npz(tmp_path/'x.npz')[0].shape == (10,)
    npz(tmp_path/'x.npz', shape, descr)
    one_line(read_npz, tmp_path/'x.npz', 'not an .npz file of plain arrays')


def test_arrays_that_unpack_to_too_much(tmp_path, low, monkeypatch):
    np.savez_compressed(tmp_path/'x.npz', states=np.zeros(10**5), tfs=np.zeros(3))
    one_line(read_npz, tmp_path/'x.npz', 'more than 20 times its size')
    assert read_npz(tmp_path/'x.npz', 'tfs')[0].shape == (3,)
    assert read_npz(tmp_path/'x.npz', always=10**6)[0].shape == (10**5,)
    monkeypatch.setenv('TF_TRANSFER_UNPACK_GB', '0.001')
    assert read_npz(tmp_path/'x.npz')[0].shape == (10**5,)


@pytest.mark.parametrize('shape', [(3*10**8,), (20_000, 20_000), (2**10, 2**10, 2**9)])
@pytest.mark.parametrize('chunks', [None, True])
def test_matrices_with_absurd_shapes(tmp_path, shape, chunks):
    path = a_matrix(tmp_path/'m.h5ad')
    with h5py.File(path, 'a') as f: f['uns'].create_dataset('x', shape, 'i1', chunks=chunks)
    for read in (read_matrix, READERS['states']): one_line(read, path, 'more than 200 times its size')


@pytest.mark.parametrize('raw', [
    b'\x80\x02}r\xe8\x03\0\0.', b'}p1000\n.', b'\x80\x05\x96' + (1000).to_bytes(8, 'little') + b'x.',
    b'\x80\x02}' + b')' + b'\x85'*50 + b'K\x01s.', b'\x80\x04\x8e' + (1000).to_bytes(8, 'little') + b'x.',
    b'\x80\x02' + b']'*50 + b'a'*49 + b'.'], ids=['far', 'far, old', 'long', 'nested', 'long bytes', 'lists'])
def test_pickles_that_ask_for_memory(tmp_path, raw):
    (tmp_path/'tfs.pickle').write_bytes(raw)
    one_line(read_index, tmp_path/'tfs.pickle', 'refused|not a pickled dictionary')


@pytest.mark.parametrize('changes', [
    dict(arch='PaperCNN', width=10**6), dict(arch='ShallowCNN', width=10**9), dict(arch='DanQ', width=10**7),
    dict(arch='MotifNet', args=dict(motifs=[8]*3, hidden=[10**9, 10**9])),
    dict(arch='MotifNet', args=dict(motifs=[10**9])),
    dict(arch='MotifNet', args=dict(motifs=[8], hidden=[10**6, 10**6])), dict(width=10**30),
    dict(arch='MotifNet', args=dict(motifs=[]))], ids=range(8))
def test_models_that_ask_for_memory(tmp_path, changes):
    card = dict(arch='ShallowCNN', width=200, tfs=['JUND'], seed=0, data='', genome='', regions={},
                format='tf_transfer 1') | changes
    save_file({'first.0.weight': torch.zeros(2)}, tmp_path/'m.safetensors', {'tf_transfer': json.dumps(card)})
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    one_line(load_model, tmp_path/'m.safetensors')
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 200_000      # kB


def test_a_header_that_is_longer_than_its_file(tmp_path):
    (tmp_path/'m.safetensors').write_bytes((2**40).to_bytes(8, 'little') + b'{}')
    one_line(load_model, tmp_path/'m.safetensors', 'cut short')


@pytest.mark.parametrize('text', ['['*100_000, '{"format":'*5000, '1'*5000, '[]', '{}', 'null', 'print()'],
                         ids=range(7))
def test_cards_that_are_none(tmp_path, silent, text):
    save_file({'a': torch.zeros(1)}, tmp_path/'m.safetensors', {'tf_transfer': text})
    one_line(load_model, tmp_path/'m.safetensors', 'its weights and its description do not fit')


@pytest.mark.parametrize('what, value', [('obs', 1), ('X', np.zeros(2, np.int8)), ('obs', np.zeros(3)), ('X', 'x')],
                         ids=range(4))
def test_matrices_that_are_none(tmp_path, what, value):
    path = a_matrix(tmp_path/'m.h5ad')
    with h5py.File(path, 'a') as f:
        del f[what]
        f[what] = value
    one_line(read_matrix, path)
    if what == 'obs': one_line(READERS['states'], path, 'not a binding matrix')
