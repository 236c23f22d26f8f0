"""What the scripts of this folder share: the data and their split, networks that are trained once, tasks that are done
once, and tables that say where they come from."""
import json
import os
import subprocess
import time
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property, partial
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import pandas as pd
import torch
from fastai.optimizer import OptimWrapper
from fastai.torch_core import default_device
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from torch import nn
from tf_transfer.genome.dna import one_hot
from tf_transfer.motifs.pwm import jaspar_family, vertebrate_profiles
from tf_transfer.matrix.states import BOUND, read_matrix
from tf_transfer.matrix.splits import Split, by_chrom
from tf_transfer.model.networks import MotifKmerNet, MotifLayer, MotifsAndKmers
from tf_transfer.model.predict import features_after
from tf_transfer.model.saving import load_model, save_model
from tf_transfer.finetune.auto import body_views, on_network, weigh
from tf_transfer.finetune.head import standardised
from tf_transfer.train.callbacks import silent
from tf_transfer.train.pretraining import pretrain

FIVE = ["JUND", "MAX", "SPI1", "SP1", "HNF4A"]
EPOCHS = 12
PENALTIES = (1e-3, 3e-3, 1e-2)
RESULTS = Path(__file__).parent/"results"


# tasks

_work = None

def _call(i): return _work[0](_work[1][i])

def in_parallel(do, jobs, workers):
    "`do(job)` for each job, as they are ready; the processes are forked, and see `do` and its jobs without a copy"
    global _work
    torch.set_num_threads(1)
    _work = do, list(jobs)
    with get_context("fork").Pool(workers) as pool:
        yield from pool.imap_unordered(_call, range(len(_work[1])), chunksize=1)

def commit():
    "Of these scripts"
    words = ["git", "-C", Path(__file__).parent, "rev-parse", "--short", "HEAD"]
    return subprocess.run(words, capture_output=True, text=True).stdout.strip()

def done_once(folder, tasks, do, workers):
    "The rows of all tasks (name to task), each done once and kept as FOLDER/NAME.json with the commit that did it"
    folder.mkdir(exist_ok=True)
    here = commit()
    def one(job):
        name, task = job
        rows = [row | dict(commit=here) for row in do(task)]
        part = folder/f".{name}.part"
        part.write_text(json.dumps(rows, default=float))   # numpy's numbers too
        part.rename(folder/f"{name}.json")
        return name, len(rows)
    todo = [(name, task) for name,task in tasks.items() if not (folder/f"{name}.json").exists()]
    for i,(name,n) in enumerate(in_parallel(one, todo, workers), 1):
        print(f"{i}/{len(todo)} {name}: {n} rows", flush=True)
    paths = [folder/f"{name}.json" for name in tasks]
    return [row | dict(date=_day(p)) for p in paths for row in json.loads(p.read_text())]

def _day(path): return time.strftime("%Y-%m-%d", time.gmtime(path.stat().st_mtime))

def write_table(rows, out, **origin):
    "Write a table, and say so; its folder is made if need be"
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame([row | origin for row in rows]).round(4).to_csv(out, index=False)
    print(f"{out}: {len(rows)} rows")


# the data

def splits(m):
    "The split, and that by which one chooses"
    split = by_chrom(m, valid="chr15", test=["chr16", "chr22"])
    return split, to_choose_by(m, split)

def to_choose_by(m, split):
    "chr14 validates, the validation chromosome tests, and the test chromosomes are not in it"
    valid = m.var.chrom.iloc[split.train].astype(str).to_numpy()=="chr14"
    return Split(split.train[~valid], split.train[valid], split.valid)

