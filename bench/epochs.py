"""How long to pre-train? python bench/epochs.py MATRIX 6=FOLDER 12=FOLDER

Each FOLDER is that of bench/transfer.py, with bodies of so many epochs. Judged on chr15 alone, over the five targets and thirty further TFs; chr16 and chr22 are not read. Writes bench/epochs.csv."""
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import pandas as pd
import torch
from fastcore.script import call_parse
from sklearn.metrics import average_precision_score
from tf_transfer.core import UserError
from tf_transfer.few import RATIO, weigh
from tf_transfer.matrix import read_matrix
from tf_transfer.saving import load_model
from tf_transfer.splits import Split, by_chrom
from tf_transfer.strategies import ridge
from transfer import COMMIT, all_hits, features, task_data
from penalty import evidence, tasks

def rows(e, x, xt, knowledge):
    "AUPRC of `probe` and `auto` on chr15"
    y, names, said, sp = e["y"], *(e[f"{knowledge}_{k}"] for k in ("names", "said", "sp"))
    yield "probe", average_precision_score(e["yt"], xt@ridge(x, y)[0])
    yield "auto", average_precision_score(e["yt"], np.c_[xt, sp]@weigh(x, dict(zip(names, said.T)), y)[0])

@call_parse
def main(
    matrix:str, # Binding matrix, .h5ad
    *folders:str, # Epochs and folder, as 6=FOLDER; the first holds what bench/penalty.py found
    out:str="bench/epochs.csv", # The table to write
):
    "Bodies of more and fewer epochs, by what chr15 shows."
    torch.set_num_threads(1)
    folders = {int(n):Path(p) for n,p in (f.split("=", 1) for f in folders)}
    first = next(iter(folders.values()))
    m = read_matrix(matrix)
    split = by_chrom(m, valid="chr15", test=["chr16", "chr22"])
    chosen_on = m.var.chrom.iloc[split.train].astype(str).to_numpy()=="chr14"
    inner, (hits, sums), found = Split(split.train[~chosen_on], split.train[chosen_on], split.valid), all_hits(m, first), []
    for tf,n,seed,bodies,unknown in tasks(m, split):
        try: e = evidence(m, inner, hits, sums, first, tf, n, seed, bodies, unknown)
        except UserError: continue
        index, _, test, _, _ = task_data(m, inner, tf, n, seed, False, RATIO)
        for knowledge in ("any", "withheld"):
            usable = np.flatnonzero(~unknown) if knowledge=="withheld" else np.arange(sums.shape[1])
            for epochs,folder in folders.items():
                net = load_model(folder/f"{bodies[knowledge]}.safetensors")
                x, xt = (features(net, sums[i][:, usable]) for i in (index, test.index))
                found += [dict(tf=tf, n=n, seed=seed, knowledge=knowledge, epochs=epochs, method=method, auprc=a, commit=COMMIT) for method,a in rows(e, x, xt, knowledge)]
    pd.DataFrame(found).round(4).to_csv(out, index=False)
