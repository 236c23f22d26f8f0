"Every command that writes, where the disk is full, the folder may not be written, or the clock is set back"
import builtins
import errno
import os
import resource
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from helpers import command, scripts
from test_download import Server
from tf_transfer.finetune import own_data, strategies
from tf_transfer.genome.download import SOURCES, DataSource, RemoteFile, Resuming
from tf_transfer.interpret import own_report, page
from tf_transfer.matrix.simulate import simulate
from tf_transfer.matrix.splits import by_chrom
from tf_transfer.matrix.states import BOUND, write_matrix
from tf_transfer.model.networks import SmallCNN
from tf_transfer.model.saving import save_model
from tf_transfer.study.runs import StudyFolder
from tf_transfer.train import pretraining
from tf_transfer.train.learners import binding_learner

CHROMS = '--valid-chroms chr5 --test-chroms chr6'
COMMANDS = dict(
    tft_import='OUT.h5ad --states W/states.npz --regions W/regions.bed.gz --fasta W/regions.fa.gz --force',
    tft_build='OUT.h5ad --regions W/dhs.bed.gz --peaks W/remap.bed.gz --genome W/genome.fa --tfbs W/unibind --force',
    tft_pretrain=f'D/m.h5ad OUT.safetensors --tfs FOS,FOSL2 --arch SmallCNN {CHROMS} --force',
    tft_finetune='D/m.h5ad D/pre.safetensors OUT.safetensors --tf JUND --n-pos 20 --force',
    tft_fit='OUT.safetensors --peaks D/peaks.bed --genome W/genome.fa --force',
    tft_evaluate='D/pre.safetensors D/m.h5ad --tf FOS --json OUT.json --force',
    tft_predict='D/pre.safetensors OUT.tsv --bed D/peaks.bed --genome W/genome.fa --force',
    tft_groups='D/m.h5ad --tf JUND --by correlated --n 3 --out OUT.txt --force',
    tft_study='D/study.toml OUT',
    tft_interpret='D/pre.safetensors D/m.h5ad OUT --tf FOS --force',
    tft_demo='--out OUT --force',
    tft_download='toy --dir OUT')
ANEW = 'tft_study', 'tft_download'        # they carry on with what is there, and replace nothing
NAMES = list(COMMANDS)


def test_every_command_is_here():
    assert {p.name.replace('-', '_') for p in scripts.glob('tft-*')} == set(COMMANDS)


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    "A small world, its matrix, a model that was not trained, peaks, a study; and a server"
    d = tmp_path_factory.mktemp('faults')
    world = simulate(n_regions=400, seed=1)
    world.write(d/'world')
    m = world.matrix()
    write_matrix(m, d/'m.h5ad')
    learn = binding_learner(m, by_chrom(m, 'chr5', 'chr6'), ['FOSL2', 'FOS'], SmallCNN)
    save_model(learn, d/'pre.safetensors')
    peaks = m.var[m['JUND'].X[0] == BOUND][['chrom', 'start', 'end']]
    peaks.to_csv(d/'peaks.bed', sep='\t', header=False, index=False)
    (d/'study.toml').write_text(f'name = "x"\ntargets = ["JUND"]\nstrategies = ["scratch"]\nmatrix = "{d}/m.h5ad"\n'
                                'valid = ["chr5"]\ntest = ["chr6"]\nn_peaks = [10]')
    return d, learn


