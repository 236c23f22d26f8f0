"Numbers at their edges: one class, one positive, all N, equal predictions, NaN, a batch of one, 16 bits"
import warnings
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.metrics import average_precision_score
from torch import nn

from helpers import run
from tf_transfer.core import UserError
from tf_transfer.finetune.sources import _folds
from tf_transfer.finetune.strategies import finetune
from tf_transfer.genome.dna import one_hot
from tf_transfer.matrix.splits import Split, by_chrom, labelled, target_set
from tf_transfer.matrix.states import binding_matrix, write_matrix
from tf_transfer.model.networks import ARCHS, BindingNet, MotifKmerNet, MotifLayer, MotifNet, SmallCNN, TargetNet
from tf_transfer.model.predict import predict
from tf_transfer.model.saving import load_model, pretrained, save_model
from tf_transfer.motifs.pwm import jaspar
from tf_transfer.train.callbacks import MaskedBCE, _is_no_number, kept_epoch, silent
from tf_transfer.train.data import RegionDL, RegionSet, binding_dls, region_dls
from tf_transfer.train.learners import binding_learner
from tf_transfer.train.metrics import average_precisions, calibration, mean_auprc, score
from tf_transfer.train.pretraining import pretrain

rng = np.random.default_rng(0)
half = np.repeat([1., 0.], 50)


@pytest.fixture(autouse=True)
def strict():
    "No warning at all"
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        warnings.filterwarnings('ignore', '`torch.jit.script` is deprecated')
        yield


def matrix(states=None, codes=None, width=40):
    "Four chromosomes of 50 regions, two TFs"
    start = np.tile(np.arange(50)*100, 4)
    regions = pd.DataFrame(dict(chrom=np.repeat(['chr1', 'chr2', 'chr3', 'chr4'], 50), start=start, end=start+width))
    rng = np.random.default_rng(0)
    drawn, letters = rng.choice([1, 3], (2, 200)), rng.integers(0, 4, (200, width)).astype(np.uint8)
    return binding_matrix(drawn if states is None else states, ['JUND', 'MAX'], regions,
                          letters if codes is None else codes)


def with_states(value, *chroms, tfs=slice(None)):
    m = matrix()
    m.X[tfs, m.var.chrom.isin(chroms)] = value
    return m


def split(m): return by_chrom(m, 'chr3', 'chr4')
def quick(m, **kwargs): return pretrain(m, split(m), **(dict(arch=SmallCNN, epochs=1, watch=silent) | kwargs))


# One class, one positive, few of them

@pytest.mark.parametrize('value', [1, 3])
def test_one_class_to_train_on(value):
    m = with_states(value, 'chr1', 'chr2')
    with pytest.raises(UserError, match='none of the 2 TFs has both bound and unbound regions to train on'): quick(m)
    with pytest.raises(UserError, match='the train chromosomes have .*both are needed'): target_set(m, 'JUND', split(m))


@pytest.mark.parametrize('value', [1, 3])
def test_one_class_to_validate_on(value):
    m = with_states(value, 'chr3')
    assert np.isfinite(quick(m).model.card.training['valid_loss'])
    with pytest.raises(UserError, match='the valid chromosomes have .*both are needed'): target_set(m, 'JUND', split(m))


@pytest.mark.parametrize('value, counts', [(1, '0 bound'), (3, '0 unbound')])
def test_one_class_to_test_on(value, counts):
    m = with_states(value, 'chr4')
    test = target_set(m, 'JUND', split(m)).test
    with pytest.raises(UserError, match=counts): score(test.label, np.linspace(0, 1, len(test)))


def test_a_tf_without_bound_regions_is_named(tmp_path):
    write_matrix(with_states(1, 'chr1', 'chr2', tfs=1), tmp_path/'m.h5ad')
    status, out, err = run('tft-pretrain', tmp_path/'m.h5ad', tmp_path/'o.safetensors', '--arch', 'SmallCNN',
                           '--epochs', 1, '--valid-chroms', 'chr3', '--test-chroms', 'chr4')
    assert status == 0, err
    assert 'no bound region to train on: MAX; predictions for them mean nothing' in out
    assert 'no unbound region' not in out


