"""Which body is worth its time? Each is pre-trained for as long as the others, on one core, and probed: python bench/bodies.py MATRIX

Chosen on chr15 alone; chr16 and chr22 are not read. Writes bench/bodies.csv; bodies that stand there already are left alone."""
import os
import time
from functools import partial

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import pandas as pd
import torch
from fastcore.script import call_parse
from sklearn.metrics import average_precision_score
from tf_transfer.matrix.states import BOUND, read_matrix
from tf_transfer.model.networks import BindingNet, DanQ, MotifNet, PaperCNN, ShallowCNN, dense_block, n_params
from tf_transfer.matrix.splits import Split, by_chrom, target_set
from tf_transfer.model.predict import features
from tf_transfer.finetune.head import ridge
from tf_transfer.train.learners import binding_learner, new_model
from tf_transfer.train.pretraining import read_once
from tf_transfer.train.callbacks import silent
from torch import nn
from transfer import by_cross_validation, to_choose_by

class Exp(nn.Module):
    def forward(self, x): return x.clamp(max=10).exp()

class Residual(nn.Module):
    "A dilated convolution beside a shortcut"
    def __init__(self, n, dilation):
        super().__init__()
        self.inside = nn.Sequential(nn.BatchNorm1d(n), nn.ReLU(), nn.Conv1d(n, n, 3, padding=dilation, dilation=dilation), nn.BatchNorm1d(n), nn.ReLU(), nn.Conv1d(n, n, 1))
    def forward(self, x): return x+self.inside(x)

class Attention(nn.Module):
    "A mean over positions, each weighted by what stands there"
    def __init__(self, n):
        super().__init__()
        self.weigh = nn.Conv1d(n, n, 1)
    def forward(self, x): return (self.weigh(x).softmax(-1)*x).sum(-1)

class Modern(BindingNet):
    "Wide first layer, pooled over all positions instead of flattened, the better of the two strands"
    strands_alike = True
    def __init__(self, n_tfs, width=200, act=nn.ReLU, blocks=0, attention=False):
        pool = [Attention(256)] if attention else [nn.AdaptiveMaxPool1d(1), nn.Flatten()]
        dilated = [nn.MaxPool1d(4), *[Residual(256, 2**i) for i in range(blocks)]] if blocks else []
        super().__init__(
            first  = nn.Sequential(nn.Conv1d(4, 256, 19), nn.BatchNorm1d(256), act()),
            middle = nn.Sequential(*dilated, *pool),
            dense  = dense_block(256, 512),
            n_tfs=n_tfs, hidden=512, width=width)
    def body(self, x): return torch.maximum(super().body(x), super().body(x.flip(1, 2)))

BODIES = {
    "ShallowCNN": ShallowCNN, "PaperCNN": PaperCNN, "DanQ": DanQ,
    "wide, max-pooled": Modern,
    "wide, exponential, max-pooled": partial(Modern, act=Exp),
    "wide, attention": partial(Modern, attention=True),
    "wide, three dilated blocks, max-pooled": partial(Modern, blocks=3),
    "MotifNet": MotifNet, "MotifNet, then its motifs free": MotifNet, "MotifNet, untrained": MotifNet}

def learner(m, split, tfs, arch, regions, bs=512, seed=0):
    "On so many of the training regions, and a tenth of the validation regions"
    train = np.sort(np.random.default_rng(seed).permutation(split.train)[:regions])
    return binding_learner(m, Split(train, split.valid[::10], split.test), tfs, arch, complete=False, bs=bs, both_strands=False, seed=seed)

def train(m, split, tfs, arch, seconds, began=None):
    "As many regions as the network can read in that time, or all of them several times over"
    bs = 512 if began is None else 32
    few = learner(m, Split(split.train, split.valid[:10*bs], split.test), tfs, arch, 8*bs, bs)
    start = time.process_time()
    with silent(few): few.fit(1, 1e-5)
    total = 0.85*seconds*8*bs/(time.process_time()-start)
    regions, epochs = int(min(total, len(split.train))), max(round(total/len(split.train)), 1)
    learn = learner(m, split, tfs, arch, regions, bs)
    if began is not None: learn.model.load_state_dict(began.state_dict())
    with silent(learn): learn.fit_one_cycle(epochs, 2e-3 if began is None else 2e-4, wd=0.01)
    return learn.model, regions, epochs

def train_motifs(m, split, tfs, regions):
    "The first layer reads once"
    learn = learner(m, split, tfs, MotifNet, regions)
    rest = read_once(learn, openness=0.1)
    with silent(rest): rest.fit_one_cycle(6, 2e-3, wd=0.01)
    return learn.model, regions, 6

def pretrain(m, split, tfs, name, seconds):
    "A body, and what its training took"
    start = time.process_time()
    if name=="MotifNet, untrained": model, regions, epochs = new_model(MotifNet, len(tfs), m.uns["width"]), 0, 0
    elif name=="MotifNet": model, regions, epochs = train_motifs(m, split, tfs, int(len(split.train)*seconds/400))
    elif name=="MotifNet, then its motifs free":
        began, *_ = train_motifs(m, split, tfs, int(len(split.train)*seconds/800))
        model, regions, epochs = train(m, split, tfs, MotifNet, seconds/2, began)
    else: model, regions, epochs = train(m, split, tfs, BODIES[name], seconds)
    return model, dict(regions=regions, epochs=epochs, seconds=round(time.process_time()-start), parameters=n_params(model))

def probed(m, split, model, tf, n, seed):
    "AUPRC of a linear head on the body's features, its penalty chosen for this body, on the validation chromosome"
    t = target_set(m, tf, to_choose_by(m, split), n, seed=seed)
    codes, label = np.concatenate([t.train.codes, t.valid.codes]), np.r_[t.train.label, t.valid.label]
    some = np.random.default_rng(0).permutation(len(t.test))[:1000]
    x = features(model, codes)
    coef, intercept = ridge(x, label, C=by_cross_validation(x, label))
    return average_precision_score(t.test.label[some], features(model, t.test.codes[some])@coef+intercept)

@call_parse
def main(
    matrix:str, # Binding matrix, .h5ad
    seconds:int=150, # Of one core, to pre-train each body
    out:str="bench/bodies.csv", # The table to write
):
    "Bodies at equal time."
    torch.set_num_threads(1)
    m = read_matrix(matrix)
    split = by_chrom(m, valid="chr15", test=["chr16", "chr22"])
    bound = (m.X[:, split.train]==BOUND).sum(1)
    names = [t for t,b,v in zip(m.obs_names, bound, (m.X[:, split.valid]==BOUND).sum(1)) if b>=500 and v>=100]
    targets = sorted(np.random.default_rng(1).choice(names, 10, replace=False).tolist())
    tfs = [t for t,b in zip(m.obs_names, bound) if b>=10 and t not in targets]
    rows = pd.read_csv(out).to_dict("records") if os.path.exists(out) else []
    for name in BODIES:
        if any(r["body"]==name for r in rows): continue
        model, how = pretrain(m, split, tfs, name, seconds)
        rows += [dict(body=name, tf=tf, n=n, seed=s, auprc=round(probed(m, split, model, tf, n, s), 4), **how)
                 for n,seeds in ((50, 2), (500, 1)) for tf in targets for s in range(seeds)]
        print(pd.DataFrame(rows[-30:]).groupby(["body", "n"], sort=False).auprc.mean().round(3).to_dict(), how, flush=True)
        pd.DataFrame(rows).to_csv(out, index=False)
