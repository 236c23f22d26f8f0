"""The constants of `auto` and of its body, chosen on chr15 alone; chr16 and chr22 are not read.

    python bench/choose.py ratio MATRIX FOLDER     # unbound regions per bound one that a head learns from
    python bench/choose.py penalty MATRIX FOLDER   # of the head, and how far to trust a motif found in the peaks
    python bench/choose.py epochs MATRIX FOLDER    # of pre-training
    python bench/choose.py words MATRIX FOLDER     # do words add to motifs?

FOLDER is that of bench/transfer.py, with its networks; those that it lacks are trained."""
from dataclasses import replace
from itertools import product

import numpy as np
from common import (EPOCHS, FIVE, PENALTIES, RESULTS, Body, Data, by_cross_validation, done_once, families_of,
                    write_table)
from draws import Draw, known
from fastcore.script import call_parse
from sklearn.metrics import average_precision_score
from tf_transfer.core import UserError, pick
from tf_transfer.motifs.pwm import jaspar_family
from tf_transfer.matrix.splits import target_set
from tf_transfer.model.networks import MotifKmerNet, MotifNet
from tf_transfer.finetune.head import ridge
from tf_transfer.finetune.auto import TRUST


# ratio: a linear head on the body's features, given one, three or ten unbound regions of equal GC content per bound one

def ratio_draws(data, seeds):
    return [Draw(tf, n, seed, jaspar_family(tf), dict(any={"":Body("five")}))
            for tf in FIVE for n in (50, 125, 500) for seed in range(seeds or 3)]

def ratio(data, draw):
    rows = []
    for n in (1, 3, 10):
        target = target_set(data.m, draw.tf, data.split, draw.n_peaks, seed=draw.seed, ratio=n)
        index = np.r_[target.train.index, target.valid.index]
        z, zt = data.features(draw.bodies["any"][""], index, target.test.index)
        coef, intercept = ridge(z, target.train_valid[1].astype(int))
        auprc = average_precision_score(target.test.label, zt@coef+intercept)
        rows.append(dict(tf=draw.tf, n_peaks=draw.n_peaks, seed=draw.seed, ratio=n, auprc=auprc))
    return rows


# penalty: for each way to set it, and each trust in the found motif, `auto`, and the body alone

def penalty_draws(data, seeds):
    "The five targets, and thirty further TFs"
    for n,seed,tf in product((50, 500), range(seeds or 2), FIVE):
        bodies = dict(any={"":Body("five")}, withheld={"":Body(f"five without {tf}", withheld=jaspar_family(tf))})
        yield Draw(tf, n, seed, jaspar_family(tf), bodies)
    for i,group in enumerate(data.further()):
        withheld = families_of(group)
        bodies = dict(any={"":Body(f"further {i+1}", group)},
                      withheld={"":Body(f"further {i+1} without families", group, withheld)})
        for n,tf in product((50, 500), group): yield Draw(tf, n, 0, withheld, bodies)

def penalty(data, draw):
    for k,kind,_,body,said,speak in _heard(data, draw):
        x, xt = data.features(body, k.index, k.matched)
        both, both_t = (np.c_[z, np.stack(list(of.values()), 1)] for z,of in ((x, said), (xt, speak)))
        for found in (4, 6, 8):
            weight = np.r_[np.full(x.shape[1], TRUST["body"]), [(TRUST | dict(found=found))[s] for s in said]]
            for method,a,b,w in (("auto", both, both_t, weight), ("probe", x, xt, np.ones(x.shape[1]))):
                if method=="probe" and found!=6: continue
                ways = {f"{C:g}":C for C in (3e-4, *PENALTIES)}
                for way,C in (ways | {"by cross-validation":by_cross_validation(a, k.y, w)}).items():
                    auprc = average_precision_score(k.label, b@ridge(a, k.y, w, C)[0])
                    of = dict(knowledge=kind, method=method, found=found, penalty=way, C=C, auprc=auprc)
                    yield _columns(draw) | of


# epochs: `probe` and `auto` on bodies of fewer and more

