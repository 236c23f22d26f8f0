"""Which body is worth its time? Each is pre-trained for as long as the others, on one core, and probed:
python bench/bodies.py MATRIX

Chosen on chr15 alone; chr16 and chr22 are not read. Bodies that stand in the table already are left alone."""
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
import torch
from common import RESULTS, by_cross_validation, splits
from fastcore.script import call_parse
from sklearn.metrics import average_precision_score
from torch import nn
from tf_transfer.matrix.states import BOUND, read_matrix
from tf_transfer.matrix.splits import Split, target_set
from tf_transfer.model.networks import BindingNet, DanQ, MotifNet, PaperCNN, ShallowCNN, dense_block, n_params
from tf_transfer.model.predict import features
from tf_transfer.train.callbacks import silent
from tf_transfer.train.learners import binding_learner, new_model
from tf_transfer.train.pretraining import pretrain
from tf_transfer.finetune.head import ridge


class Exp(nn.Module):
    def forward(self, x): return x.clamp(max=10).exp()

class Residual(nn.Module):
    "A dilated convolution beside a shortcut"
    def __init__(self, n, dilation):
        super().__init__()
        wide = nn.Conv1d(n, n, 3, padding=dilation, dilation=dilation)
        self.inside = nn.Sequential(
            nn.BatchNorm1d(n), nn.ReLU(), wide, nn.BatchNorm1d(n), nn.ReLU(), nn.Conv1d(n, n, 1))
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


def some(split, regions, valid=None):
    "So many of the training regions, and a tenth of the validation regions, or of the first of these"
    train = np.sort(np.random.default_rng(0).permutation(split.train)[:regions])
    return Split(train, split.valid[:valid][::10], split.test)

def learner(m, split, tfs, arch, regions, bs, valid=None):
    return binding_learner(m, some(split, regions, valid), tfs, arch, complete=False, bs=bs, both_strands=False)

def train(m, split, tfs, arch, seconds, began=None):
    "As many regions as the network can read in that time, or all of them several times over"
    bs = 512 if began is None else 32
    few = learner(m, split, tfs, arch, 8*bs, bs, 10*bs)
    start = process_time()
    with silent(few): few.fit(1, 1e-5)
    total = 0.85*seconds*8*bs/(process_time()-start)
    regions, epochs = int(min(total, len(split.train))), max(round(total/len(split.train)), 1)
    learn = learner(m, split, tfs, arch, regions, bs)
    if began is not None: learn.model.load_state_dict(began.state_dict())
    with silent(learn): learn.fit_one_cycle(epochs, 2e-3 if began is None else 2e-4, wd=0.01)
    return learn.model, regions, epochs

def train_motifs(m, split, tfs, regions):
    "The first layer reads once"
    learn = pretrain(m, some(split, regions), tfs, MotifNet, 6, 2e-3, wd=0.01, complete=False, bs=512,
                     both_strands=False, watch=silent)
    return learn.model, regions, 6

def trained(m, split, tfs, name, seconds):
    "A body, and what its training took"
    start = process_time()
    if name=="MotifNet, untrained": model, regions, epochs = new_model(MotifNet, len(tfs), m.uns["width"]), 0, 0
    elif name=="MotifNet": model, regions, epochs = train_motifs(m, split, tfs, int(len(split.train)*seconds/400))
    elif name=="MotifNet, then its motifs free":
        began, *_ = train_motifs(m, split, tfs, int(len(split.train)*seconds/800))
        model, regions, epochs = train(m, split, tfs, MotifNet, seconds/2, began)
    else: model, regions, epochs = train(m, split, tfs, BODIES[name], seconds)
    return model, dict(regions=regions, epochs=epochs, seconds=round(process_time()-start), parameters=n_params(model))

def probed(m, inner, model, tf, n, seed):
    "AUPRC of a linear head on the body's features, its penalty chosen for this body, on the validation chromosome"
    target = target_set(m, tf, inner, n, seed=seed)
    codes, label = target.train_valid
    few = np.random.default_rng(0).permutation(len(target.test))[:1000]
    x = features(model, codes)
    coef, intercept = ridge(x, label, C=by_cross_validation(x, label))
    return average_precision_score(target.test.label[few], features(model, target.test.codes[few])@coef+intercept)

@call_parse
def main(
    matrix:str, # Binding matrix, .h5ad
    seconds:int=150, # Of one core, to pre-train each body
    out:str=str(RESULTS/"bodies.csv"), # The table to write
):
    "Bodies at equal time."
    torch.set_num_threads(1)
    m = read_matrix(matrix)
    split, inner = splits(m)
    bound, enough = ((m.X[:, part]==BOUND).sum(1) for part in (split.train, split.valid))
    names = [t for t,b,v in zip(m.obs_names, bound, enough) if b>=500 and v>=100]
    targets = sorted(np.random.default_rng(1).choice(names, 10, replace=False).tolist())
    tfs = [t for t,b in zip(m.obs_names, bound) if b>=10 and t not in targets]
    rows = pd.read_csv(out).to_dict("records") if Path(out).exists() else []
    for name in BODIES:
        if any(r["body"]==name for r in rows): continue
        model, how = trained(m, split, tfs, name, seconds)
        draws = [(tf, n, seed) for n,seeds in ((50, 2), (500, 1)) for tf in targets for seed in range(seeds)]
        new = [dict(body=name, tf=tf, n_peaks=n, seed=seed, auprc=probed(m, inner, model, tf, n, seed)) | how
               for tf,n,seed in draws]
        print(name, pd.DataFrame(new).groupby("n_peaks").auprc.mean().round(3).to_dict(), how, flush=True)
        rows += new
        pd.DataFrame(rows).round(4).to_csv(out, index=False)