@pytest.fixture(autouse=True)
def nothing_heavy(files, monkeypatch):
    "Nothing is trained or looked into; files are written as ever"
    net = files[1].model
    use = SimpleNamespace(use='this model')
    save = lambda out, force, outdated: save_model(net, out, force)
    trained = SimpleNamespace(model=net, result='', verdict=use, save=save)
    net.card.training.update(epoch_kept=1, valid_loss=0.5)
    scores = dict(auprc=0.5, auprc_ci=(0.4, 0.6), seconds=1, pretrain_seconds=0)
    monkeypatch.setattr(pretraining, 'pretrain', lambda *args, **kwargs: trained)
    monkeypatch.setattr(strategies, 'finetune', lambda *args, **kwargs: trained)
    monkeypatch.setattr(own_data, 'fit_peaks', lambda *args, **kwargs: trained)
    monkeypatch.setattr(own_report, 'write_own_report', lambda fitted, given, force: [])
    monkeypatch.setattr(StudyFolder, 'do_run', lambda self, run: scores)
    codes = np.zeros((1, 200), np.uint8)
    look = SimpleNamespace(net=net, codes='', bound=codes, n_pos=1, seed=0, tf='FOS')
    monkeypatch.setattr(page, '_look', lambda *args: (look, 2, ''))
    monkeypatch.setattr(page, '_sections', lambda look, pretrained, folder, say: (['x'*9999], []))
    def steps(tmp, *args):
        save_model(net, tmp/'jund.safetensors')
        return pd.DataFrame(dict(way=['a'], n_peaks=[9], seed=[0], auprc=[0.5], prevalence=[0.5]))
    monkeypatch.setattr('tf_transfer.commands.demo._steps', steps)


@pytest.fixture
def started(files, tmp_path, monkeypatch):
    "A function that starts a command, which writes over an old output where it can; and that output"
    server = Server()
    toy = DataSource('a toy', (RemoteFile('f.bin', (server.url,)),), 'free', 'nobody')
    monkeypatch.setitem(SOURCES, 'toy', toy)
    monkeypatch.chdir(tmp_path)
    def ready(name):
        words = COMMANDS[name].replace('W/', f'{files[0]}/world/').replace('D/', f'{files[0]}/').split()
        words = [w.replace('OUT', str(tmp_path/'out')) for w in words]
        out = next(Path(w) for w in words if w.startswith(str(tmp_path/'out')))
        if name not in ANEW:
            if out.suffix: out.write_text('old')
            else: out.mkdir(), (out/'old').write_text('old')
        return out, lambda: command(name.replace('_', '-'), *words)
    yield ready
    server.shutdown()


def tree(path):
    "All files below a folder and what is in them"
    return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob('*') if p.is_file()}


def whole(name, out):
    "Is the output new and complete?"
    if name == 'tft_study': return len(pd.read_csv(out/'table.csv')) == 3
    if name == 'tft_download': return list(tree(out)) == ['f.bin'] and len(tree(out)['f.bin']) == 300_000
    if out.is_dir(): return 'old' not in tree(out) and max(map(len, tree(out).values())) > 5000
    return out.read_bytes() != b'old' and out.stat().st_size > 10


def refused(files, name, out, start, *reasons):
    "One line names the output and the reason; the old output stands, and nothing lies beside it"
    before = tree(out.parent)
    status, err = start()
    assert (status, err.count('\n')) == (2, 1), err
    assert err.startswith(f'{name.replace("_", "-")}: ') and '.out' not in err, err
    no_room = f'{files}/world/genome.fa: its index could not be written to {tempfile.gettempdir()}; make room'
    assert no_room in err or str(out) in err and any(r in err.lower() for r in reasons), err
    if name not in ANEW: assert tree(out.parent) == before
    assert not list(out.parent.glob('.*'))


def next_start(name, out, start):
    status, err = start()
    assert status == 0, err
    assert whole(name, out) and not list(out.parent.glob('.*')), os.listdir(out.parent)
    assert [p.name for p in out.parent.iterdir()] == [out.name]


@pytest.mark.parametrize('limit', [8, 1000])
@pytest.mark.parametrize('name', NAMES)
def test_a_full_disk(files, started, name, limit):
    "No file may grow beyond a limit: at the first bytes, or later"
    if limit > 8 and name in ('tft_groups', 'tft_evaluate', 'tft_study'): pytest.skip('its output is smaller')
    out, start = started(name)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try: refused(files[0], name, out, start, 'the disk is full', 'file too large')
    finally: resource.setrlimit(resource.RLIMIT_FSIZE, before)
    next_start(name, out, start)