@dataclass(frozen=True, eq=False)
class Body:
    "A network that is pre-trained once"
    name:str # Of its file
    absent:list = field(default_factory=lambda: FIVE) # TFs that it does not learn
    withheld:np.ndarray = None # Profiles that its first layer lacks, bool, (profiles,); it has all if not given
    shuffled:bool = False # Does it learn labels of other regions?
    seed:int = 0 # Of weights, order and dropout
    epochs:int = EPOCHS # Passes over the data
    arch:type = MotifKmerNet # Architecture, or what makes one

    @property
    def usable(self):
        "Positions of its profiles"
        withheld = np.zeros(len(vertebrate_profiles()), bool) if self.withheld is None else self.withheld
        return np.flatnonzero(~withheld)

class Data:
    "The matrix and its split; and a folder of what is computed once"
    def __init__(self, matrix, folder, valid="chr15", test="chr16,chr22"):
        self.m, self.folder = read_matrix(matrix), Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.split = by_chrom(self.m, valid=valid.split(","), test=test.split(","))
        self.tasks = self.folder/"tasks"
        self.tasks.mkdir(exist_ok=True)

    def to_choose_by(self):
        "The same, with the split that choices are made on"
        other = copy(self)
        other.split = to_choose_by(self.m, self.split)
        other.tasks = self.folder/"tasks_to_choose_by"
        other.tasks.mkdir(exist_ok=True)
        return other

    @property
    def origin(self): return dict(data=self.m.uns["fingerprint"], cores=os.cpu_count())

    @cached_property
    def hits(self):
        "Best hit of every profile in every region, bits, float16, (regions, profiles)"
        return self._read("hits", partial(MotifLayer, best=True))

    @cached_property
    def activations(self):
        "The output of the first layer of `MotifKmerNet` for every region, float16, (regions, profiles and words)"
        return self._read("activations", MotifsAndKmers)

    def _read(self, name, layer):
        path = self.folder/f"{name}.npy"
        if not path.exists():   # in a process of its own: one that has used a GPU cannot fork
            with get_context("fork").Pool(1) as pool: pool.apply(_read, (self.m.varm["sequence"], layer, path))
        return np.load(path, mmap_mode="r")

    def bound(self, *parts):
        "Bound regions of each TF in some parts of the split"
        return (self.m.X[:, np.concatenate([getattr(self.split, p) for p in parts])]==BOUND).sum(1)

    def further(self):
        "Thirty further TFs with 100 to 5,000 bound regions, in groups of ten that leave the pre-training together"
        counts = zip(self.m.obs_names, self.bound("train", "valid"), self.bound("test"))
        names = [t for t,b,n in counts if 100<=b<=5000 and n>=50 and t not in FIVE]
        return np.random.default_rng(0).permutation(names)[:30].reshape(3, 10).tolist()

    def net(self, body):
        "A body, trained if need be"
        path = self.folder/f"{body.name}.safetensors"
        if not path.exists():
            start = time.time()
            save_model(self._trained(body), path)
            print(f"{body.name}: {time.time()-start:.0f} s", flush=True)
        return load_model(path)

    def train(self, draws, workers):
        "The bodies that some draws need"
        bodies = {b.name:b for draw in draws for of_kind in draw.bodies.values() for b in of_kind.values()}
        self.each(bodies.values(), self.net, workers)

    def each(self, jobs, do, workers):
        "Do what leaves its result in the folder"
        self.activations, self.hits
        for _ in in_parallel(lambda job: do(job) and None, jobs, workers): pass

    def _trained(self, body):
        m, bound = self.m, zip(self.m.obs_names, self.bound("train"))
        tfs = [t for t,n in bound if t not in body.absent and n>=10]
        if body.shuffled:
            m, rng = m.copy(), np.random.default_rng(0)
            for part in (self.split.train, self.split.valid): m.X[:, part] = self.m.X[:, rng.permutation(part)]
        arch = partial(body.arch, motifs=[vertebrate_profiles()[i] for i in body.usable])
        return pretrain(
            m, self.split, tfs, arch, body.epochs, 2e-3, wd=0.01, complete=False, bs=512, both_strands=False,
            seed=body.seed, activations=lambda net: self.read_by(net, body), adapt=quicker, watch=silent)

    def read_by(self, net, body, index=slice(None)):
        "Of the activations, what a body reads: its motifs, and all words if it reads words"
        words = len(vertebrate_profiles())+np.arange(net.first.n_out-len(body.usable))
        return np.ascontiguousarray(self.activations[index][:, np.r_[body.usable, words]])

    def features(self, body, *indices):
        "What the head of a body sees of some regions, float32, (regions, hidden), for each of several lists"
        net = self.net(body)
        return [features_after(net, self.read_by(net, body, index)) for index in indices]

    def seen(self, body, index):
        "What the dense layers of a body see of some regions"
        net = self.net(body)
        return standardised(net, torch.from_numpy(self.read_by(net, body, index).astype(np.float32)))

    def auto(self, body, k, said):
        "`auto`, from what is known of a draw: from other regions, and what the sources say of them, to their logits"
        x, = self.features(body, k.index)
        views, learned = body_views(self.net(body), x, self.seen(body, k.index), k.y)
        coef, offset, _ = weigh(views, said, k.y)
        weights, more = on_network(views, coef[:-len(said)])
        layers = [nn.Identity(), self.net(body).dense, *(o.dense for o in learned)]
        def read(index, speak):
            seen = self.seen(body, index)
            with torch.no_grad(): of_network = torch.cat([layer(seen) for layer in layers], 1).cpu().numpy()
            of_sources = np.stack([speak[k] for k in said], 1)
            return of_network@weights+of_sources@coef[-len(said):]+offset+more
        return read

