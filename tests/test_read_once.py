"A fine-tuning whose first layer reads once is the one that it stands for."
from functools import partial
import numpy as np
import pytest
import torch
from fastai.callback.core import Callback
from tf_transfer.finetune.strategies import STRATEGIES, finetune, options_of
from tf_transfer.matrix.simulate import simulate
from tf_transfer.matrix.splits import by_chrom, target_set
from tf_transfer.model.networks import MotifNet
from tf_transfer.model.predict import first_layer
from tf_transfer.train.callbacks import silent
from tf_transfer.train.learners import scratch_learner, transfer_learner
from tf_transfer.train.pretraining import pretrain, read_once

TRAINED = [s for s in STRATEGIES if 'epochs' in options_of(s)]


class Still(Callback):
    """The first layer learns nothing, and each region is read as it stands. Neither learn biases that a BatchNorm takes
    away again: their gradients are errors of rounding, and Adam makes steps of those"""
    def before_fit(self): self.dls.train.random_strand = False
    def before_step(self):
        net = getattr(self.model, 'net', self.model)
        for p in [*net.first.parameters(), net.dense[1][0].bias, net.dense[2][0].bias]: p.grad = None


@pytest.fixture(scope='module')
def world():
    w = simulate(n_regions=1500, seed=1)
    m = w.matrix()[:4].copy()
    split = by_chrom(m, ['chr5'], ['chr6'])
    arch = partial(MotifNet, motifs=list(w.profiles.values()), hidden=(32, 16))
    net = pretrain(m, split, list(m.obs_names)[1:], arch, 2, watch=silent).model
    return net, target_set(m, m.obs_names[0], split), first_layer(net, m.varm['sequence']).numpy()


def begun(world, strategy, reads_once):
    net, target, activations = world
    arch = partial(MotifNet, motifs=net.args['motifs'], hidden=net.args['hidden'])
    make = partial(scratch_learner, target, arch) if strategy == 'scratch' else partial(transfer_learner, target, net)
    learn = make(both_strands=False)
    if strategy == 'scratch': learn.model.first.load_state_dict(net.first.state_dict())
    return learn, read_once(learn, activations) if reads_once else learn


def fitted(world, strategy, reads_once):
    learn, rest = begun(world, strategy, reads_once)
    with silent(rest), rest.added_cbs(Still()): STRATEGIES[strategy](rest, epochs=4)
    return learn.model.state_dict()


@pytest.mark.parametrize('strategy', TRAINED)
def test_reading_once_changes_nothing(world, strategy):
    plain, once = (fitted(world, strategy, reads_once) for reads_once in (False, True))
    for name, value in plain.items():
        np.testing.assert_allclose(once[name], value, atol=1e-5, rtol=1e-5, err_msg=name)


@pytest.mark.parametrize('group,learns', [(3, ('head.',)), (2, ('dense.', 'head.')), (1, ('dense.', 'head.'))])
@pytest.mark.parametrize('reads_once', [False, True])
def test_what_is_frozen_stays(world, group, learns, reads_once):
    learn, rest = begun(world, 'frozen', reads_once)
    before = {k: v.clone() for k, v in learn.model.state_dict().items()}
    rest.freeze_to(group)
    with silent(rest): rest.fit(1, 3e-3)
    moved = {k for k, v in learn.model.state_dict().items() if not torch.equal(v, before[k])}
    assert moved and all(k.startswith(learns) for k in moved)
    assert {k.split('.')[0]+'.' for k in moved} == set(learns)


def test_the_frozen_strategy_keeps_the_statistics(world):
    net, target, activations = world
    model = finetune(target, net, 'frozen', epochs=1, activations=activations, watch=silent).model
    for part in ('first', 'middle'):
        for k, v in getattr(net, part).state_dict().items(): assert torch.equal(v, getattr(model, part).state_dict()[k])
