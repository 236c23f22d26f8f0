"""How good are models of sequences that others have labelled, beside a gapped k-mer SVM of another tool, and how fast?

    python bench/sequences.py FOLDER OUT.csv                     # minutes a set; needs pip install gkmsvm-lite==0.1.0
    python bench/sequences.py FOLDER OUT.csv --only tf2 --few    # and with 1, 10 and 100 sequences per class
    python bench/sequences.py FOLDER OUT.csv --times             # and the time of 1,000 + 1,000 and of scoring 10,000
    python bench/sequences.py FOLDER OUT.csv --final --regions R.fa.gz   # the test sets; and without what the body saw

FOLDER holds sets, in folders of it or not: NAME.train.csv, NAME.dev.csv and NAME.test.csv with the columns `sequence`
and `label`, or NAME.train.fa and NAME.test.fa whose headers are 1 (bound) and 0; plain or gzipped. Choices are made on
dev: without `--final` the test part is never read. Then the models are scored on dev; where a set has none, on a fifth
of train, of other groups of similar sequences. With `--final`, train and dev are learned from, and test is scored.

OUT.csv has a row for each set, method, number of sequences per class and seed; what it has already is not done again.
The scores are AUROC, AUPRC beside the prevalence, and MCC: ours at a probability of 0.5, the other tool's at a value of
0. It refuses a sequence with an N, so it reads an A in place of it; `n_seen` counts what it learned from. `fit_s` and
`score_s` are seconds of processor time on one thread. Above `--peer-most` sequences, whose matrix would take too much
memory, the other tool is not asked. R.fa.gz are the regions of the published matrix (headers
INDEX::CHROM:START-END): a test sequence that shares 31 bases, on either strand, with a region
that the released body was trained or validated on is *known*, and the scores without those stand beside the others."""
import re
import time
import warnings
from functools import partial
from pathlib import Path

from common import commit, write_table
import numpy as np
import pandas as pd
import torch
from fastcore.basics import chunked
from fastcore.script import call_parse, store_true
from tf_transfer.core import UserError
from tf_transfer.finetune.own_sequences import width_for
from tf_transfer.finetune.strategies import finetune
from tf_transfer.genome.dna import decode, encode
from tf_transfer.genome.fasta import fasta_records
from tf_transfer.matrix.sequences import read_columns, sequences_matrix
from tf_transfer.matrix.similar import sequences_target, word_numbers
from tf_transfer.matrix.splits import Labelled, Target
from tf_transfer.model.networks import at_width
from tf_transfer.model.predict import predict
from tf_transfer.model.saving import pretrained
from tf_transfer.train.callbacks import silent
from tf_transfer.train.metrics import score

SEEDS = (13, 17, 42, 123, 997)
SIZES = (1, 10, 100)
KERNELS = {"gkmsvm-lite":"gkm_cnt", "gkmsvm-lite, estimated":"gkm_esttrunc"}   # its `gkm`, and its default
WORDS = dict(l=11, k=7, d=3)
OURS = "auto"


# the data

def sets_in(folder):
    "Name of each set to its parts: train, dev and test, each a file"
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        m = re.fullmatch(r"(.+)\.(train|dev|test)\.(csv|fa)(\.gz)?", path.name)
        if m: found.setdefault(m[1], {})[m[2]] = path
    return {name:parts for name,parts in found.items() if "train" in parts}

def read(path):
    "Sequences, in capitals, and their labels"
    if ".csv" in path.suffixes:
        t = read_columns(path, ("sequence", "label"))
        return t.sequence.str.upper().tolist(), t.label.astype(int).tolist()
    records = list(fasta_records(path))
    return [seq.upper() for _,seq in records], [int(name) for name,_ in records]

def target_of(name, parts, final):
    "The sequences of a set, to learn from and to score on"
    use = dict(train="train", dev="valid", test="test") if final else dict(train="train", dev="test")
    sequences, labels, part = [], [], []
    for k in [k for k in use if k in parts]:
        seqs, y = read(parts[k])
        sequences, labels, part = sequences+seqs, labels+y, part+[use[k]]*len(y)
    if final and "test" not in part: raise UserError(f"{name} has no test set")
    m = sequences_matrix(sequences, labels, name, parts=part, what=name, **width_for(pretrained()))
    return sequences_target(m)

def drawn(target, n, seed):
    "The same test, and n sequences of either class to learn from"
    rng, train = np.random.RandomState(seed), target.train
    some = np.sort(np.concatenate([rng.choice(train.index[train.label==v], n, replace=False) for v in (0, 1)]))
    label = dict(zip(train.index, train.label))
    few = Labelled(target.m, some, np.array([label[i] for i in some], np.float32))
    none = Labelled(target.m, some[:0], few.label[:0])
    return Target(target.m, target.tf, few, none, target.test, target.split)


def known_to(body, regions, codes):
    "Which sequences share 31 bases with a region that a body was trained or validated on"
    saw, words, found = set(body.card.regions.chrom), word_numbers(codes, 31), []
    asked, chrom = np.unique(words), lambda name: name.split("::")[1].split(":")[0]
    for some in chunked((encode(seq) for name,seq in fasta_records(regions) if chrom(name) in saw), 20_000):
        found.append(np.intersect1d(word_numbers(np.stack(some), 31), asked))
    found = np.setdiff1d(np.concatenate(found), [-1])
    return np.isin(words, found).any(1)


