"""What do words add to motifs? python bench/kmers.py MATRIX FOLDER [--workers 2]

Bodies of motifs alone, and of motifs and words, on the same TFs, judged on chr15 over the five targets and thirty further TFs; chr16 and chr22 are not read. FOLDER is that of bench/transfer.py, with its bodies and hits; those that it lacks are trained. Writes bench/kmers.csv."""
import os
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import pandas as pd
import torch
from fastcore.script import call_parse
from sklearn.metrics import average_precision_score
from tf_transfer.core import UserError
from tf_transfer.few import trust
from tf_transfer.matrix import read_matrix
from tf_transfer.models import MotifKmerNet, MotifNet
from tf_transfer.splits import by_chrom
from tf_transfer.strategies import ridge
from transfer import COMMIT, FIVE, all_hits, body, family, plan, to_choose_by
from penalty import evidence, heard, tasks

def forgetful(n_tfs, width, motifs):
    "Motifs alone, with the dropout of a network of words: the control"
    net = MotifNet(n_tfs, width, motifs)
    for layer,p in zip((net.dense[0], net.dense[1][3], net.dense[2][3]), MotifKmerNet.dropout): layer.p = p
    return net

KINDS = {"motifs and words":("", MotifKmerNet), "motifs":(", motifs", MotifNet), "motifs, more dropout":(", motifs, more dropout", forgetful)}

def bodies_of(m, split):
    "Name of each body, and how it is trained: those of bench/transfer.py with and without words; three seeds for the five targets"
    for name,(absent,withheld,shuffled) in plan(m, split, False)[0].items():
        if not shuffled:
            for kind in ("motifs and words", "motifs"): yield kind, name, 0, absent, withheld
    for kind,seed in (("motifs, more dropout", 0), *((k, s) for k in ("motifs and words", "motifs") for s in (1, 2))): yield kind, "five", seed, FIVE, None

def file_of(kind, name, seed): return f"{name}{KINDS[kind][0]}{f', seed {seed}' if seed else ''}"

def _body(job):
    m, split, seen, folder = SHARED
    kind, name, seed, absent, withheld = job
    body(m, split, seen, folder, file_of(kind, name, seed), absent, withheld, seed=seed, arch=KINDS[kind][1])

def rows(e, seen, folder, bodies, kind, trained, **row):
    "AUPRC of `probe` and `auto` on chr15, with the trust in the k-mers of the peaks that grows with their number, and with one for all"
    y, yt = e["y"], e["yt"]
    bodies = {k:file_of(kind, b, trained) for k,b in bodies.items() if (folder/f"{file_of(kind, b, trained)}.safetensors").exists()}
    for knowledge,x,xt,names,said,speak in heard(e, seen, folder, bodies):
        say = lambda method, values, words: row | dict(kind=kind, body=trained, knowledge=knowledge, method=method, words=words, auprc=average_precision_score(yt, values), commit=COMMIT)
        yield say("probe", xt@ridge(x, y)[0], "")
        for label,words in (("grows", {}), ("4", dict(words=4))):
            of = trust(int(y.sum())) | words
            weight = np.r_[np.full(x.shape[1], of["body"]), [of[k] for k in names]]
            yield say("auto", np.c_[xt, speak]@ridge(np.c_[x, said], y, weight)[0], label)

def all_tasks(m, split):
    "Those of bench/penalty.py, and for the five targets also 125 peaks, and all"
    both = lambda tf: {"any":"five", "withheld":f"five without {tf}"}
    yield from ((tf, None, 0, both(tf), family(tf)) for tf in FIVE)
    yield from tasks(m, split)
    yield from ((tf, 125, seed, both(tf), family(tf)) for seed in (0, 1) for tf in FIVE)

def _task(job):
    m, inner, hits, seen, folder = SHARED
    tf, n, seed, bodies, unknown = job
    try: e = evidence(m, inner, hits, folder, tf, n, seed, unknown)
    except UserError: return []
    return [r for kind in KINDS for b in range(3) for r in rows(e, seen, folder, bodies, kind, b, tf=tf, n=n or "all", seed=seed)]

@call_parse
def main(
    matrix:str, # Binding matrix, .h5ad
    folder:str, # Where bench/transfer.py keeps its bodies and hits
    workers:int=2, # Processes
    out:str="bench/kmers.csv", # The table to write
):
    "Bodies with and without words, by what chr15 shows."
    global SHARED
    torch.set_num_threads(1)
    folder = Path(folder)
    m = read_matrix(matrix)
    split = by_chrom(m, valid="chr15", test=["chr16", "chr22"])
    hits, seen = all_hits(m, folder)
    SHARED = m, split, seen, folder
    with get_context("fork").Pool(workers) as pool: pool.map(_body, bodies_of(m, split), chunksize=1)
    SHARED = m, to_choose_by(m, split), hits, seen, folder
    with get_context("fork").Pool(workers) as pool: found = pool.map(_task, all_tasks(m, split), chunksize=1)
    pd.DataFrame([r for rows in found for r in rows]).round(4).to_csv(out, index=False)
