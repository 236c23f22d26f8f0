"""Every method on real data, on chromosomes that none of them has seen: python bench/transfer.py MATRIX FOLDER [--workers 2]

Finished tasks are kept in FOLDER and not repeated (the simple methods apart from the others); bench/transfer.csv is written from them."""
import json
import os
import shutil
import subprocess
import sys
import time
from functools import partial
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import pandas as pd
import torch
from fastai.callback.core import Callback
from fastai.optimizer import OptimWrapper
from fastai.torch_core import default_device
from fastcore.script import call_parse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import LinearSVC
from torch import nn
from tf_transfer.genome.dna import one_hot
from tf_transfer.finetune.auto import nearest, out_of_fold, sources, weigh
from tf_transfer.finetune.baselines import GappedKmers
from tf_transfer.matrix.states import AMBIGUOUS, BOUND, UNBOUND, read_matrix
from tf_transfer.model.networks import MotifKmerNet, MotifLayer, MotifsAndKmers
from tf_transfer.motifs.pwm import vertebrate_profiles
from tf_transfer.matrix.splits import Split, by_chrom, target_set
from tf_transfer.model.saving import load_model, save_model
from tf_transfer.finetune.head import ridge
from tf_transfer.train.pretraining import AfterFirst, read_once
from tf_transfer.train.learners import binding_learner
from tf_transfer.train.callbacks import silent

FIVE = ["JUND", "MAX", "SPI1", "SP1", "HNF4A"]
EPOCHS = 12
EVERY = np.arange(len(vertebrate_profiles()))
PENALTIES = (1e-3, 3e-3, 1e-2)
COMMIT = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()

def to_choose_by(m, split):
    "The split that choices are made on: chr14 validates, chr15 tests, and chr16 and chr22 are not in it"
    valid = m.var.chrom.iloc[split.train].astype(str).to_numpy()=="chr14"
    return Split(split.train[~valid], split.train[valid], split.valid)

def family(tf):
    "Which profiles are the target's, or of its JASPAR family"
    known = vertebrate_profiles()
    own = {p.tf_family for p in known if tf in p.name.upper().split("::")}-{""}
    return np.array([tf in p.name.upper().split("::") or p.tf_family in own for p in known])

def all_hits(m, folder):
    "Best hits of all profiles in all regions, and what the body's first layer says of them, computed once"
    layers = dict(hits=partial(MotifLayer, best=True), seen=MotifsAndKmers)
    for name,layer in layers.items():
        if not (folder/f"{name}.npy").exists():
            with get_context("fork").Pool(1) as pool: pool.apply(_read, (m.varm["sequence"], layer(list(vertebrate_profiles())), folder/f"{name}.npy"))
    return [np.load(folder/f"{name}.npy", mmap_mode="r") for name in layers]

@torch.no_grad()
def _read(codes, layer, path):
    "In a process of its own, since one that has used a GPU cannot fork"
    device = default_device()
    layer, part = layer.to(device), path.with_suffix(".part")
    out = np.lib.format.open_memmap(part, "w+", np.float16, (len(codes), layer.n_out))
    for i in range(0, len(codes), 512): out[i:i+512] = layer(one_hot(torch.as_tensor(codes[i:i+512]).to(device))).cpu().numpy()
    out.flush()
    part.rename(path)

def further(m, split):
    "Thirty further TFs with 100 to 5,000 bound regions, drawn at random, in groups of ten that leave the pre-training together"
    bound = (m.X[:, np.r_[split.train, split.valid]]==BOUND).sum(1)
    tested = (m.X[:, split.test]==BOUND).sum(1)
    names = [t for t,b,n in zip(m.obs_names, bound, tested) if 100<=b<=5000 and n>=50 and t not in FIVE]
    return np.random.default_rng(0).permutation(names)[:30].reshape(3, 10).tolist()

def body(m, split, seen, folder, name, absent, withheld=None, shuffled=False, seed=0, arch=MotifKmerNet):
    "A body without some TFs and some profiles, trained once"
    path = folder/f"{name}.safetensors"
    if path.exists(): return load_model(path)
    usable = EVERY if withheld is None else np.flatnonzero(~withheld)
    tfs = [t for t in m.obs_names if t not in absent and (m[t].X[0, split.train]==BOUND).sum()>=10]
    source = m
    if shuffled:
        source = m.copy()
        rng = np.random.default_rng(0)
        for part in (split.train, split.valid): source.X[:, part] = m.X[:, rng.permutation(part)]
    profiles = [vertebrate_profiles()[i] for i in usable]
    learn = binding_learner(source, split, tfs, partial(arch, motifs=profiles), complete=False, bs=512, both_strands=False, seed=seed)
    train(learn, read_by(learn.model, seen, usable))
    save_model(learn, path)
    return learn.model

