"""Make the released model and its card: python bench/release.py MATRIX

Writes tf_transfer/weights/motifs-hg38.safetensors and motifs-hg38.csv, the scores of each TF on the test chromosomes."""
from pathlib import Path

import numpy as np
import pandas as pd
from fastcore.script import call_parse
from tf_transfer.commands.models import tft_pretrain
from tf_transfer.core import UserError
from tf_transfer.matrix.states import AMBIGUOUS, BOUND, read_matrix, states_of
from tf_transfer.train.metrics import score
from tf_transfer.model.networks import MotifKmerNet
from tf_transfer.matrix.splits import gc_matched
from tf_transfer.model.saving import load_model
from tf_transfer.model.predict import predict

WEIGHTS = Path(__file__).parent.parent/"tf_transfer"/"weights"

def scores(m, model, chroms):
    "Each TF on chromosomes that the model has not seen: 1:1 with equal GC content, and at natural prevalence"
    index = np.flatnonzero(m.var.chrom.isin(chroms))
    probs = predict(model, m.varm["sequence"][index])
    rows = {}
    for i,tf in enumerate(model.card.tfs):
        states = states_of(m, tf)[index]
        bound, unbound = np.flatnonzero(states==BOUND), np.flatnonzero((states>0) & (states<AMBIGUOUS))
        some = np.sort(np.r_[bound, gc_matched(bound, unbound, m.var.gc.to_numpy()[index])])
        known = np.r_[bound, unbound]
        try: a, b = (score(states[o]==BOUND, probs[o, i], n_boot=200) for o in (some, known))
        except UserError: continue
        rows[tf] = dict(bound=len(bound), auprc=a.auprc, low=a.auprc_ci[0], high=a.auprc_ci[1], prevalence=a.prevalence, natural=b.auprc, natural_prevalence=b.prevalence)
    return pd.DataFrame(rows).T.round(4).rename_axis("tf")

@call_parse
def main(
    matrix:str, # The binding matrix, .h5ad
    seed:int=0, # Seed
):
    "Train on all TFs, leaving out chr15 (to choose by), chr16 and chr22 (to test on)."
    WEIGHTS.mkdir(exist_ok=True)
    out = WEIGHTS/"motifs-hg38.safetensors"
    if not out.exists():
        tft_pretrain(matrix, str(out), arch=MotifKmerNet.__name__, labels="masked", epochs=12, lr=2e-3, wd=0.01, one_cycle=True, batch_size=512,
                     valid_chroms="chr15", test_chroms="chr16,chr22", compact=True, seed=seed)
    model = load_model(out)
    scores(read_matrix(matrix), model, model.card.test_chroms).to_csv(out.with_suffix(".csv"))
