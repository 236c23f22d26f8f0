"""Make the released model and its card: python bench/release.py MATRIX

Trained on all TFs; chr15 chooses the epoch, chr16 and chr22 test. Writes motifs-hg38.safetensors, and motifs-hg38.csv
with the scores of each TF on the test chromosomes. A model that stands there already is only scored."""
from pathlib import Path

import numpy as np
import pandas as pd
from common import splits
from fastcore.script import call_parse
from tf_transfer.core import UserError
from tf_transfer.matrix.states import AMBIGUOUS, BOUND, read_matrix, states_of
from tf_transfer.matrix.splits import gc_matched
from tf_transfer.model.networks import MotifKmerNet
from tf_transfer.model.predict import predict
from tf_transfer.model.saving import load_model, save_model
from tf_transfer.train.metrics import score
from tf_transfer.train.pretraining import pretrain

WEIGHTS = Path(__file__).parent.parent/"tf_transfer"/"weights"


def scores(m, model, chroms):
    "Each TF on chromosomes that the model has not seen: 1:1 with equal GC content, and at natural prevalence"
    index = np.flatnonzero(m.var.chrom.isin(chroms))
    probs, gc, rows = predict(model, m.varm["sequence"][index]), m.var.gc.to_numpy()[index], {}
    for i,tf in enumerate(model.card.tfs):
        states = states_of(m, tf)[index]
        bound, unbound = np.flatnonzero(states==BOUND), np.flatnonzero((states>0) & (states<AMBIGUOUS))
        matched, every = np.sort(np.r_[bound, gc_matched(bound, unbound, gc)]), np.r_[bound, unbound]
        try: a, b = (score(states[at]==BOUND, probs[at, i], n_boot=200) for at in (matched, every))
        except UserError: continue
        low, high = a.auprc_ci
        rows[tf] = dict(bound=len(bound), auprc=a.auprc, low=low, high=high, prevalence=a.prevalence,
                        natural=b.auprc, natural_prevalence=b.prevalence)
    return pd.DataFrame(rows).T.round(4).rename_axis("tf")

@call_parse
def main(
    matrix:str, # The binding matrix, .h5ad
    seed:int=0, # Seed
    epochs:int=12, # Passes over the data
    folder:str=str(WEIGHTS), # Where to write
):
    "Train on all TFs, leaving out chr15 (to choose by), chr16 and chr22 (to test on)."
    m, out = read_matrix(matrix), Path(folder)/"motifs-hg38.safetensors"
    out.parent.mkdir(exist_ok=True)
    if not out.exists():
        how = dict(wd=0.01, complete=False, bs=512, seed=seed)
        save_model(pretrain(m, splits(m)[0], None, MotifKmerNet, epochs, 2e-3, **how), out, compact=True)
    model = load_model(out)
    scores(m, model, model.card.test_chroms).to_csv(out.with_suffix(".csv"))