@torch.no_grad()
def _read(codes, layer, path, bs=512):
    device = default_device()
    layer, part = layer(list(vertebrate_profiles())).to(device), path.with_suffix(".part")
    out = np.lib.format.open_memmap(part, "w+", np.float16, (len(codes), layer.n_out))
    for i in range(0, len(codes), bs):
        out[i:i+bs] = layer(one_hot(torch.as_tensor(codes[i:i+bs]).to(device))).cpu().numpy()
    out.flush()
    part.rename(path)


# training on a CPU, quicker than the package does: another optimizer and another dropout

def quicker(learn):
    if learn.dls.device.type!="cpu": return
    learn.opt_func = _fused_adam
    for parent in list(learn.model.modules()):
        for name,layer in parent.named_children():
            if isinstance(layer, nn.Dropout): setattr(parent, name, ByteDropout(layer.p))

def _fused_adam(params, lr=1e-3, mom=0.9, sqr_mom=0.99, eps=1e-5, wd=0.01):
    "torch's AdamW, all parameters in one pass"
    return OptimWrapper(params, torch.optim.AdamW, lr=lr, betas=(mom, sqr_mom), eps=eps, weight_decay=wd, fused=True)

class ByteDropout(nn.Module):
    "Dropout by random bytes, of which eight are drawn at once; the rate is rounded to 1/256"
    def __init__(self, p):
        super().__init__()
        self.dropped = round(p*256)
    def forward(self, x):
        if not self.training: return x
        draw = torch.empty(-(-x.numel()//8), dtype=torch.int64).random_(-2**63, 2**63-1)
        draw = draw.view(torch.uint8)[:x.numel()].view(x.shape)
        return x*((draw>=self.dropped).to(x.dtype)*(256/(256-self.dropped)))


# knowledge

def families_of(tfs): return np.any([jaspar_family(tf) for tf in tfs], 0)

def by_cross_validation(x, y, trust=1.):
    "The penalty that tells held-out fifths apart best"
    z = (x-x.mean(0))*trust/(x.std(0)+1e-3)
    def apart(C):
        fit = LogisticRegression(C=C, max_iter=500, class_weight="balanced")
        return cross_val_score(fit, z, y, scoring="average_precision", cv=5).mean()
    return max(PENALTIES, key=apart)
