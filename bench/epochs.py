"""How long to pre-train? python bench/epochs.py MATRIX 12=FOLDER 24=FOLDER [--workers 2]

Each FOLDER is that of bench/transfer.py, with bodies of so many epochs; what needs a body that it lacks is left out. Judged on chr15 alone, over the five targets and thirty further TFs; chr16 and chr22 are not read. Writes bench/epochs.csv, where rows of other epochs stay as they are."""
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
from tf_transfer.finetune.auto import weigh
from tf_transfer.matrix.states import read_matrix
from tf_transfer.matrix.splits import by_chrom
from tf_transfer.finetune.head import ridge
from transfer import COMMIT, all_hits, to_choose_by
from penalty import evidence, heard, tasks

def rows(e, seen, folder, bodies, **row):
    "AUPRC of `probe` and `auto` on chr15"
    for knowledge,x,xt,names,said,speak in heard(e, seen, folder, bodies):
        ways = dict(probe=xt@ridge(x, e["y"])[0], auto=np.c_[xt, speak]@weigh(x, dict(zip(names, said.T)), e["y"])[0])
        for method,values in ways.items(): yield row | dict(knowledge=knowledge, method=method, auprc=average_precision_score(e["yt"], values), commit=COMMIT)

def _task(job):
    m, inner, hits, seen, folders = SHARED
    tf, n, seed, bodies, unknown = job
    trained = {epochs:(folder, {k:b for k,b in bodies.items() if (folder/f"{b}.safetensors").exists()}) for epochs,folder in folders.items()}
    if not any(b for _,b in trained.values()): return []
    try: e = evidence(m, inner, hits, next(iter(folders.values())), tf, n, seed, unknown)
    except UserError: return []
    return [r for epochs,(folder,b) in trained.items() for r in rows(e, seen, folder, b, tf=tf, n=n, seed=seed, epochs=epochs)]

@call_parse
def main(
    matrix:str, # Binding matrix, .h5ad
    *folders:str, # Epochs and folder, as 12=FOLDER; hits and what the sources say are kept in the first
    workers:int=2, # Processes
    out:str="bench/epochs.csv", # The table to write
):
    "Bodies of more and fewer epochs, by what chr15 shows."
    global SHARED
    torch.set_num_threads(1)
    folders = {int(n):Path(p) for n,p in (f.split("=", 1) for f in folders)}
    m = read_matrix(matrix)
    split = by_chrom(m, valid="chr15", test=["chr16", "chr22"])
    SHARED = m, to_choose_by(m, split), *all_hits(m, next(iter(folders.values()))), folders
    with get_context("fork").Pool(workers) as pool: found = pool.map(_task, tasks(m, split), chunksize=1)
    made = pd.DataFrame([r for rows in found for r in rows]).round(4)
    earlier = [t[~t.epochs.isin(folders)] for t in ([pd.read_csv(out)] if Path(out).exists() else [])]
    pd.concat([*earlier, made]).to_csv(out, index=False)
