"What ends a training by force leaves torch, and the learner, as they were"
from functools import partial
import numpy as np
import pytest
import torch
from fastai.callback import fp16
from fastai.callback.core import Callback, CancelFitException
from tf_transfer.matrix.simulate import simulate
from tf_transfer.matrix.splits import by_chrom
from tf_transfer.model.networks import MotifNet
from tf_transfer.train.callbacks import silent
from tf_transfer.train.learners import binding_learner
from tf_transfer.train.pretraining import read_once


class Boom(Exception): pass


class Ends(Callback):
    "A training ends in the second epoch, or before the first"
    order = 100
    def __init__(self, event, error): setattr(self, event, partial(self.end, event, error))
    def end(self, event, error):
        if event == 'before_fit' or self.epoch == 1: raise error('ended')


@pytest.fixture(scope='module')
def world():
    w = simulate(n_regions=300, seed=1)
    m = w.matrix()[:3].copy()
    motifs = partial(MotifNet, motifs=list(w.profiles.values()), hidden=(16, 8))
    return lambda: binding_learner(m, by_chrom(m, ['chr5'], ['chr6']), None, motifs, complete=False)


@pytest.mark.parametrize('reads_once', [False, True])
@pytest.mark.parametrize('error', [KeyboardInterrupt, CancelFitException, Boom])
@pytest.mark.parametrize('event', ['before_fit', 'after_pred', 'after_epoch'])
def test_the_random_state(world, reads_once, error, event):
    learn = read_once(world()) if reads_once else world()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    with silent(learn), learn.added_cbs(Ends(event, error)):
        try: learn.fit(3)
        except error: assert error is not CancelFitException
    assert torch.equal(before, torch.get_rng_state()) and torch.is_grad_enabled()
    weights = {k: v.clone() for k, v in learn.model.state_dict().items()}
    with silent(learn): learn.validate()
    for k, v in learn.model.state_dict().items(): assert torch.equal(v, weights[k])
    with silent(learn): learn.fit(1)
    assert torch.equal(before, torch.get_rng_state()) and np.isfinite(learn.keep_best.best)


def test_the_precision(world, monkeypatch):
    "As on a GPU; fastai leaves its mixed precision where an error ends a batch"
    monkeypatch.setattr(fp16, 'autocast', lambda device, dtype: torch.autocast('cpu', torch.bfloat16))
    learn = world()
    learn.add_cb(fp16.MixedPrecision('bf16'))
    with silent(learn), learn.added_cbs(Ends('after_pred', Boom)):
        with pytest.raises(Boom): learn.fit(2)
    assert not torch.is_autocast_enabled('cpu')
    assert (torch.ones(2, 2)@torch.ones(2, 2)).dtype == torch.float32
    assert torch.autocast_increment_nesting() == 1
    torch.autocast_decrement_nesting()