def no_writing(folder, code):
    "`open` and its kin, which refuse to write below a folder"
    def refuse(real, writes):
        def refusing(*args, **kwargs):
            places = [str(kwargs.get('dir') or '')]+[str(a) for a in args[:1] if isinstance(a, (str, os.PathLike))]
            if any(p.startswith(str(folder)) for p in places) and writes(*args, **kwargs):
                raise OSError(code, os.strerror(code), next(p for p in places if p))
            return real(*args, **kwargs)
        return refusing
    mode = lambda path, mode='r', *args, **kwargs: any(c in mode for c in 'wax+')
    flags = lambda path, flags, *args, **kwargs: flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    always = lambda *args, **kwargs: True
    return [(builtins, 'open', refuse(open, mode)), (os, 'open', refuse(os.open, flags)),
            (os, 'mkdir', refuse(os.mkdir, always)), (os, 'replace', refuse(os.replace, always))]


@pytest.mark.parametrize('code', [errno.EROFS, errno.EACCES])
@pytest.mark.parametrize('name', NAMES)
def test_a_folder_that_may_not_be_written(files, started, monkeypatch, name, code):
    out, start = started(name)
    with monkeypatch.context() as patch:
        for change in no_writing(out.parent, code): patch.setattr(*change)
        refused(files[0], name, out, start, os.strerror(code).lower())
    next_start(name, out, start)


@pytest.mark.parametrize('name', [n for n in NAMES if n not in ANEW])
def test_the_last_step_fails(files, started, monkeypatch, name):
    "An input/output error when all is written and takes its place"
    out, start = started(name)
    real = os.replace
    def fails(a, b):
        if Path(b) == out: raise OSError(errno.EIO, os.strerror(errno.EIO), str(a))
        real(a, b)
    if out.is_dir():                                   # the old folder is put aside first, and comes back
        moved = []
        def fails(a, b):
            if Path(b) == out and not moved:
                moved.append(a)
                raise OSError(errno.EIO, os.strerror(errno.EIO), str(a))
            real(a, b)
    with monkeypatch.context() as patch:
        patch.setattr(os, 'replace', fails)
        refused(files[0], name, out, start, 'input/output error')
    next_start(name, out, start)


@pytest.mark.parametrize('name', NAMES)
def test_a_clock_that_is_set_back(files, started, monkeypatch, name):
    "Files of next year, and a clock that runs backwards"
    out, start = started(name)
    clock = iter(range(2_000_000_000, 0, -1000))
    for p in files[0].rglob('*'): os.utime(p, (2**31-1, 2**31-1))
    with monkeypatch.context() as patch:
        patch.setattr(time, 'time', lambda: float(next(clock)))
        next_start(name, out, start)


def test_an_interrupted_download(started, monkeypatch):
    server = Server('cut', 503, 503, 503)
    toy = DataSource('a toy', (RemoteFile('f.bin', (server.url,)),), 'free', 'nobody')
    out, start = started('tft_download')
    monkeypatch.setitem(SOURCES, 'toy', toy)
    monkeypatch.setattr('tf_transfer.genome.download.time.sleep', lambda seconds: None)
    status, err = start()
    assert (status, err.count('\n')) == (2, 1) and 'what came is kept in f.bin.part' in err
    assert sorted(tree(out)) == ['f.bin.part', 'f.bin.part.tag']
    next_start('tft_download', out, start)
    assert server.log[-1]['asked'] is not None


@pytest.mark.parametrize('name', ANEW)
def test_stopped_it_says_what_is_kept(started, monkeypatch, name):
    def stopped(*args): raise KeyboardInterrupt
    out, start = started(name)
    with monkeypatch.context() as patch:
        patch.setattr(StudyFolder, 'do_run', stopped)
        patch.setattr(Resuming, '__call__', stopped)
        status, err = start()
    assert status == 130 and str(out) in err and 'call again to carry on' in err and 'nothing' not in err
    next_start(name, out, start)