def test_one_positive():
    y, p = np.r_[1, np.zeros(99)], rng.random(100)
    found = score(y, p)
    assert found.auprc == pytest.approx(1/(1+(p > p[0]).sum())) and np.isfinite(found.auprc_ci).all()
    assert calibration(y, p).found.sum() == pytest.approx(1/20)


@pytest.mark.parametrize('bound, folds', [(2, 2), (4, 4), (5, 5), (50, 5), (98, 2)])
def test_few_of_one_kind(bound, folds): assert _folds(np.arange(100) < bound) == folds


def test_auto_needs_a_region_of_each_kind(monkeypatch):
    two = SimpleNamespace(profiles=jaspar('JUND')[:1]+jaspar('MAX')[:1], own=[])
    monkeypatch.setattr('tf_transfer.finetune.sources.usable_profiles', lambda *args: two)
    m = with_states(1, 'chr1', 'chr2', tfs=0)
    m.X[0, 5] = 3
    pre, target = quick(matrix()), target_set(m, 'JUND', split(m), ratio=3)
    one = finetune(target, pre, 'auto', watch=silent, with_valid=False)
    assert np.isfinite(predict(one, m.varm['sequence'])).all()
    target.train.label[:] = 0
    with pytest.raises(UserError, match='a bound and an unbound region .*here are 0 and 4'):
        finetune(target, pre, 'auto', watch=silent, with_valid=False)
    m.X[0, :3] = 3
    few = finetune(target_set(m, 'JUND', split(m), ratio=3), pre, 'auto', watch=silent, with_valid=False)
    assert np.isfinite(predict(few, m.varm['sequence'])).all()


# Sequences of N

def test_all_n():
    m = matrix(codes=np.full((200, 40), 4, np.uint8))
    with pytest.raises(UserError, match='every region is N from end to end'): target_set(m, 'JUND', split(m))
    with pytest.raises(UserError, match='no training region without an N'): binding_dls(m, split(m))
    assert np.isfinite(predict(pretrained(), np.full((2, 200), 4, np.uint8))).all()


def test_regions_of_n_are_left_out():
    codes = matrix().varm['sequence'].copy()
    codes[::2] = 4
    codes[1, :39] = 4
    m = matrix(codes=codes)
    target = target_set(m, 'JUND', split(m))
    for part in (target.train, target.valid, target.test, labelled(m, 'JUND', np.arange(200), matched=False)):
        assert len(part) and (part.index % 2 == 1).all()
    assert 1 in labelled(m, 'JUND', np.arange(200), matched=False).index


# Equal predictions, and such that are none

@pytest.mark.parametrize('value', [0., 0.5, 1.])
def test_equal_predictions(value):
    p = np.full(100, value)
    found = score(half, p)
    assert (found.auprc, found.auroc, found.mcc) == (0.5, 0.5, 0) and found.auprc_ci[0] < 0.5 < found.auprc_ci[1]
    assert calibration(half, p).values.tolist() == [[value, 0.5, 100]]
    assert average_precisions(p[:, None], half) == [0.5] and mean_auprc(p[:, None], half[:, None]) == 0.5


def test_ties_are_one_place():
    ties, y = rng.random((300, 4)).round(1), np.sort(rng.random(300) < 0.3)[::-1]
    wanted = [average_precision_score(y, t) for t in ties.T]
    np.testing.assert_allclose(average_precisions(ties, y), wanted)
    table = calibration(y, ties[:, 0])
    assert table.regions.sum() == 300 and table.predicted.is_monotonic_increasing


