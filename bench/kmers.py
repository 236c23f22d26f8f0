"""What do words add to motifs? python bench/kmers.py MATRIX FOLDER [--workers 2]

Bodies of motifs alone, and of motifs and words, for the five targets, with any knowledge, judged on chr15; chr16 and chr22 are not read. FOLDER is that of bench/transfer.py, with its bodies and hits; bodies that it lacks are trained. Writes bench/kmers.csv."""
import os
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import pandas as pd
import torch
from fastcore.script import call_parse
from sklearn.metrics import average_precision_score
from tf_transfer.finetune.auto import weigh
from tf_transfer.matrix.states import read_matrix
from tf_transfer.model.networks import MotifKmerNet, MotifNet
from tf_transfer.matrix.splits import by_chrom
from tf_transfer.finetune.head import ridge
from transfer import COMMIT, FIVE, all_hits, body, family, to_choose_by
from penalty import evidence, heard

def forgetful(n_tfs, width, motifs):
    "Motifs alone, with the dropout of a network of words: the control"
    net = MotifNet(n_tfs, width, motifs)
    for layer,p in zip((net.dense[0], net.dense[1][3], net.dense[2][3]), MotifKmerNet.dropout): layer.p = p
    return net

KINDS = {"motifs":("five, motifs", MotifNet), "motifs, more dropout":("five, motifs, more dropout", forgetful), "motifs and words":("five", MotifKmerNet)}

def named(kind, trained): return KINDS[kind][0]+(f", seed {trained}" if trained else "")

def _body(job):
    m, split, seen, folder = SHARED
    kind, trained = job
    body(m, split, seen, folder, named(kind, trained), FIVE, seed=trained, arch=KINDS[kind][1])

def _task(job):
    "AUPRC of `probe` and `auto` on chr15, with each body"
    m, inner, hits, seen, folder, seeds = SHARED
    tf, n, draw = job
    e, rows = evidence(m, inner, hits, folder, tf, n, draw, family(tf)), []
    for kind in KINDS:
        for trained in range(seeds):
            for _,x,xt,names,said,speak in heard(e, seen, folder, {"any":named(kind, trained)}):
                ways = dict(probe=xt@ridge(x, e["y"])[0], auto=np.c_[xt, speak]@weigh(x, dict(zip(names, said.T)), e["y"])[0])
                rows += [dict(tf=tf, n=n or "all", draw=draw, body=kind, seed=trained, method=method, auprc=average_precision_score(e["yt"], values), prevalence=e["yt"].mean(), commit=COMMIT) for method,values in ways.items()]
    return rows

@call_parse
def main(
    matrix:str, # Binding matrix, .h5ad
    folder:str, # Where bench/transfer.py keeps its bodies and hits
    workers:int=2, # Processes
    seeds:int=1, # Bodies of each kind
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
    with get_context("fork").Pool(workers) as pool: pool.map(_body, [(kind, trained) for trained in range(seeds) for kind in KINDS], chunksize=1)
    SHARED = m, to_choose_by(m, split), hits, seen, folder, seeds
    tasks = [(tf, None, 0) for tf in FIVE]+[(tf, n, draw) for n in (50, 125, 500) for draw in (0, 1) for tf in FIVE]
    with get_context("fork").Pool(workers) as pool: found = pool.map(_task, tasks, chunksize=1)
    pd.DataFrame([r for rows in found for r in rows]).round(4).to_csv(out, index=False)
