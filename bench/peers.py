"""Two tools of others on the five targets of transfer.py: the same draws of peaks, the same regions, the same test.

    python bench/peers.py MATRIX FOLDER --finder PYTHON     # needs pip install gkmsvm-lite==0.1.0

gkmsvm-lite is a gapped k-mer SVM, here with the exact kernel of LS-GKM's -t 0. Its time grows with the square of the
sequences: above `--exact-most` it learns by its own approximation (Nystroem). It refuses an N, and reads an A in its
place. A model of this kernel gives each gapped word a weight; the test is scored by these, which is some hundred times
as fast as by the tool, and compared with what the tool itself says of a few sequences.
BioProspector finds motifs, and comes with gimmemotifs: PYTHON is one that has it (pip install gimmemotifs==0.18.4). It
sees 1,000 bound regions at most, the unbound ones as its background, and is asked for five motifs of each of four
widths; the motif that ranks the regions to learn from best is the one that the test is scanned with.

Tasks are done in the order of `--sizes`. Finished ones are kept in FOLDER, and the table has all that are there. What
the kernel costs, on some regions of JUND, is measured in a minute by `--cost OUT`, and nothing else is then done."""
import json
import os
import subprocess
import warnings
from datetime import date
from functools import partial
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time

import numpy as np
from common import FIVE, RESULTS, Data, commit, done_once, write_table
from draws import Draw, Known, regions_of
from fastcore.script import call_parse
from numba import njit
from sklearn.metrics import average_precision_score
from tf_transfer.genome.dna import decode
from tf_transfer.motifs.pwm import PWM

WIDTHS, MOST = (8, 10, 12, 14), 1000
FIND = """
import json, sys
from gimmemotifs.tools import get_tool
bound, unbound, *widths = sys.argv[1:]
tool = get_tool('BioProspector')
found = [tool.run(bound, dict(background=unbound, number=5, width=int(w)))[0] for w in widths]
print(json.dumps([m.ppm.tolist() for motifs in found for m in motifs]))
"""

def cpu_seconds():
    "Of this process and those it waited for"
    t = os.times()
    return t.user+t.system+t.children_user+t.children_system

def letters(data, at): return [decode(c).replace("N", "A") for c in data.m.varm["sequence"][at]]

@njit
def spread(codes, values, places, weights):
    "Add the value of each sequence to the weights of its gapped words"
    for i,seq in enumerate(codes):
        for start in range(len(seq)-places.max()):
            for p in range(len(places)):
                word = 0
                for at in places[p]: word = 4*word+seq[start+at]
                weights[p, word] += values[i]

@njit
def summed(codes, places, weights):
    "The weights of the gapped words of each sequence, added up"
    out = np.zeros(len(codes))
    for i,seq in enumerate(codes):
        for start in range(len(seq)-places.max()):
            for p in range(len(places)):
                word = 0
                for at in places[p]: word = 4*word+seq[start+at]
                out[i] += weights[p, word]
    return out

def by_words(model, x, l=11, k=7):
    "What a model of gkmsvm-lite says of one-hot sequences, (sequences, 4, length), by the weights of gapped words"
    places, weights = np.array(list(combinations(range(l), k))), np.zeros((330, 4**k))
    own = lambda seqs: np.sqrt(model.kernel._raw_diagonal(seqs, chunk_size=1000))
    support = model.support_sequences
    values = model.coefficients/own(support)
    for both in (support, support[:, ::-1, ::-1]): spread(both.argmax(1), values, places, weights)
    said = summed(x.argmax(1), places, weights)/own(x)+model.bias
    np.testing.assert_allclose(said[:20], model(x[:20]).ravel(), rtol=1e-3, atol=1e-4)
    return said

