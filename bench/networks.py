"""Networks against networks, on the draws of bench/transfer.py: python bench/networks.py MATRIX FOLDER [--workers 2]

FOLDER is that script's own, with its bodies and hits. Finished tasks are kept there; bench/networks.csv is written from them."""
import copy
import json
import os
import time
from itertools import product
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import pandas as pd
import torch
from fastai.callback.core import Callback
from fastcore.script import call_parse
from sklearn.metrics import average_precision_score
from tf_transfer.matrix.groups import best_resolved
from tf_transfer.matrix.states import read_matrix
from tf_transfer.train.metrics import average_precisions
from tf_transfer.model.networks import MotifKmerNet, PaperCNN, ShallowCNN
from tf_transfer.motifs.pwm import jaspar_table
from tf_transfer.model.saving import load_model, pretrained, save_model
from tf_transfer.matrix.splits import by_chrom, target_set
from tf_transfer.finetune.strategies import discriminative, frozen, gradual, paper
from tf_transfer.finetune.head import ridge, set_head
from tf_transfer.train.pretraining import AfterFirst, read_once
from tf_transfer.train.learners import binding_learner, scratch_learner, transfer_learner
from tf_transfer.model.predict import predict
from tf_transfer.train.callbacks import silent
from transfer import COMMIT, FIVE, all_hits, body, features, to_choose_by

class Pull(Callback):
    "Pull weights towards where they began (L2-SP)"
    def __init__(self, strength): self.strength = strength
    def before_fit(self): self.began = [p.detach().clone() for p in self.model.net.dense.parameters()]
    def after_loss(self):
        if self.training: self.learn.loss_grad = self.learn.loss_grad+self.strength*sum(((p-b)**2).sum() for p,b in zip(self.model.net.dense.parameters(), self.began))

