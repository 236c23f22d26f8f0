"""Which body is worth its time? Each is pre-trained for as long as the others, and probed: python bench/bodies.py MATRIX

Chosen on chr15 alone; chr16 and chr22 are not read. Writes bench/bodies.csv."""
import time

import numpy as np
import pandas as pd
from fastcore.script import call_parse
from sklearn.metrics import average_precision_score
from tf_transfer.matrix import BOUND, read_matrix
from tf_transfer.models import DanQ, MotifNet, PaperCNN, ShallowCNN, n_params
from tf_transfer.splits import Split, by_chrom, target_set
from tf_transfer.strategies import features, ridge
from tf_transfer.transfer import binding_learner, new_model, read_once, silent

def speed(m, split, tfs, arch, bs=512):
    "Regions per second that a network learns from, by a few batches"
    few = Split(split.train[:8*bs], split.valid[:bs], split.test)
    learn = binding_learner(m, few, tfs, arch, complete=False, bs=bs, both_strands=False)
    start = time.time()
    with silent(learn): learn.fit(1, 1e-4)
    return 8*bs/(time.time()-start)

def pretrain(m, split, tfs, arch, seconds, seed):
    "A body after so many seconds: of as many regions as it can read in that time, several times over where it is fast"
    rng = np.random.default_rng(seed)
    if arch is MotifNet: regions, epochs = len(split.train)//4, 6
    else:
        total = speed(m, split, tfs, arch)*seconds*0.85
        regions, epochs = int(min(total, len(split.train))), max(round(total/len(split.train)), 1)
    part = Split(np.sort(rng.permutation(split.train)[:regions]), split.valid[::10], split.test)
    learn = binding_learner(m, part, tfs, arch, complete=False, bs=512, both_strands=False, seed=seed)
    start = time.time()
    trained = read_once(learn) if arch is MotifNet else learn
    with silent(trained): trained.fit_one_cycle(epochs, 2e-3, wd=0.01)
    return learn.model, dict(regions=regions, epochs=epochs, seconds=round(time.time()-start), parameters=n_params(learn.model))

def probed(m, split, model, tf, n, seed):
    "AUPRC of a linear head on the body's features, on the validation chromosome"
    chosen_on = m.var.chrom.iloc[split.train].astype(str).to_numpy()=="chr14"
    inner = Split(split.train[~chosen_on], split.train[chosen_on], split.valid)
    t = target_set(m, tf, inner, n, seed=seed)
    codes, label = np.concatenate([t.train.codes, t.valid.codes]), np.r_[t.train.label, t.valid.label]
    some = np.random.default_rng(0).permutation(len(t.test))[:1000]
    coef, intercept = ridge(features(model, codes), label)
    return average_precision_score(t.test.label[some], features(model, t.test.codes[some])@coef+intercept)

@call_parse
def main(
    matrix:str, # Binding matrix, .h5ad
    seconds:int=150, # To pre-train each body
    seeds:int=2, # Draws of the peaks
    out:str="bench/bodies.csv", # The table to write
):
    "Bodies at equal time."
    m = read_matrix(matrix)
    split = by_chrom(m, valid="chr15", test=["chr16", "chr22"])
    bound = (m.X[:, split.train]==BOUND).sum(1)
    names = [t for t,b,v in zip(m.obs_names, bound, (m.X[:, split.valid]==BOUND).sum(1)) if b>=500 and v>=100]
    targets = sorted(np.random.default_rng(1).choice(names, 10, replace=False).tolist())
    tfs = [t for t,b in zip(m.obs_names, bound) if b>=10 and t not in targets]
    rows = []
    for arch in (ShallowCNN, PaperCNN, DanQ, MotifNet, "untrained MotifNet"):
        if isinstance(arch, str): model, how = new_model(MotifNet, len(tfs), m.uns["width"]), dict(regions=0, epochs=0, seconds=0, parameters=0)
        else: model, how = pretrain(m, split, tfs, arch, seconds, 0)
        for n in (50, 500):
            for tf in targets:
                rows += [dict(body=arch if isinstance(arch, str) else arch.__name__, tf=tf, n=n, seed=s, auprc=round(probed(m, split, model, tf, n, s), 4), **how) for s in range(seeds if n==50 else 1)]
        print(pd.DataFrame(rows).groupby(["body", "n"], sort=False).auprc.mean().round(3).to_dict(), how, flush=True)
        pd.DataFrame(rows).to_csv(out, index=False)
