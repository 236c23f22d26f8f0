"""How strong a penalty, and how far to trust a motif that was found in the peaks? python bench/penalty.py MATRIX FOLDER [--workers 2]

Chosen on chr15 alone, over the five targets and thirty further TFs; chr16 and chr22 are not read. FOLDER is that of bench/transfer.py, with its bodies and hits. Writes bench/penalty.csv."""
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
from tf_transfer.finetune.auto import RATIO, TRUST
from tf_transfer.matrix.states import read_matrix
from tf_transfer.model.saving import load_model
from tf_transfer.matrix.splits import by_chrom
from tf_transfer.finetune.head import ridge
from transfer import FIVE, PENALTIES, all_hits, asked, by_cross_validation, family, features, further, task_data, to_choose_by

def evidence(m, inner, hits, folder, tf, n, seed, unknown):
    "Training regions and those of chr15, and what the sources say of both (of the first out of fold); kept in the folder"
    path = folder/"penalty"/f"{tf}_{n}_{seed}.npz"
    if path.exists(): return np.load(path)
    index, y, test, _, _ = task_data(m, inner, tf, n, seed, False, RATIO)
    kept = dict(index=index, y=y, test=test.index, yt=test.label)
    for knowledge,usable,said,speak in asked(m.varm["sequence"][index], test.codes, y, hits[index], hits[test.index], tf, unknown):
        kept |= {f"{knowledge}_{k}":v for k,v in dict(usable=usable, names=list(said), said=np.stack(list(said.values()), 1), speak=np.stack(list(speak.values()), 1)).items()}
    path.parent.mkdir(exist_ok=True)
    np.savez(path, **kept)
    return np.load(path)

def heard(e, seen, folder, bodies):
    "For each kind of knowledge: what the body sees in the training regions and in those of chr15, and what the sources say"
    for knowledge,body in bodies.items():
        usable, names, said, speak = (e[f"{knowledge}_{k}"] for k in ("usable", "names", "said", "speak"))
        net = load_model(folder/f"{body}.safetensors")
        x, xt = (features(net, seen[e[k]], usable) for k in ("index", "test"))
        yield knowledge, x, xt, names, said, speak

def rows(e, seen, folder, bodies, **row):
    "AUPRC of `auto` for each way to set the penalty and each trust in the found motif, and of the body alone"
    y, yt = e["y"], e["yt"]
    for knowledge,x,xt,names,said,speak in heard(e, seen, folder, bodies):
        both, both_t = np.c_[x, said], np.c_[xt, speak]
        for found in (4, 6, 8):
            weight = np.r_[np.full(x.shape[1], TRUST["body"]), [(TRUST | dict(found=found))[k] for k in names]]
            for method,a,b,w in (("auto", both, both_t, weight), *[("probe", x, xt, np.ones(x.shape[1]))]*(found==6)):
                ways = {f"{C:g}":C for C in (3e-4, *PENALTIES)} | {"by cross-validation":by_cross_validation(a, y, w)}
                for way,C in ways.items(): yield row | dict(knowledge=knowledge, method=method, found=found, penalty=way, C=C, auprc=average_precision_score(yt, b@ridge(a, y, w, C)[0]))

def tasks(m, split):
    "Target, positives, seed, the bodies without it, and the profiles to withhold"
    for n in (50, 500):
        for seed in (0, 1):
            for tf in FIVE: yield tf, n, seed, {"any":"five", "withheld":f"five without {tf}"}, family(tf)
    for i,group in enumerate(further(m, split)):
        bodies, unknown = {"any":f"further {i+1}", "withheld":f"further {i+1} without families"}, np.any([family(tf) for tf in group], 0)
        for n in (50, 500):
            for tf in group: yield tf, n, 0, bodies, unknown

def _task(job):
    m, inner, hits, seen, folder = SHARED
    tf, n, seed, bodies, unknown = job
    try: return list(rows(evidence(m, inner, hits, folder, tf, n, seed, unknown), seen, folder, bodies, tf=tf, n=n, seed=seed))
    except UserError: return []

@call_parse
def main(
    matrix:str, # Binding matrix, .h5ad
    folder:str, # Where bench/transfer.py keeps its bodies and hits
    workers:int=2, # Processes
    out:str="bench/penalty.csv", # The table to write
):
    "Penalties and trust, by what chr15 shows."
    global SHARED
    torch.set_num_threads(1)
    folder = Path(folder)
    m = read_matrix(matrix)
    split = by_chrom(m, valid="chr15", test=["chr16", "chr22"])
    SHARED = m, to_choose_by(m, split), *all_hits(m, folder), folder
    with get_context("fork").Pool(workers) as pool: found = pool.map(_task, tasks(m, split), chunksize=1)
    pd.DataFrame([r for rows in found for r in rows]).round(4).to_csv(out, index=False)