def epochs_draws(data, seeds):
    def trained(body, n): return body if n==EPOCHS else replace(body, name=f"{body.name}, {n} epochs", epochs=n)
    for draw in penalty_draws(data, seeds):
        some = (6, 12, 24) if draw.tf in FIVE else (6, 12)
        several = {kind:{n:trained(of[""], n) for n in some} for kind,of in draw.bodies.items()}
        yield replace(draw, bodies=several)

def epochs(data, draw):
    for k,kind,_,body,said,speak in _heard(data, draw):
        for method,auprc in _ways(data, body, k, said, speak).items():
            yield _columns(draw) | dict(knowledge=kind, epochs=body.epochs, method=method, auprc=auprc)


# words: `probe` and `auto` on bodies of motifs alone, and of motifs and words

def forgetful(n_tfs, width, motifs):
    "Motifs alone, with the dropout of a network of words: the control"
    net = MotifNet(n_tfs, width, motifs)
    for layer,p in zip((net.dense[0], net.dense[1][3], net.dense[2][3]), MotifKmerNet.dropout): layer.p = p
    return net

KINDS = {"motifs":("five, motifs", MotifNet), "motifs, more dropout":("five, motifs, more dropout", forgetful),
         "motifs and words":("five", MotifKmerNet)}

def words_draws(data, seeds):
    bodies = {(kind, seed):Body(name+(f", seed {seed}" if seed else ""), seed=seed, arch=arch)
              for seed in range(seeds or 2) for kind,(name,arch) in KINDS.items()}
    for n,draw in ((None, 0), *product((50, 125, 500), (0, 1))):
        for tf in FIVE: yield Draw(tf, n, draw, jaspar_family(tf), dict(any=bodies))

def words(data, draw):
    for k,_,(kind,seed),body,said,speak in _heard(data, draw):
        for method,auprc in _ways(data, body, k, said, speak).items():
            yield dict(tf=draw.tf, n_peaks=draw.n_peaks or "all", draw=draw.seed, body=kind, seed=seed, method=method,
                       auprc=auprc, prevalence=k.label.mean())


def _columns(draw): return dict(tf=draw.tf, n_peaks=draw.n_peaks or "all", seed=draw.seed)

def _heard(data, draw):
    "For each body: what is known of the draw, and what the sources say of the training regions and of chr15"
    k = known(data, draw)
    for kind,bodies in draw.bodies.items():
        _, said, speak = k.knowledge(kind, "matched")
        for called,body in bodies.items(): yield k, kind, called, body, said, speak

def _ways(data, body, k, said, speak):
    "AUPRC of `probe` and `auto`"
    x, xt = data.features(body, k.index, k.matched)
    probe, auto = xt@ridge(x, k.y)[0], data.auto(body, k, said)(k.matched, speak)
    return dict(probe=average_precision_score(k.label, probe), auto=average_precision_score(k.label, auto))

def rows_of(way, data, draw):
    "None where a TF has too few peaks"
    try: return list(way(data, draw))
    except UserError: return []

QUESTIONS = dict(ratio=(ratio_draws, ratio), penalty=(penalty_draws, penalty), epochs=(epochs_draws, epochs),
                 words=(words_draws, words))

@call_parse
def main(
    question:str, # ratio, penalty, epochs or words
    matrix:str, # Binding matrix, .h5ad
    folder:str, # Where bench/transfer.py keeps its networks
    workers:int=2, # Processes
    seeds:int=None, # Draws of the peaks; for words, networks of each kind
    out:str=None, # The table to write; results/QUESTION.csv if not given
):
    "Choose by what chr15 shows."
    pick([question], QUESTIONS, "question", "bench/choose.py")
    draws_of, way = QUESTIONS[question]
    data = Data(matrix, folder)
    draws = list(draws_of(data, seeds))
    data.train(draws, workers)
    data = data.to_choose_by()
    tasks = {draw.name:draw for draw in draws}
    rows = done_once(data.tasks/question, tasks, lambda draw: rows_of(way, data, draw), workers)
    write_table(rows, out or RESULTS/f"{question}.csv", **data.origin)