@torch.no_grad()
def says(net, seen):
    "Logits, from what the first layer says"
    rest = AfterFirst(net).eval()
    return torch.cat([rest(torch.tensor(np.asarray(h, np.float32)))[:, 0] for h in np.array_split(seen, len(seen)//2048+1)]).numpy()

def tuned(fits):
    "The fit with the lowest validation loss, among (learner, train it) made by each setting"
    best = None
    for learn,train in fits:
        with silent(learn): train(learn)
        loss = min(v[1] for v in learn.recorder.values)
        if best is None or loss<best[0]: best = loss, learn
    return best[1]

def halfway(net, other):
    "The mean of two networks' weights"
    out, mine = copy.deepcopy(net), other.state_dict()
    out.load_state_dict({k:(v+mine[k])/2 if v.is_floating_point() else v for k,v in net.state_dict().items()})
    return out

def run(m, split, seen, folder, tf, n, seed, cnn):
    "All networks on one draw of one target: a row for each; or only the convolutional ones"
    t = target_set(m, tf, split, n, seed=seed)
    index, y = np.r_[t.train.index, t.valid.index], np.r_[t.train.label, t.valid.label].astype(int)
    h, ht = seen[index].astype(np.float32), seen[t.test.index].astype(np.float32)
    rows = []
    def record(method, values, start):
        rows.append(dict(tf=tf, n=n, seed=seed, method=method, auprc=average_precision_score(t.test.label, values), prevalence=float(t.test.label.mean()), n_test=t.test.n_pos, seconds=round(time.time()-start, 1)))
    if cnn:
        pre = load_model(folder/"paper.safetensors")
        for strategy in (paper, frozen, discriminative, gradual):
            start = time.time()
            learn = transfer_learner(t, pre, seed=seed)
            with silent(learn): strategy(learn)
            record(f"the paper's CNN, {strategy.__name__}", predict(learn, t.test.codes)[:, 0], start)
        start = time.time()
        grid = product((PaperCNN, ShallowCNN), (3e-4, 3e-3), (0, 0.1))
        best = tuned((scratch_learner(t, arch, seed=seed), lambda l,lr=lr,wd=wd: l.fit(20, lr, wd=wd)) for arch,lr,wd in grid)
        record("CNN from scratch, tuned", predict(best, t.test.codes)[:, 0], start)
        return rows
    five, unrelated = load_model(folder/"five.safetensors"), load_model(folder/f"unrelated to {tf}.safetensors")

    def head(net):
        z = features(net, h)
        return ridge(z, y)
    def on(net, strategy, probed=False, cbs=()):
        learn = transfer_learner(t, net, seed=seed)
        if probed: set_head(learn.model, *head(net))
        rest = read_once(learn, seen)
        rest.add_cbs(list(cbs))
        with silent(rest): strategy(rest)
        return learn.model
    start = time.time()
    coef, intercept = head(five)
    alone = features(five, ht)@coef+intercept
    record("probe", alone, start)
    others = [load_model(folder/f"five, seed {s}.safetensors") for s in (1, 2)]
    further = [(features(net, ht), *head(net)) for net in others]
    record("probe, mean of three bodies", alone+sum(z@c+i for z,c,i in further), start)
    for strategy in (paper, frozen, discriminative, gradual):
        start = time.time()
        record(strategy.__name__, says(on(five, strategy), ht), start)
    start = time.time()
    after = on(five, paper, probed=True)
    record("probe, then paper", says(after, ht), start)
    before = transfer_learner(t, five, seed=seed).model
    set_head(before, coef, intercept)
    record("probe, then paper; weights halfway", says(halfway(before, after), ht), start)
    for strength in (1e-3, 1e-2, 1e-1):
        start = time.time()
        record(f"probe, then paper, pulled back by {strength:g}", says(on(five, paper, True, [Pull(strength)]), ht), start)

    start = time.time()
    def fresh(lr, wd):
        learn = scratch_learner(t, MotifKmerNet, seed=seed)
        return read_once(learn, seen), lambda l: l.fit(30, lr, wd=wd)
    rest = tuned(fresh(lr, wd) for lr,wd in product((1e-4, 3e-4, 1e-3, 3e-3), (0, 0.1)))
    record("MotifKmerNet from scratch, tuned", says(rest.model.net, ht), start)
    start = time.time()
    z, zt = features(unrelated, h), features(unrelated, ht)
    coef, intercept = ridge(z, y)
    record("probe, body of unrelated TFs", zt@coef+intercept, start)
    start = time.time()
    out, out_test = (features(five, x)@five.head.weight.detach().numpy().T+five.head.bias.detach().numpy() for x in (h, ht))
    best = average_precisions(out, y).argmax()
    record("output of the nearest TF", out_test[:, best], start)
    rows[-1]["nearest"] = five.card.tfs[best]
    start = time.time()
    released = pretrained("motifs-hg38")
    record("own output, target in pre-training", predict(released, t.test.codes)[:, released.card.tfs.index(tf)], start)
    return rows

def paper_body(m, split, path):
    "The paper's pre-training: its CNN on the 50 TFs with the most data, the five targets left out, regions resolved for all of them"
    if path.exists(): return
    learn = binding_learner(m, split, best_resolved(m, 50, FIVE), PaperCNN)
    with silent(learn): learn.fit(15, 3e-3)
    save_model(learn, path)

def _body(job):
    "Without the five targets, from another seed; or also without all TFs of one target's family"
    m, split, seen, folder = SHARED
    if job=="paper": return paper_body(m, split, folder/"paper.safetensors")
    if isinstance(job, int): return body(m, split, seen, folder, f"five{f', seed {job}' if job else ''}", FIVE, seed=job)
    families = jaspar_table(list(m.obs_names)).tf_family
    absent = sorted({*FIVE, *families.index[families==families[job]]})
    body(m, split, seen, folder, f"unrelated to {job}", absent)
    print(f"{job}: body of unrelated TFs, without {', '.join(absent)}", flush=True)

def _task(job):
    m, split, seen, folder = SHARED
    kept, tf, n, seed, cnn = job
    path = kept/f"{tf}_{n}_{seed}{'_cnn' if cnn else ''}.json"
    if path.exists(): return
    rows = run(m, split, seen, folder, tf, n, seed, cnn)
    path.write_text(json.dumps([r | dict(commit=COMMIT) for r in rows]))
    print(path.stem, {r["method"]:round(r["auprc"], 3) for r in rows}, flush=True)

@call_parse
def main(
    matrix:str, # Binding matrix, .h5ad
    folder:str, # Where bench/transfer.py keeps its bodies and hits
    workers:int=2, # Processes
    seeds:int=2, # Draws of the peaks
    cnn_seeds:int=1, # Draws for the convolutional networks, which take most of the time
    quick:bool=False, # To choose by: one draw, tested on the validation chromosome
    out:str="bench/networks.csv", # The table to write
):
    "Networks against networks."
    global SHARED
    torch.set_num_threads(1)
    folder = Path(folder)
    m = read_matrix(matrix)
    split = by_chrom(m, valid=["chr15"], test=["chr16", "chr22"])
    SHARED = m, split, all_hits(m, folder)[1], folder
    with get_context("fork").Pool(workers) as pool: pool.map(_body, ["paper", 0, 1, 2, *FIVE], chunksize=1)
    if quick:
        split = to_choose_by(m, split)
    SHARED = m, split, SHARED[2], folder
    kept = folder/("networks_quick" if quick else "networks")
    tasks = [(kept, tf, n, seed, cnn) for cnn,draws in ((False, seeds), (True, cnn_seeds)) for seed in range(1 if quick else draws) for n in (50, 125, 500) for tf in FIVE]
    kept.mkdir(exist_ok=True)
    with get_context("fork").Pool(workers) as pool: pool.map(_task, tasks, chunksize=1)
    origin = lambda path: dict(data=m.uns["fingerprint"], cores=os.cpu_count(), date=time.strftime("%Y-%m-%d", time.gmtime(path.stat().st_mtime)))
    rows = [r | origin(p) for p in sorted(kept.glob("*.json")) for r in json.loads(p.read_text())]
    pd.DataFrame(rows).round(4).to_csv(out, index=False)