# the methods

def ours(target, codes):
    "Probabilities of some sequences, and the seconds of processor time to learn and to score"
    body, start = at_width(pretrained(), target.m.uns["width"]), time.process_time()
    learn = finetune(target, body, "auto", watch=silent)
    fitted = time.process_time()
    return predict(learn, codes)[:, 0], fitted-start, time.process_time()-fitted

def peer(kernel, target, codes):
    "The same of gkmsvm-lite"
    from gkmsvm import one_hot_encode, train_gkmsvm
    letters = lambda some: [decode(c).replace("N", "A") for c in some]
    known, label = target.train_valid
    known, start = letters(known), time.process_time()
    bound, unbound = ([s for s,y in zip(known, label) if y==v] for v in (1, 0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = train_gkmsvm(bound, unbound, device="cpu", kernel_type=kernel, **WORDS)
    fitted = time.process_time()
    x = np.stack([one_hot_encode(seq) for seq in letters(codes)])
    values = np.concatenate([model(x[i:i+500]).ravel() for i in range(0, len(x), 500)])
    return 1/(1+np.exp(-values)), fitted-start, time.process_time()-fitted

METHODS = {OURS:ours} | {name:partial(peer, kernel) for name,kernel in KERNELS.items()}

def scored(target, method, known=None):
    "The scores of a method on the test part, and without those sequences that the body knows"
    values, fit_s, score_s = METHODS[method](target, target.test.codes)
    s, others = score(target.test.label, values, n_boot=2), {}
    if known is not None and not known.all():
        o = score(target.test.label[~known], values[~known], n_boot=2)
        others = dict(n_known=int(known.sum()), known_bound=int(target.test.label[known].sum()), auroc_others=o.auroc,
                      auprc_others=o.auprc, prevalence_others=o.prevalence, mcc_others=o.mcc)
    return dict(auroc=s.auroc, auprc=s.auprc, prevalence=s.prevalence, mcc=s.mcc, n_seen=len(target.train_valid[1]),
                n_test=len(target.test), width=target.m.uns["width"], fit_s=fit_s, score_s=score_s, **others)

def timed(target, method):
    "Seconds to learn from 1,000 + 1,000 sequences, or as many as there are, and to score 10,000"
    n = min(1000, target.train.n_pos, target.train.n_neg)
    codes = np.resize(target.test.codes, (10_000, target.m.uns["width"]))
    _, fit_s, score_s = METHODS[method](drawn(target, n, SEEDS[0]), codes)
    return dict(n_seen=2*n, n_test=len(codes), width=target.m.uns["width"], fit_s=fit_s, score_s=score_s)


# the jobs

def jobs_of(few, times):
    "Pairs: what is measured, number per class and seed"
    yield "all", "all", 0
    if few: yield from (("few", str(n), seed) for n in SIZES for seed in SEEDS)
    if times: yield "times", "1000", SEEDS[0]

def done(target, method, kind, n, seed, known=None):
    "A row of the table; one whose method refuses says why"
    try:
        if kind=="times": return timed(target, method)
        return scored(drawn(target, int(n), seed) if kind=="few" else target, method, known)
    except UserError as e: return dict(refused=str(e))

@call_parse
def main(
    folder:str, # Where the sets are
    out:str, # Table to write, or to go on with
    only:str="", # Sets whose name has this
    methods:str="auto;gkmsvm-lite", # Which to run, separated by semicolons: also `gkmsvm-lite, estimated`
    few:store_true=False, # Also with 1, 10 and 100 sequences per class, five draws each?
    times:store_true=False, # Also the time of 1,000 + 1,000 sequences, and of scoring 10,000?
    final:store_true=False, # Learn from train and dev, and score the test sets?
    regions:str="", # FASTA of the published regions: also score without the sequences that the body knows
    peer_most:int=20_000, # Sequences that the other tool is asked to learn from, at most
):
    "Learn from each set and score it."
    torch.set_num_threads(1)
    rows = pd.read_csv(out, dtype=dict(n=str)).to_dict("records") if Path(out).exists() else []
    keys = "set", "scored_on", "method", "kind", "n", "seed"
    there = {tuple(str(row[k]) for k in keys) for row in rows}
    for name,parts in sets_in(folder).items():
        if only not in name: continue
        on = "test" if final else "dev" if "dev" in parts else "part of train"
        todo = [(method, *job) for job in jobs_of(few, times) for method in methods.split(";")]
        todo = [job for job in todo if (name, on, *map(str, job)) not in there]
        target = target_of(name, parts, final) if todo else None
        known = known_to(pretrained(), regions, target.test.codes) if todo and regions else None
        for method,kind,n,seed in todo:
            if method!=OURS and kind=="all" and len(target.train_valid[1])>peer_most: continue
            row = dict(zip(keys, (name, on, method, kind, n, seed))) | done(target, method, kind, n, seed, known)
            rows.append(row | dict(commit=commit(), date=time.strftime("%Y-%m-%d")))
            print(rows[-1], flush=True)
            write_table(rows, out)
