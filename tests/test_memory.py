"Too little memory is said before a job starts"
import gzip
import math
import pickle
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from helpers import assert_refused, command
from tf_transfer import core
from tf_transfer.core import UserError, available_memory, check_memory
from tf_transfer.finetune import auto
from tf_transfer.finetune.baselines import check_words
from tf_transfer.genome.dna import Genome
from tf_transfer.matrix import build, published
from tf_transfer.matrix.simulate import simulate
from tf_transfer.matrix.splits import by_chrom, target_set
from tf_transfer.matrix.states import BOUND, write_matrix
from tf_transfer.model.networks import MotifNet, SmallCNN
from tf_transfer.motifs.pwm import jaspar
from tf_transfer.train.callbacks import silent
from tf_transfer.train.learners import new_model
from tf_transfer.train.data import binding_dls
from tf_transfer.train.pretraining import pretrain

VARIABLE = 'TF_TRANSFER_MEMORY_GB'


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    d = tmp_path_factory.mktemp('memory')
    world = simulate(n_regions=400, seed=1)
    world.write(d/'world')
    m = world.matrix()
    write_matrix(m, d/'m.h5ad')
    peaks = m.var[m['JUND'].X[0] == BOUND][['chrom', 'start', 'end']]
    peaks.to_csv(d/'peaks.bed', sep='\t', header=False, index=False)
    (d/'authors').mkdir()
    for what in ('', 'less-'): np.savez(d/'authors'/f'matrix2d.JUND.ReMap+UniBind.{what}sparse.npz', np.zeros((2, 400)))
    for what, name in (('tfs', 'JUND'), ('samples', 'K562')):
        (d/'authors'/f'{what}_idx.pickle').write_bytes(pickle.dumps({name: 0, 'other': 1}))
    return d, m


CALLS = dict(
    tft_import='OUT --states W/states.npz --regions W/regions.bed.gz --fasta W/regions.fa.gz',
    tft_build='OUT --regions W/dhs.bed.gz --peaks W/remap.bed.gz --genome W/genome.fa --tfbs W/unibind',
    tft_pretrain='D/m.h5ad OUT --arch SmallCNN --epochs 1 --valid-chroms chr5',
    tft_groups='D/m.h5ad --tf JUND --by correlated --out OUT',
    tft_fit='OUT --peaks D/peaks.bed --genome W/genome.fa')


def test_what_imports_and_builds_need(files, monkeypatch):
    "The longest contig, the peaks and the width count; so does what is taken of the authors' largest matrix"
    world, asked = files[0]/'world', []
    for room in (build, published):
        monkeypatch.setattr(room, 'check_memory', lambda what, needed, *more: asked.append(needed))
    def building(peaks, **how):
        build.build_matrix(world/'dhs.bed.gz', peaks, world/'genome.fa', **how)
        return asked[-2:]
    a, n = building(world/'remap.bed.gz'), files[1].n_vars
    b = building(world/'remap.bed.gz', width=150, keep_biosamples=True)
    assert a[0]-b[0] == pytest.approx(n*4*50) and b[1] > a[1]+n*9
    assert a[0] > max(Genome(world/'genome.fa').lengths.values())+n*1300
    (files[0]/'remap.bed').write_bytes(gzip.decompress((world/'remap.bed.gz').read_bytes()))
    size = [(world/'remap.bed.gz').stat().st_size*4, (files[0]/'remap.bed').stat().st_size]
    assert building(files[0]/'remap.bed')[0]-a[0] == pytest.approx((size[1]-size[0])*40/65)
    named, columns = files[0]/'named.bed', ['chrom', 'start', 'end', 'name']
    files[1].var.assign(name=range(n))[columns].to_csv(named, sep='\t', header=False, index=False)
    m = published.import_published(files[0]/'authors', named, world/'regions.fa.gz')
    assert m.n_vars == 400 and asked[-1] > 2.5*2*400*8+400*1000


@pytest.mark.parametrize('name', CALLS)
def test_a_command_says_what_it_needs(files, tmp_path, monkeypatch, name):
    words = CALLS[name].replace('D/', f'{files[0]}/').replace('W/', f'{files[0]}/world/').split()
    words = [tmp_path/'out' if w == 'OUT' else w for w in words]
    monkeypatch.setenv(VARIABLE, '0.00005')
    assert_refused('GB of memory, and 0.0 GB can be had: take fewer', name.replace('_', '-'), *words)
    monkeypatch.setenv(VARIABLE, 'much')
    assert_refused(f"{VARIABLE} is 'much'; a number is needed", name.replace('_', '-'), *words)
    if name in ('tft_pretrain', 'tft_fit'): return
    monkeypatch.delenv(VARIABLE)
    status, err = command(name.replace('_', '-'), *words)
    assert status == 0, err


