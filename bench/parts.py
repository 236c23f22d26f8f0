"""Is `auto` ever worse than its own parts, or than what one would use instead?

    python bench/parts.py FOLDER OUT.csv                        # an hour; FOLDER as for bench/sequences.py
    python bench/parts.py FOLDER OUT.csv --sizes 1,3,30 --only-auto   # only against weighed sources

Training parts alone are read. A fifth of each, of other groups of similar sequences, is scored; from the others
some are drawn: as many of either class as `--sizes` says. `weighed` is `auto` as it is with a hundred sequences or
more, with fewer too; `body` a logistic regression on the features; `outputs` the one of the body's outputs that is
nearest. The others are the baselines of `tft-fit`. OUT.csv has a row for each set, size, seed and method: AUPRC
beside the prevalence, AUROC, and for models MCC at a probability of 0.5. What it has already is not done again."""
import time
import warnings
from pathlib import Path
from unittest.mock import patch

from common import commit, write_table
import numpy as np
import pandas as pd
import torch
from fastcore.script import call_parse, store_true
from sequences import drawn, read, sets_in
from tf_transfer.core import UserError
from tf_transfer.finetune import auto
from tf_transfer.finetune.baselines import baseline_values
from tf_transfer.finetune.fitted import nearest_output
from tf_transfer.finetune.own_sequences import width_for
from tf_transfer.finetune.strategies import finetune
from tf_transfer.matrix.sequences import sequences_matrix
from tf_transfer.matrix.similar import sequences_target
from tf_transfer.model.networks import at_width
from tf_transfer.model.predict import predict
from tf_transfer.model.saving import pretrained
from tf_transfer.train.callbacks import silent
from tf_transfer.train.metrics import score


def target_of(name, path, most):
    "So many training sequences of a set at most, each once; a fifth of them to test on"
    t = pd.DataFrame(dict(zip(("sequence", "label"), read(path)))).drop_duplicates("sequence")
    t = t.sample(min(most, len(t)), random_state=0)
    return sequences_target(sequences_matrix(t.sequence.tolist(), t.label.tolist(), "TF", what=name,
                                             **width_for(pretrained())))

def of_net(target, body, strategy):
    return predict(finetune(target, body, strategy, watch=silent), target.test.codes)[:, 0]

def values_of(target, only_auto):
    "Name of each method, and what it says of the test sequences"
    body = at_width(pretrained(), target.m.uns["width"])
    yield "auto", of_net(target, body, "auto")
    if len(target.train_valid[1])<auto.FEW:
        with patch.object(auto, "FEW", 0): yield "weighed", of_net(target, body, "auto")
    if only_auto: return
    yield "body", of_net(target, body, "probe")
    out = body.card.tfs.index(nearest_output(body, target))
    yield "outputs", predict(body, target.test.codes)[:, out]
    try: yield from baseline_values(target)
    except UserError as e: print(f"{target}: {e}", flush=True)

def rows_of(target, only_auto):
    for method,values in values_of(target, only_auto):
        s = score(target.test.label, values, n_boot=2)
        yield dict(method=method, auprc=s.auprc, prevalence=s.prevalence, auroc=s.auroc,
                   mcc=s.mcc if method in ("auto", "weighed", "body") else np.nan,
                   n_seen=len(target.train_valid[1]), n_test=len(target.test))

@call_parse
def main(
    folder:str, # Where the sets are
    out:str, # Table to write, or to go on with
    sizes:str="10,100,1000", # Sequences of either class to learn from; all: every one that is not scored
    seeds:int=3, # Draws of each size; one of 1,000 and of all
    only:str="", # Sets whose name has this
    most:int=6000, # Sequences of a set, at most
    only_auto:store_true=False, # Only `auto` and `weighed`?
):
    "Score `auto` beside its parts on training sequences alone."
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    rows = pd.read_csv(out, dtype=dict(n=str)).to_dict("records") if Path(out).exists() else []
    there = {(r["set"], r["n"], r["seed"]) for r in rows}
    targets = {name:target_of(name, parts["train"], most) for name,parts in sets_in(folder).items() if only in name}
    for n in sizes.split(","):
        for name,target in targets.items():
            for seed in range(seeds if n!="all" and int(n)<1000 else 1):
                if (name, n, seed) in there: continue
                if n!="all" and int(n)>min(target.train.n_pos, target.train.n_neg): continue
                some = target if n=="all" else drawn(target, int(n), seed)
                here = [dict(set=name, n=n, seed=seed) | row for row in rows_of(some, only_auto)]
                rows += [row | dict(commit=commit(), date=time.strftime("%Y-%m-%d")) for row in here]
                write_table(rows, out)