def train(learn, seen):
    "The dense layers and the head; on a CPU in bfloat16, a third of the time on one that knows it"
    rest = read_once(learn, seen, openness=0.1)
    if rest.dls.device.type=="cpu":
        rest.opt_func, rest.model = fused_adam, with_byte_dropout(rest.model)
        rest.add_cb(BFloat16())
    with silent(rest): rest.fit_one_cycle(EPOCHS, 2e-3, wd=0.01)
    learn.model.card.training.update(epochs=EPOCHS, lr=2e-3, wd=0.01, schedule="one cycle")

def fused_adam(params, lr=1e-3, mom=0.9, sqr_mom=0.99, eps=1e-5, wd=0.01):
    "torch's AdamW, all parameters in one pass"
    return OptimWrapper(params, torch.optim.AdamW, lr=lr, betas=(mom, sqr_mom), eps=eps, weight_decay=wd, fused=True)

class BFloat16(Callback):
    "The forward pass in 16 bits"
    def before_batch(self):
        self.narrow = torch.autocast("cpu", torch.bfloat16)
        self.narrow.__enter__()
    def after_pred(self):
        self.narrow.__exit__(None, None, None)
        self.learn.pred = self.pred.float()

class ByteDropout(nn.Module):
    "Dropout by random bytes, of which eight are drawn at once; the rate is rounded to 1/256"
    def __init__(self, p):
        super().__init__()
        self.least = round(p*256)
    def forward(self, x):
        if not self.training: return x
        draw = torch.empty(-(-x.numel()//8), dtype=torch.int64).random_(-2**63, 2**63-1).view(torch.uint8)[:x.numel()].view(x.shape)
        return x*((draw>=self.least).to(x.dtype)*(256/(256-self.least)))

def with_byte_dropout(model):
    for parent in list(model.modules()):
        for name,layer in parent.named_children():
            if isinstance(layer, nn.Dropout): setattr(parent, name, ByteDropout(layer.p))
    return model

def read_by(net, seen, usable=EVERY):
    "Of what was seen, what this body reads: its motifs, and all words if it reads words"
    return np.ascontiguousarray(seen[:, np.r_[usable, len(EVERY)+np.arange(net.first.n_out-len(usable))]])

@torch.no_grad()
def features(net, seen, usable=EVERY):
    "What the head sees"
    rest = AfterFirst(net).eval().net
    parts = [rest.dense(rest.middle(torch.tensor(np.asarray(h, np.float32)))) for h in np.array_split(read_by(net, seen, usable), len(seen)//2048+1)]
    return torch.cat(parts).numpy()

def both_ways(estimator, x, y, test):
    "What a method says of the training regions, out of fold, and of the test regions"
    return out_of_fold(estimator, x, y), estimator.fit(x, y).decision_function(test)

def chosen(estimator, grid, x, y):
    "With its penalty chosen by cross-validation, on 2,000 regions at most"
    some = np.random.default_rng(0).permutation(len(y))[:2000]
    best = GridSearchCV(estimator, grid, scoring="average_precision", cv=3, refit=False).fit(x[some], y[some]).best_params_
    return clone(estimator).set_params(**best)

def task_data(m, split, tf, n, seed, either, ratio):
    "Training regions and labels; test regions: 1:1 matched, and a sample at natural prevalence with its weights"
    if either:
        m = m.copy()
        m.X[m.X==AMBIGUOUS] = BOUND
    t = target_set(m, tf, split, n, seed=seed, ratio=ratio)
    index = np.r_[t.train.index, t.valid.index]
    y = np.r_[t.train.label, t.valid.label].astype(int)
    states = m[tf].X[0, split.test]
    bound, unbound = split.test[states==BOUND], split.test[states==UNBOUND]
    sample = np.random.default_rng(0).permutation(unbound)[:2000]
    return index, y, t.test, np.r_[bound, sample], len(unbound)/len(sample)

def run(m, split, hits, seen, tf, n, seed, bodies, either=False, known=(), ratio=3):
    "All methods on one draw of one target: a row for each; `known` are rows of the simple methods, where they are there already"
    index, y, matched, natural, weight = task_data(m, split, tf, n, seed, either, ratio)
    test = np.union1d(matched.index, natural)
    at_matched, at_natural = np.searchsorted(test, matched.index), np.searchsorted(test, natural)
    natural_y = m[tf].X[0, natural]==BOUND if not either else m[tf].X[0, natural]>=AMBIGUOUS
    natural_w = np.where(natural_y, 1, weight)
    start = time.time()
    def row(knowledge, method, values):
        return dict(tf=tf, n=n or "all", n_pos=int(y.sum()), n_neg=int((y==0).sum()), seed=seed, labels="either" if either else "bound", knowledge=knowledge, method=method,
                    auprc=average_precision_score(matched.label, values[at_matched]), prevalence=float(matched.label.mean()), n_test=int(matched.label.sum()),
                    natural=average_precision_score(natural_y, values[at_natural], sample_weight=natural_w), natural_prevalence=float(natural_y.sum()/natural_w.sum()), seconds=round(time.time()-start, 1))
    codes, test_codes = m.varm["sequence"][index], m.varm["sequence"][test]
    simple, rows, svm = list(known), [], None if known else kmer_svm(codes, test_codes, y)
    for knowledge,usable,said,speak in asked(codes, test_codes, y, hits[index], hits[test], tf, family(tf)):
        if not known: simple += simple_methods(partial(row, knowledge), said, speak, svm, y, hits[index][:, usable].astype(np.float32), hits[test][:, usable].astype(np.float32))
        for name,(net,its) in bodies[knowledge].items():
            z, zt = features(net, seen[index], its), features(net, seen[test], its)
            coef, intercept = ridge(z, y, C=by_cross_validation(z, y)) if name else ridge(z, y)
            rows.append(row(knowledge, f"probe{name}", zt@coef+intercept))
            coef, intercept, _ = weigh(z, said, y)
            rows.append(row(knowledge, f"auto{name}", np.c_[zt, np.stack(list(speak.values()), 1)]@coef+intercept))
    return simple, rows

def by_cross_validation(x, y, trust=1.):
    "The penalty that tells held-out fifths apart best"
    z = (x-x.mean(0))*trust/(x.std(0)+1e-3)
    return max(PENALTIES, key=lambda C: cross_val_score(LogisticRegression(C=C, max_iter=500, class_weight="balanced"), z, y, scoring="average_precision", cv=5).mean())

def asked(codes, test_codes, y, h, ht, tf, unknown):
    "With any knowledge, and with that of some profiles withheld: which profiles are usable, and what each source says of the training regions (out of fold) and of the test regions"
    motif, words, taught = sources(codes, y)
    speak = dict(words=words[1:].decision_function(GappedKmers().transform(test_codes)))
    if motif is not None: speak["found"] = motif.best_hit(test_codes).score.to_numpy()
    names = [p.name.upper() for p in vertebrate_profiles()]
    for knowledge in ("any", "withheld"):
        usable = np.flatnonzero(~unknown) if knowledge=="withheld" else np.arange(len(names))
        own = [i for i in usable if names[i]==tf]
        best, said = nearest(h[:, usable].astype(np.float32), y)
        said, heard = dict(nearest=said), speak | dict(nearest=ht[:, usable[best]].astype(np.float32))
        if own:
            mine = own[nearest(h[:, own].astype(np.float32), y)[0]]
            said, heard = dict(profile=h[:, mine].astype(np.float32), **said), heard | dict(profile=ht[:, mine].astype(np.float32))
        said = said | taught
        yield knowledge, usable, said, {k:heard[k] for k in said}

def kmer_svm(codes, test_codes, y):
    "The gapped k-mer SVM, out of fold and on the test regions"
    x, xt = (Normalizer().fit_transform(GappedKmers().transform(c)) for c in (codes, test_codes))
    return both_ways(chosen(LinearSVC(class_weight="balanced"), dict(C=[0.1, 1, 10]), x, y), x, y, xt)

def simple_methods(row, told, speak, svm, y, h, ht):
    "What a user would pick instead"
    names = dict(profile="own profile", nearest="best JASPAR profile", found="de novo motif")
    single = {names[k]:(told[k], speak[k]) for k in names if k in told}
    single["gapped k-mer SVM"] = svm
    regression = chosen(make_pipeline(StandardScaler(), LogisticRegression(max_iter=500, class_weight="balanced")), dict(logisticregression__C=[1e-4, 1e-3, 1e-2, 1e-1]), h, y)
    single["regression on JASPAR hits"] = both_ways(regression, h, y, ht)
    x, xt = (np.stack([o[i] for o in single.values()], 1) for i in (0, 1))
    stack = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced")).fit(x, y).decision_function(xt)
    return [row(method, v) for method,(_,v) in single.items()]+[row("these, stacked", stack)]

def plan(m, split, quick):
    "Bodies: name to what is absent and withheld. Tasks: (target, positives, seed, its bodies, other labels?)"
    none = np.zeros(len(vertebrate_profiles()), bool)
    bodies, tasks = {"five":(FIVE, none, False)}, []
    both = lambda group, tf: dict(any={"":group}, withheld={"":f"{group} without {tf}"})
    for tf in FIVE: bodies[f"five without {tf}"] = (FIVE, family(tf), False)
    for n in (50, 125, 500):
        for tf in FIVE: tasks += [(tf, n, seed, both("five", tf), False) for seed in range(1 if quick else 5)]
    if quick: return bodies, tasks
    bodies["shuffled"] = (FIVE, none, True)
    for task in tasks: task[3]["any"][", body of shuffled labels"] = "shuffled"
    tasks += [(tf, None, 0, both("five", tf), False) for tf in FIVE]
    bound = (m.X[:, np.r_[split.train, split.valid]]==BOUND).sum(1)
    later = []
    for i,group in enumerate(further(m, split)):
        name = f"further {i+1}"
        bodies[name] = (group, none, False)
        bodies[f"{name} without families"] = (group, np.any([family(tf) for tf in group], 0), False)
        which = dict(any={"":name}, withheld={"":f"{name} without families"})
        later += [(tf, n, 0, which, False) for tf in group for n in (50, 125, 500) if bound[m.obs_names.get_loc(tf)]>=n]
    later.sort(key=lambda task: (50, 500, 125).index(task[1]))
    return bodies, tasks+later+[(tf, n, 0, both("five", tf), True) for n in (500, 50) for tf in FIVE]

def _body(job):
    m, split, _, seen, folder = SHARED
    name, (absent, withheld, shuffled) = job
    start = time.time()
    body(m, split, seen, folder, name, absent, withheld, shuffled)
    print(f"{name}: {time.time()-start:.0f} s", flush=True)

def _task(job):
    m, split, hits, seen, folder = SHARED
    tf, n, seed, which, either = job
    path = folder/f"{tf}_{n or 'all'}_{seed}{'_either' if either else ''}.json"
    simple = path.with_suffix(".simple")
    if path.exists(): return
    kept = {name:np.flatnonzero(~withheld) for name,(_,withheld,_) in BODIES.items()}
    bodies = {k:{label:(load_model(folder/f"{name}.safetensors"), kept[name]) for label,name in w.items()} for k,w in which.items()}
    known = json.loads(simple.read_text()) if simple.exists() else ()
    known, rows = run(m, split, hits, seen, tf, n, seed, bodies, either, known, RATIO)
    simple.write_text(json.dumps([dict(commit=COMMIT) | r for r in known]))
    path.write_text(json.dumps([r | dict(commit=COMMIT) for r in rows]))
    best = {r["knowledge"]:round(r["auprc"], 3) for r in rows if r["method"]=="auto"}
    print(f"{path.stem}: {rows[-1]['seconds']} s, auto {best}", flush=True)

@call_parse
def main(
    matrix:str, # Binding matrix, .h5ad
    folder:str, # Where finished tasks, bodies and hits are kept
    workers:int=2, # Processes
    valid:str="chr15", # Validation chromosome
    test:str="chr16,chr22", # Test chromosomes
    ratio:int=3, # Unbound regions per bound one that all methods learn from
    quick:bool=False, # To choose by: five targets, one seed, tested on the validation chromosome
    out:str="bench/transfer.csv", # The table to write
):
    "Every method on every target."
    global SHARED, BODIES, RATIO
    RATIO = ratio
    torch.set_num_threads(1)
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    m = read_matrix(matrix)
    split = by_chrom(m, valid=valid.split(","), test=test.split(","))
    SHARED = m, split, *all_hits(m, folder), folder
    BODIES, tasks = plan(m, split, quick)
    with get_context("fork").Pool(workers) as pool: pool.map(_body, BODIES.items(), chunksize=1)
    if quick:
        split = to_choose_by(m, split)
        folder = folder/"quick"
        folder.mkdir(exist_ok=True)
        for name in BODIES: shutil.copy(SHARED[-1]/f"{name}.safetensors", folder)
        SHARED = m, split, *SHARED[2:4], folder
    with get_context("fork").Pool(workers) as pool: pool.map(_task, tasks, chunksize=1)
    origin = lambda path: dict(data=m.uns["fingerprint"], cores=os.cpu_count(), date=time.strftime("%Y-%m-%d", time.gmtime(path.stat().st_mtime)))
    rows = [r | dict(ratio=ratio) | origin(p) for p in sorted([*folder.glob("*.json"), *folder.glob("*.simple")]) for r in json.loads(p.read_text())]
    pd.DataFrame(rows).round(4).to_csv(out, index=False)
    print(f"{out}: {len(rows)} rows", file=sys.stderr)