def test_fewer_regions_than_bins():
    assert calibration([1, 0], [0.3, 0.2]).values.tolist() == [[0.2, 0, 1], [0.3, 1, 1]]


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_predictions_that_are_none(value):
    p = rng.random(100)
    p[3] = value
    for judge in (score, calibration):
        with pytest.raises(UserError, match='1 of 100 predictions are not numbers'): judge(half, p)
    assert np.isnan(mean_auprc(p[:, None], half[:, None]))
    with pytest.raises(UserError, match='0 bound and 0 unbound'): score(half*np.nan, p)
    assert np.isnan(average_precisions(rng.random((3, 2)), np.zeros(3))).all()


# A loss that is not a number

class Breaks(MaskedBCE):
    "The loss is NaN from some batch on"
    def __init__(self, n, value=float('nan')):
        super().__init__()
        self.left, self.value = n, value
    def __call__(self, logits, labels):
        self.left -= 1
        return super().__call__(logits, labels)*(1 if self.left >= 0 else self.value)


def breaking(n, **kwargs):
    "A learner of three batches and one of validation per epoch, whose loss breaks after n batches"
    m = matrix()
    learn = binding_learner(m, split(m), arch=SmallCNN, bs=40, both_strands=False)
    learn.loss_func = Breaks(n, **kwargs)
    return learn


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
@pytest.mark.parametrize('n, where, kept', [(4, 'epoch 2, batch 1:', 1), (6, 'epoch 2, batch 3:', 1),
                                            (7, 'epoch 2, validation:', 1), (9, 'epoch 3, batch 2:', None)])