def asked(monkeypatch, do):
    "What a call asks for, in bytes, by the words for it"
    found = {}
    def note(what, needed, *args): found[what] = needed
    for room in ('matrix.states', 'matrix.build', 'train.data', 'train.pretraining', 'finetune.auto',
                 'finetune.baselines'):
        monkeypatch.setattr(f'tf_transfer.{room}.check_memory', note)
    do()
    return found


def test_estimates_of_training(files, monkeypatch):
    m = files[1]
    split = by_chrom(m, 'chr5', 'chr6')
    motifs = jaspar('JUND')+jaspar('MAX')
    small = partial(MotifNet, motifs=motifs, hidden=(8, 8))
    how = dict(epochs=1, complete=False, watch=silent)
    found = asked(monkeypatch, lambda: pretrain(m, split, ['FOS', 'MAX'], small, **how))
    n, needed = [(int(k.split()[2].replace(',', '')), v) for k, v in found.items() if k.startswith('training on')][0]
    assert 0 < n < 400 and needed == m.n_vars*2
    assert found[f'keeping what the first layer says of {n} regions'] == n*len(motifs)*4


def test_batches_of_all_tfs_copy_nothing(files):
    m = files[1]
    train = binding_dls(m, by_chrom(m, 'chr5', 'chr6'), complete=False).train.dataset
    assert np.shares_memory(train.kept.table, m.X) and np.shares_memory(train.codes.table, m.varm['sequence'])


def test_estimates_of_what_is_learned_from(files, monkeypatch):
    class Enough(Exception): pass
    def enough(*args): raise Enough
    monkeypatch.setattr(auto, 'known_motifs', enough)
    target = target_set(files[1], 'JUND', by_chrom(files[1], 'chr5', 'chr6'))
    n = len(target.train)+len(target.valid)
    for net, columns in ((new_model(SmallCNN, 1, 200), 32+1), (MotifNet(3, 200, jaspar('CTCF')[:1]), 1+512+3)):
        net.card = None
        found = asked(monkeypatch, lambda: pytest.raises(Enough, auto.auto, SimpleNamespace(target=target, model=net)))
        assert found == {f'learning from {n:,} regions': 20*n*(columns+1019)}
    assert asked(monkeypatch, lambda: check_words(3000, 200)) == {
        'learning words from 3,000 regions': 3000*193*28*8+56*3000**2}
    assert asked(monkeypatch, lambda: check_words(5000, 200)) == {}


def group(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for k, v in files.items(): (folder/k.replace('__', '.')).write_text(f'{v}\n')


def test_a_control_group(tmp_path):
    "The tightest of a group and those above it; what was read from files does not count"
    group(tmp_path, memory__max='max', memory__current=5)
    group(tmp_path/'job', memory__max=1000, memory__current=900, memory__stat='anon 1\ninactive_file 300')
    group(tmp_path/'job'/'step', memory__max='max', memory__current=9)
    (tmp_path/'own').write_text('0::/job/step\n')
    assert core._of_groups(tmp_path/'own', tmp_path) == 400
    (tmp_path/'own').write_text('0::/\n')
    assert core._of_groups(tmp_path/'own', tmp_path) == math.inf
    assert core._of_groups(tmp_path/'none', tmp_path) == math.inf


def test_a_control_group_of_version_1(tmp_path):
    group(tmp_path/'memory'/'slurm'/'job', memory__limit_in_bytes=1000, memory__usage_in_bytes=1200)
    group(tmp_path/'memory', memory__limit_in_bytes=2**63, memory__usage_in_bytes=1)
    (tmp_path/'own').write_text('4:cpu:/\n3:memory:/slurm/job\n')
    assert core._of_groups(tmp_path/'own', tmp_path) == 0


def test_a_machine(tmp_path, monkeypatch):
    (tmp_path/'meminfo').write_text('MemTotal: 900 kB\nMemAvailable:   20 kB\n')
    assert core._of_machine(tmp_path/'meminfo') == 20*1024
    assert core._of_machine(tmp_path/'none') == math.inf
    (tmp_path/'meminfo').write_text('MemTotal: 900 kB\n')
    assert core._of_machine(tmp_path/'meminfo') == math.inf
    monkeypatch.setenv(VARIABLE, '2')
    assert available_memory() == 2e9
    check_memory('this', 2e9)
    with pytest.raises(UserError, match=f'this needs about 2.1 GB of memory, and 2.0 GB can be had: .*{VARIABLE}'):
        check_memory('this', 2.1e9)
