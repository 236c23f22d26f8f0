"""How fast does the paper's CNN learn, beside a bare loop of torch; and how soon is the published recipe's best
validation loss reached?

    python bench/training.py                     # the steps alone
    python bench/training.py --matrix MATRIX     # and the recipe, on a part of the published matrix; half an hour
    python bench/training.py --compiled          # and steps by `torch.compile`, which takes minutes to begin
    python bench/training.py --out FOLDER        # leave the table of this folder as it is

Processor time, on one thread. Steps: the learner and the bare loop make the same steps of forward, backward and Adam,
in turn, five times each; the bare loop is given batches that are ready, one-hot. `rate` is the median, samples per
second. The recipe: 50 TFs that are resolved best, complete labels, both strands, batches of 99, a rate of 0.003 that
stays. What is set against it is the network of motifs and words under one cycle, on the same regions and TFs: `seconds`
until a validation loss is as low, with what the first layer reads once. `rate` of a product of matrices is what one
core can do at most: multiply-adds per second."""
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
from common import RESULTS, commit, write_table
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from fastai.callback.core import Callback
from fastcore.script import call_parse, store_true
from speed import machine
from torch import nn
from tf_transfer.matrix.groups import best_resolved
from tf_transfer.matrix.splits import Split, by_chrom
from tf_transfer.matrix.states import binding_matrix, less_sparse, read_matrix, states_of
from tf_transfer.model.networks import MotifKmerNet, PaperCNN
from tf_transfer.train.callbacks import silent
from tf_transfer.train.learners import binding_learner, new_model
from tf_transfer.train.pretraining import pretrain


def paper_learner(bs, steps, n_tfs=50):
    "A learner that makes so many steps in an epoch, and validates on two regions"
    n, rng = bs*steps//2+2, np.random.default_rng(0)
    states, codes = rng.integers(1, 4, (n_tfs, n)).astype(np.int8), rng.integers(0, 4, (n, 200)).astype(np.uint8)
    places = pd.DataFrame(dict(chrom=["chr1"]*(n-2)+["chr2"]*2, start=200*np.arange(n), end=200*np.arange(n)+200))
    m = binding_matrix(states, [f"TF{i}" for i in range(n_tfs)], places, codes)
    return binding_learner(m, by_chrom(m, "chr2", []), complete=False, bs=bs, device="cpu")

class LastChannels(nn.Module):
    "The same network on images of one row, channels last"
    def __init__(self, net):
        super().__init__()
        self.net = net
        for layer in [*net.modules()]:
            for name,of in layer.named_children(): setattr(layer, name, _in_two_dimensions(of))
        self.to(memory_format=torch.channels_last)

    def forward(self, x): return self.net(x[:, :, None].contiguous(memory_format=torch.channels_last))

def _in_two_dimensions(layer):
    if isinstance(layer, nn.Conv1d): return nn.Conv2d(layer.in_channels, layer.out_channels, (1, *layer.kernel_size))
    if isinstance(layer, nn.MaxPool1d): return nn.MaxPool2d((1, layer.kernel_size))
    if isinstance(layer, nn.BatchNorm1d) and layer.num_features<1000: return nn.BatchNorm2d(layer.num_features)
    return layer

def bare(batches, change=lambda net: net, **adam):
    "A loop over batches, with a network of its own"
    net = change(new_model(PaperCNN, batches[0][1].shape[1], 200))
    opt = torch.optim.Adam(net.parameters(), 3e-3, **adam)
    def loop():
        net.train()
        for x,y in batches:
            known = ~y.isnan()
            losses = F.binary_cross_entropy_with_logits(net(x), y.nan_to_num(), reduction="none")*known
            (losses.sum()/known.sum()).backward()
            opt.step()
            opt.zero_grad()
    return loop

def short(loop):
    "The same with products of 16-bit numbers, which not every processor has"
    def of_loop():
        with torch.autocast("cpu", torch.bfloat16): loop()
    return of_loop