def test_training_stops_and_keeps_the_best(n, where, kept, value):
    whole, broken = breaking(99), breaking(n, value=value)
    with silent(whole): whole.fit(n//4, 1e-3)
    with silent(broken): broken.fit(5, 1e-3)
    told = kept_epoch(broken)
    assert f'the loss is not a number in {where}' in told['stopped'] and '--lr' in told['stopped']
    assert told == kept_epoch(whole) | dict(stopped=told['stopped'])
    assert kept in (None, told['epoch_kept'])
    for a, b in zip(whole.model.state_dict().values(), broken.model.state_dict().values()): assert torch.equal(a, b)


def test_the_next_fit_begins_anew():
    learn = breaking(5)
    with silent(learn):
        learn.fit(2, 1e-3)
        learn.loss_func = MaskedBCE()
        learn.fit(1, 1e-3)
    assert 'stopped' not in kept_epoch(learn)


def test_sequences_without_labels_have_no_loss():
    learn = breaking(8)
    with silent(learn):
        unlabelled = learn.dls.test_dl(learn.dls.valid.dataset.codes[:4].numpy())
        assert np.isnan(learn.validate(dl=unlabelled)[0]) and np.isfinite(learn.validate()[0])


def test_a_loss_outside_of_training_stops_nothing():
    learn = breaking(8)
    with silent(learn):
        assert np.isfinite(learn.validate()[0])
        learn.loss_func.left = 8
        learn.fit(2, 1e-3)
        told = kept_epoch(learn)
        assert np.isnan(learn.validate()[0])
    assert kept_epoch(learn) == told


@pytest.mark.parametrize('name', ['tft-pretrain', 'tft-finetune'])
def test_a_rate_that_is_too_high(tmp_path, name):
    m = matrix()
    write_matrix(m, tmp_path/'m.h5ad')
    save_model(quick(m), tmp_path/'pre.safetensors')
    args = dict(zip(('tft-pretrain', 'tft-finetune'), (
        ['--arch', 'SmallCNN', '--valid-chroms', 'chr3'], [tmp_path/'pre.safetensors', '--tf', 'JUND', '--keep-seen'])))
    before = sorted(tmp_path.iterdir())
    out = tmp_path/'o.safetensors'
    places = [tmp_path/'m.h5ad', out] if name == 'tft-pretrain' else [tmp_path/'m.h5ad', args[name].pop(0), out]
    status, _, err = run(name, *places, *args[name], '--epochs', 3, '--lr', '1e30')
    assert (status, err.count('\n')) == (2, 1), err
    assert err.startswith(f'{name}: the loss is not a number in epoch 1, batch 2') and '--lr' in err
    assert sorted(tmp_path.iterdir()) == before


def test_it_is_said_and_on_the_card(capsys, monkeypatch):
    m = matrix()
    def adapt(learn): learn.loss_func = Breaks(7)
    learn = pretrain(m, split(m), arch=SmallCNN, epochs=4, bs=40, both_strands=False, adapt=adapt)
    said = learn.model.card.training['stopped']
    assert capsys.readouterr().out.count(said) == 1 and 'epoch 2, validation' in said


def test_processes_that_train_together_stop_together(monkeypatch):
    monkeypatch.setattr('tf_transfer.train.callbacks.num_distrib', lambda: 2)
    monkeypatch.setattr(torch.distributed, 'all_reduce', lambda wrong: wrong.add_(1))
    assert _is_no_number(torch.tensor(0.5))


def test_weights_that_are_none(tmp_path):
    net = quick(matrix()).model
    path = tmp_path/'m.safetensors'
    save_model(net, path)
    weights = load_file(path)
    with torch.no_grad(): net.head.bias[0] = float('nan')
    with pytest.raises(UserError, match='m.safetensors: .* not numbers .*head.bias'): save_model(net, path, force=True)
    assert torch.equal(load_file(path)['head.bias'], weights['head.bias'])
    save_model(load_model(path), tmp_path/'again.safetensors')


def test_a_file_whose_weights_are_none(tmp_path):
    from safetensors import safe_open
    path = tmp_path/'m.safetensors'
    save_model(quick(matrix()), path)
    with safe_open(path, 'pt') as f: meta = f.metadata()
    weights = load_file(path)
    weights['head.bias'][0] = float('inf')
    save_file(weights, path, meta)
    with pytest.raises(UserError, match='m.safetensors: .* not numbers .*head.bias'): load_model(path)


# A batch of one, and networks with BatchNorm

class WithNorm(BindingNet):
    def __init__(self, n_tfs, width):
        dense = nn.Sequential(nn.Linear(4*width, 8), nn.BatchNorm1d(8))
        super().__init__(nn.Flatten(), dense, nn.Identity(), n_tfs, 8, width)


@pytest.mark.parametrize('n', [2, 3, 51, 100, 101])
def test_a_lone_last_region(n):
    m = matrix()
    m.X[:, :2] = [1, 3]
    learn = pretrain(m, Split(np.arange(n), np.arange(100, 150), np.arange(150, 200)), arch=WithNorm, epochs=1, bs=50,
                     both_strands=False, watch=silent)
    assert np.isfinite(learn.model.card.training['valid_loss'])
    assert [len(y) for x, y in learn.dls.train] == dict({2: [2], 3: [3], 51: [50], 100: [50, 50], 101: [50, 50]})[n]


@pytest.mark.parametrize('n, share, sizes', [(202, 2, [50, 50]), (204, 2, [50, 50, 2]), (5, 4, []), (101, 1, [50, 50])])
def test_a_lone_last_region_of_a_share(n, share, sizes):
    labels = np.zeros((n, 1), np.float32)
    dl = RegionDL(RegionSet(np.zeros((n, 9), np.uint8), labels), 50, shuffle=True, share=(0, share))
    assert [len(y) for x, y in dl] == sizes and len(dl) == len(sizes)
    valid = dl.new(shuffle=False, share=(0, 1))
    assert sum(len(y) for x, y in valid) == n


def test_one_region_to_train_on():
    m = matrix()
    labels = [np.zeros((1, 2), np.float32), np.zeros((5, 2), np.float32)]
    with pytest.raises(UserError, match='there are 1 training regions'): region_dls(m, [[0], range(5)], labels, 'AB')
    with pytest.raises(UserError, match='bs is 1'): binding_dls(m, split(m), bs=1)


# The shortest DNA

NETS = ARCHS | {
    'MotifNet of 4': partial(MotifNet, motifs=[4]), 'MotifKmerNet of 4': partial(MotifKmerNet, motifs=[4]),
    'TargetNet of 9': partial(TargetNet, arch='MotifNet', args=dict(motifs=[4], hidden=[4, 4]), motifs=[9]),
    'TargetNet of 4': partial(TargetNet, arch='MotifNet', args=dict(motifs=[4], hidden=[4, 4]), motifs=[4])}
SHORTEST = {'PaperCNN': 90, 'ShallowCNN': 98, 'SmallCNN': 15, 'DanQ': 38, 'MotifNet': 33, 'MotifKmerNet': 33,
            'MotifNet of 4': 4, 'MotifKmerNet of 4': 6, 'TargetNet of 9': 9, 'TargetNet of 4': 8}


@pytest.mark.parametrize('name', NETS)
def test_shortest_width(name):
    width = SHORTEST[name]
    net = NETS[name](2, width=width).eval()
    with torch.no_grad(): logits = net(one_hot(rng.integers(0, 4, (3, width)).astype(np.uint8)))
    assert logits.shape == (3, 2) and logits.isfinite().all()
    with pytest.raises(UserError, match=f'needs sequences of at least {width} bp; these have {width-1}'):
        NETS[name](2, width=width-1)


# 16 bits

def test_compact_beyond_16_bits(tmp_path):
    net = quick(matrix()).model
    path = tmp_path/'m.safetensors'
    for value, fits in ((65504., True), (65520., False), (-1e6, False)):
        with torch.no_grad(): net.head.bias[0] = value
        if fits: save_model(net, path, compact=True)
        else:
            with pytest.raises(UserError, match='head.bias has weights beyond 65,504'):
                save_model(net, path, force=True, compact=True)
    assert load_model(path).head.bias[0] == 65504
    save_model(net, path, force=True)
    assert load_model(path).head.bias[0] == -1e6


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_16_bit_activations(dtype):
    "A site of a long motif has odds beyond 65,504; words are numbers up to 4,095, which 16 bits cannot count"
    codes = rng.integers(0, 4, (6, 200)).astype(np.uint8)
    x, layer = one_hot(codes), MotifLayer(jaspar('CTCF'))
    net = TargetNet(1, 200, 'MotifNet', MotifNet(1, motifs=jaspar('JUND')).args, jaspar('JUND')).eval()
    net.kmers.weight.normal_()
    with torch.no_grad():
        wanted = layer(x), net.motifs(x), net.kmers(x)
        with torch.autocast('cpu', dtype): here = layer(x), net.motifs(x), net.kmers(x)
        for a, b in zip(wanted, here): assert torch.equal(a, b)
        with torch.autocast('cpu', dtype): logits = pretrained()(x)
    assert logits.isfinite().all()


@pytest.mark.parametrize('both', [False, True])
def test_a_region_set_is_asked_for_one_or_some(both):
    "As fastai's notebooks look at a data set"
    codes = rng.integers(0, 4, (3, 9)).astype(np.uint8)
    d = RegionSet(codes, np.ones((3, 2), np.float32), both_strands=both)
    assert [tuple(o.shape) for o in d[0]] == [(9,), (2,)] and [tuple(o.shape) for o in d[:2]] == [(2, 9), (2, 2)]
    assert torch.equal(d[-1][0], torch.as_tensor(3-codes[2, ::-1] if both else codes[2]))


def test_what_fastai_asks_and_regions_lack():
    d = RegionSet(np.zeros((3, 9), np.uint8), np.ones((3, 2), np.float32))
    for name in ('vocab', 'items'):
        with pytest.raises(UserError, match='use .*top_losses'): getattr(d, name)
    with pytest.raises(UserError, match='there is no sequence'): RegionDL(d).new([])


@pytest.mark.parametrize('tfs', [1, 2])
def test_a_loss_for_each_label(tfs):
    "Of one TF, a loss for each region: fastai sorts by it"
    losses = MaskedBCE('none')(torch.zeros(5, tfs), torch.ones(5, tfs))
    assert losses.shape == ((5,) if tfs == 1 else (5, 2))
