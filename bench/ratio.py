"""How many unbound regions per bound one should a head learn from? python bench/ratio.py MATRIX FOLDER

Chosen on chr15 alone; chr16 and chr22 are not read. FOLDER is that of bench/transfer.py, with its body and hits. Writes bench/ratio.csv."""
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import pandas as pd
import torch
from fastcore.script import call_parse
from sklearn.metrics import average_precision_score
from tf_transfer.matrix.states import read_matrix
from tf_transfer.matrix.splits import by_chrom, target_set
from tf_transfer.finetune.head import ridge
from transfer import FIVE, all_hits, body, features, to_choose_by

@call_parse
def main(
    matrix:str, # Binding matrix, .h5ad
    folder:str, # Where bench/transfer.py keeps its bodies and hits
    seeds:int=3, # Draws of the peaks
    out:str="bench/ratio.csv", # The table to write
):
    "A linear head on the body's features, given one, three or ten unbound regions of equal GC content per bound one."
    torch.set_num_threads(1)
    m = read_matrix(matrix)
    split = by_chrom(m, valid="chr15", test=["chr16", "chr22"])
    seen = all_hits(m, Path(folder))[1]
    five = body(m, split, seen, Path(folder), "five", FIVE)
    inner = to_choose_by(m, split)
    rows = []
    for tf in FIVE:
        for n in (50, 125, 500):
            for seed in range(seeds):
                for ratio in (1, 3, 10):
                    t = target_set(m, tf, inner, n, seed=seed, ratio=ratio)
                    index, y = np.r_[t.train.index, t.valid.index], np.r_[t.train.label, t.valid.label].astype(int)
                    coef, intercept = ridge(features(five, seen[index]), y)
                    rows.append(dict(tf=tf, n=n, seed=seed, ratio=ratio, auprc=average_precision_score(t.test.label, features(five, seen[t.test.index])@coef+intercept)))
    pd.DataFrame(rows).round(4).to_csv(out, index=False)