def steps(bs, compiled, times=5):
    "Samples per second of each way to train, in turn"
    n = max(1000//bs, 3)
    learn = paper_learner(bs, n)
    batches = [*learn.dls.train]
    def learner():
        with learn.no_bar(), learn.no_logging(): learn.fit(1, 3e-3)
    ways = {"learner":learner, "bare loop":bare(batches), "bare loop, fused Adam":bare(batches, fused=True),
            "bare loop, channels last":bare(batches, LastChannels), "bare loop, 16 bits":short(bare(batches)),
            "bare loop, all three":short(bare(batches, LastChannels, fused=True))}
    if compiled: ways["bare loop, compiled"] = bare(batches, torch.compile)
    taken = {way:[] for way in ways}
    for i in range(times+1):
        for way,do in ways.items():
            start = time.process_time()
            do()
            if i: taken[way].append(time.process_time()-start)
    for way,t in taken.items(): yield dict(task=f"a step, batch {bs}", way=way, rate=bs*n/np.median(t))

def product():
    "Multiply-adds per second of a product of matrices"
    a, taken = torch.rand(1024, 1024), []
    for _ in range(9):
        start = time.process_time()
        for _ in range(4): a@a
        taken.append(time.process_time()-start)
    yield dict(task="a product of matrices", way="torch", rate=4*1024**3/np.median(taken))


class Times(Callback):
    "Processor time and validation loss after each epoch; stops where a loss is low enough"
    order = 70
    def __init__(self, start, enough=0):
        super().__init__()
        self.start, self.enough, self.seen = start, enough, []
    def after_epoch(self):
        self.seen.append((time.process_time()-self.start, self.recorder.values[-1][1]))
        print(f"{self.seen[-1][0]:.0f} s: {self.seen[-1][1]:.4f}", flush=True)
        if self.seen[-1][1]<=self.enough: self.stop()
    def stop(self):
        from fastai.callback.core import CancelFitException
        raise CancelFitException

def timed(m, split, tfs, arch, enough=0, **how):
    "Seconds and validation loss after each epoch"
    times = Times(time.process_time(), enough)
    pretrain(m, split, tfs, arch, watch=silent, device="cpu", adapt=lambda learn: learn.add_cb(times), **how)
    return times.seen

def recipe(matrix, n, epochs=10):
    "The published recipe on some training regions, and what reaches its loss"
    m = read_matrix(matrix)
    tfs, split = best_resolved(m, 50), by_chrom(m, "chr15", ["chr16", "chr22"])
    known = np.all([~np.isnan(less_sparse(states_of(m, tf))) for tf in tfs], axis=0)
    some = lambda part, n: np.sort(np.random.default_rng(0).permutation(part[known[part]])[:n])
    split = Split(some(split.train, n), some(split.valid, n//4), split.test)
    task = f"the recipe's best loss, {len(split.train):,} regions"
    seen = timed(m, split, tfs, PaperCNN, epochs=epochs, lr=3e-3, one_cycle=False)
    seconds, loss = min(seen, key=lambda o: o[1])
    yield dict(task=task, way="recipe", seconds=seconds, loss=loss, epochs=[o[1] for o in seen].index(loss)+1)
    for epochs in (4, 12):
        ours = timed(m, split, tfs, MotifKmerNet, loss, epochs=epochs, lr=2e-3, wd=0.01, bs=512)
        low = next((o for o in ours if o[1]<=loss), min(ours, key=lambda o: o[1]))
        yield dict(task=task, way=f"motifs and words, one cycle of {epochs}", seconds=low[0], loss=low[1],
                   epochs=ours.index(low)+1)


@call_parse
def main(
    matrix:str="", # The binding matrix, .h5ad
    regions:int=10_000, # Of the matrix, how many to train on
    only:str="", # Only the parts whose name has this: product, steps or recipe
    compiled:store_true=False, # Steps by `torch.compile` too?
    out:str=RESULTS, # Folder of the table
):
    "Measure, and write training.csv"
    torch.set_num_threads(1)
    out, rows = Path(out)/"training.csv", []
    parts = [product(), steps(99, compiled), steps(512, compiled), *([recipe(matrix, regions)] if matrix else [])]
    for row in (row for part in parts if only in part.__name__ for row in part):
        rows.append(row)
        print(row, flush=True)
    done = {row["task"] for row in rows}
    older = pd.read_csv(out).to_dict("records") if out.exists() else []
    made = dict(machine=machine(), commit=commit(), date=time.strftime("%Y-%m-%d"))
    write_table([row for row in older if row["task"] not in done]+[row|made for row in rows], out)
