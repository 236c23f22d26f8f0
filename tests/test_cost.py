"What is known is not found out again, and what is read is not copied"
import gc
import io
import sys
import tracemalloc
from hashlib import blake2b

import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.sparse
import torch
from matplotlib.figure import Figure
from pyjaspar import jaspardb
from sklearn.svm import LinearSVC

from tf_transfer.commands.base import command
from tf_transfer.finetune import baselines
from tf_transfer.finetune.sources import sources
from tf_transfer.finetune.baselines import DeNovoMotif, GappedKmers, baseline_values, gapped_kmer_svm
from tf_transfer.matrix import similar
from tf_transfer.matrix.simulate import simulate
from tf_transfer.matrix.splits import by_chrom, target_set
from tf_transfer.genome.dna import one_hot
from tf_transfer.model.networks import KmerCounts, KmerScore, SmallCNN
from tf_transfer.model.saving import weights_id
from tf_transfer.motifs.kmers import gapped_counts
from tf_transfer.motifs.pwm import vertebrate_profiles
from tf_transfer.show import report


@pytest.fixture(scope='module')
def target():
    m = simulate(n_regions=2000, seed=2).matrix()
    return target_set(m, 'JUND', by_chrom(m, valid='chr5', test='chr6'), n_pos=40)


def counted(monkeypatch, owner, name):
    "How often a function is called from now on"
    calls, f = [], getattr(owner, name)
    def count(*args, **kwargs):
        calls.append(1)
        return f(*args, **kwargs)
    monkeypatch.setattr(owner, name, count)
    return calls


def test_the_stack_asks_for_motifs_that_are_known(target, monkeypatch):
    baselines._found.cache_clear()
    refined = counted(monkeypatch, baselines, '_refined')
    sources(*target.train_valid)
    assert len(refined) == 6
    for name, values in baseline_values(target):
        if name == 'de novo motif': novo = values
    assert len(refined) == 6
    baselines._found.cache_clear()
    again = DeNovoMotif().fit(*target.train_valid)
    assert np.array_equal(again.decision_function(target.test.codes), novo)


def test_words_are_counted_and_condensed_once(target, monkeypatch):
    made = counted(monkeypatch, baselines, '_Condensed')
    sources(*target.train_valid)
    assert len(made) == 1


def test_the_stack_has_the_values_of_the_choice(target, monkeypatch):
    codes, label = target.train_valid
    svm = gapped_kmer_svm().fit(codes, label)
    fits = counted(monkeypatch, LinearSVC, 'fit')
    apart = baselines._apart(svm, codes, label)
    assert not fits and apart.shape == label.shape


def test_words_of_new_regions_are_read_by_their_weights(target, monkeypatch):
    svm = gapped_kmer_svm().fit(*target.train_valid)
    said = svm[-1].decision_function(svm[0].transform(target.test.codes))
    monkeypatch.setattr(GappedKmers, 'transform', None)
    assert np.allclose(svm.decision_function(target.test.codes), said, atol=1e-5)


def test_profiles_are_those_of_pyjaspar():
    "All of them by their number, and every fortieth, for pyjaspar takes its time"
    db, found = jaspardb(), vertebrate_profiles()
    assert len(found) == len(db._fetch_internal_id_list(collection='CORE', tax_group=['vertebrates']))
    for p in found[::40]:
        m, = db.fetch_motifs(matrix_id=[p.matrix_id])
        assert (m.name, m.tf_class[:1] or [''], m.tf_family[:1] or ['']) == (p.name, [p.tf_class], [p.tf_family])
        assert np.array_equal([m.counts[b] for b in 'ACGT'], p.counts)
        newest, = db.fetch_motifs(matrix_id=[m.base_id])
        assert newest.matrix_id == p.matrix_id


def test_a_fingerprint_needs_no_copy_of_the_weights():
    net = SmallCNN(1, width=20_000)
    net.first.register_buffer('large', net.head.weight.new_zeros(1_000_000))
    tracemalloc.start()
    found = weights_id(net)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    whole = b''.join(w.float().numpy().tobytes() for w in net.state_dict().values())
    assert found == blake2b(whole, digest_size=8).hexdigest()


def test_a_command_looks_for_garbage_less_often_and_not_at_the_end(monkeypatch):
    @command
    def tft_example(out:str): return gc.get_threshold()[0]
    before = gc.get_threshold()
    gc.unfreeze()
    try:
        assert tft_example('x') == before[0]
        monkeypatch.setattr('tf_transfer.commands.base.is_cli', lambda f: True)
        monkeypatch.setattr(sys, 'argv', ['tft-example', 'x'])
        assert gc.get_freeze_count() == 0 and tft_example('x') == 100_000 and gc.get_freeze_count()
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@pytest.mark.parametrize('k, informative', [(8, 6), (6, 4), (5, 5)])
def test_products_need_no_second_copy_of_the_counts(target, k, informative):
    "Nor are columns forgotten where their number is no multiple of 4,096"
    a, b = (gapped_counts(o, k, informative) for o in (target.train.codes, target.test.codes))
    assert np.array_equal(baselines._products(a, a), (a@a.T).toarray())
    assert np.array_equal(baselines._products(a, b), (a@b.T).toarray())
    a = scipy.sparse.random(100, 4096*20, 0.2, 'csr', np.float32, 0)
    baselines._products(a[:2], a[:2])
    tracemalloc.start()
    baselines._products(a, a)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < a.data.nbytes


def test_counts_are_made_in_small_parts():
    x = one_hot(np.random.default_rng(0).integers(0, 4, (1024, 200)).astype(np.uint8))
    for layer in (KmerCounts(), KmerScore()):
        whole, small = layer(x), torch.cat([layer(o) for o in x.split(100)])
        assert torch.allclose(whole, small)
    counted = KmerCounts()
    tracemalloc.start()
    counted(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1024*4096*8/2


def test_similar_sequences_are_looked_for_once(target, monkeypatch):
    "`auto` asks for them for its motif, its words and what learns"
    calls, codes = counted(monkeypatch, similar, '_word_counts'), target.train.codes[::-1]
    first = similar.similar_groups(codes)
    again = first.copy()
    first[:] = -1
    assert np.array_equal(similar.similar_groups(codes.copy()), again) and len(calls) == 1


def test_a_figure_that_lays_itself_out_is_drawn_once(monkeypatch):
    "And looks as `savefig` would have it"
    def made():
        fig, ax = plt.subplots(figsize=(2, 1), layout='constrained')
        ax.set(xlabel='places', ylabel='odds')
        return fig
    wanted = io.BytesIO()
    made().savefig(wanted, format='png', dpi=150)
    calls = counted(monkeypatch, Figure, 'draw')
    assert report._png(made()) == wanted.getvalue() and len(calls) == 1