def gapped_kmers(data, k, exact_most):
    "Values of the test regions, and what was fitted"
    from gkmsvm import one_hot_encode, train_gkmsvm
    exact = len(k.y)<=exact_most
    bound, unbound = (letters(data, k.index[k.y==v]) for v in (1, 0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = train_gkmsvm(bound, unbound, device="cpu", kernel_type="gkm_cnt", l=11, k=7, d=3,
                             solver="auto" if exact else "nystrom")
    x = np.stack([one_hot_encode(s) for s in letters(data, k.test)])
    return by_words(model, x), "exact" if exact else "Nystroem"

def cost_of_kernel(data, sizes=(100, 200, 400)):
    "CPU seconds of the exact kernel between as many regions, each with each"
    from gkmsvm import one_hot_encode
    from gkmsvm.gram import compute_gram
    from gkmsvm.svm import KERNEL_BUILDERS
    kernel = KERNEL_BUILDERS["gkm_cnt"](dict(L=11, k=7, include_rc=True))
    regions = regions_of(data, Draw("JUND", 500, 0, None))["index"]
    x = np.stack([one_hot_encode(s) for s in letters(data, regions[:max(sizes)])])
    compute_gram(kernel, x[:5])   # compiled before it is timed
    for n in sizes:
        before = cpu_seconds()
        compute_gram(kernel, x[:n])
        yield dict(sequences=n, cpu_seconds=cpu_seconds()-before, commit=commit(), date=f"{date.today()}")

def motif_finder(data, k, python):
    "Values of the test regions, and the motif that was chosen"
    some = np.random.default_rng(0).permutation(np.flatnonzero(k.y==1))[:MOST]
    codes = data.m.varm["sequence"]
    with TemporaryDirectory() as folder:
        paths = [Path(folder)/f"{name}.fa" for name in ("bound", "unbound")]
        for path,at in zip(paths, (k.index[np.sort(some)], k.index[k.y==0])):
            path.write_text("".join(f">{i}\n{s}\n" for i,s in enumerate(letters(data, at))))
        env = os.environ | dict(PYTHONPATH="", XDG_CONFIG_HOME=folder)
        said = subprocess.run([python, "-c", FIND, *map(str, [*paths, *WIDTHS])], env=env, cwd=folder, check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    found = [PWM("found", np.array(p).T*len(some)) for p in json.loads(said.splitlines()[-1])]
    fits = [average_precision_score(k.y, m.best_hit(codes[k.index]).score) for m in found]
    best = found[int(np.argmax(fits))]
    return best.best_hit(codes[k.test]).score.to_numpy(), best.consensus()

def rows_of(data, task, methods):
    method, draw = task
    k, start, spent = Known(regions_of(data, draw)), time(), cpu_seconds()
    values, what = methods[method](data, k)
    learned = dict(n_bound=int(k.y.sum()), n_unbound=int((k.y==0).sum()))
    took = dict(seconds=round(time()-start, 1), cpu_seconds=round(cpu_seconds()-spent, 1))
    return [draw.columns | learned | dict(method=method, **k.scores(values), fitted=what, **took)]

def tasks_of(tfs, sizes, methods):
    "As `50:5` has it: fifty peaks, five draws"
    asked = [o.split(":") for o in sizes.split(",")]
    draws = [Draw(tf, None if n=="all" else int(n), seed, None) for n,seeds in asked for seed in range(int(seeds))
             for tf in tfs.split(",")]
    return {f"{method}_{d.name}":(method, d) for d in draws for method in methods}

@call_parse
def main(
    matrix:str, # Binding matrix, .h5ad
    folder:str, # Where finished tasks are kept
    finder:str="", # A python with gimmemotifs; no motifs are found if not given
    sizes:str="50:1,125:1,500:1,all:1,50:5,125:5,500:5", # Peaks to learn from and draws of them, in order
    tfs:str=",".join(FIVE), # Targets
    exact_most:int=5000, # Sequences up to which the SVM is exact
    only:str="", # The one method to run
    workers:int=1, # Processes
    out:str=str(RESULTS/"peers.csv"), # The table to write
    cost:str="", # Measure the kernel alone; the table to write
):
    "Other tools on the five targets."
    data = Data(matrix, folder)
    if cost: return write_table(list(cost_of_kernel(data)), cost, **data.origin)
    methods = {"gkmsvm-lite":partial(gapped_kmers, exact_most=exact_most)}
    if finder: methods["BioProspector"] = partial(motif_finder, python=finder)
    tasks = tasks_of(tfs, sizes, [m for m in methods if only in m])
    kept = data.tasks/"peers"
    done = {p.stem:None for p in sorted(kept.glob("*.json"))}
    rows = done_once(kept, done | tasks, lambda task: rows_of(data, task, methods), workers)
    write_table(rows, out, **data.origin)
