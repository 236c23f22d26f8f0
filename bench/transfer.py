"""Every method on real data, on chromosomes that none of them has seen: python bench/transfer.py MATRIX FOLDER

Networks, what is known of each draw of peaks, and finished tasks are kept in FOLDER and not repeated."""
from time import time

import numpy as np
from common import FIVE, RESULTS, Body, Data, by_cross_validation, done_once, families_of, write_table
from draws import Draw, known
from fastcore.script import call_parse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import LinearSVC
from tf_transfer.motifs.kmers import gapped_counts
from tf_transfer.motifs.pwm import jaspar_family
from tf_transfer.finetune.head import ridge
from tf_transfer.finetune.auto import RATIO
from tf_transfer.finetune.sources import out_of_fold


def both_ways(estimator, x, y, test):
    "What a method says of the training regions, out of fold, and of the test regions"
    return out_of_fold(estimator, x, y), estimator.fit(x, y).decision_function(test)

def chosen(estimator, grid, x, y):
    "With its penalty chosen by cross-validation, on 2,000 regions at most"
    some = np.random.default_rng(0).permutation(len(y))[:2000]
    search = GridSearchCV(estimator, grid, scoring="average_precision", cv=3, refit=False).fit(x[some], y[some])
    return clone(estimator).set_params(**search.best_params_)

def balanced(**kwargs): return LogisticRegression(class_weight="balanced", **kwargs)

def simple(data, draw):
    "What a user would pick instead of a network"
    k, start = known(data, draw), time()
    row = lambda kind, method, values: _row(draw, k, start, kind, method, values)
    kmers = lambda at: Normalizer().fit_transform(gapped_counts(data.m.varm["sequence"][at]))
    x, xt = kmers(k.index), kmers(k.test)
    svm = both_ways(chosen(LinearSVC(class_weight="balanced"), dict(C=[0.1, 1, 10]), x, k.y), x, k.y, xt)
    names = dict(profile="own profile", nearest="best JASPAR profile", found="de novo motif")
    rows = []
    for kind in ("any", "withheld"):
        usable, said, speak = k.knowledge(kind)
        single = {names[s]:(said[s], speak[s]) for s in names if s in said} | {"gapped k-mer SVM":svm}
        h, ht = (data.hits[at][:, usable].astype(np.float32) for at in (k.index, k.test))
        grid = dict(logisticregression__C=[1e-4, 1e-3, 1e-2, 1e-1])
        regression = chosen(make_pipeline(StandardScaler(), balanced(max_iter=500)), grid, h, k.y)
        single["regression on JASPAR hits"] = both_ways(regression, h, k.y, ht)
        x, xt = (np.stack([values[i] for values in single.values()], 1) for i in (0, 1))
        stack = make_pipeline(StandardScaler(), balanced()).fit(x, k.y).decision_function(xt)
        rows += [row(kind, method, values) for method,(_,values) in single.items()]+[row(kind, "these, stacked", stack)]
    return rows

def networks(data, draw):
    "`probe` and `auto`, on each body"
    k, start, rows = known(data, draw), time(), []
    for kind,bodies in draw.bodies.items():
        _, said, speak = k.knowledge(kind)
        for called,body in bodies.items():
            z, zt = data.features(body, k.index, k.test)
            coef, intercept = ridge(z, k.y, C=by_cross_validation(z, k.y)) if called else ridge(z, k.y)
            ways = {"probe":zt@coef+intercept, "auto":data.auto(body, k, said)(k.test, speak)}
            rows += [_row(draw, k, start, kind, method+called, values) for method,values in ways.items()]
    return rows

def _row(draw, k, start, kind, method, values):
    learned = dict(n_bound=int(k.y.sum()), n_unbound=int((k.y==0).sum()))
    seconds = round(float(k.seconds)+time()-start, 1)
    return draw.columns | learned | dict(knowledge=kind, method=method, **k.scores(values), seconds=seconds)

def again(ratio):
    "The five targets, with 50, 125 and 500 peaks, on the body of all profiles"
    five = dict(any={"":Body("five")})
    return [Draw(tf, n, seed, jaspar_family(tf), five, False, ratio)
            for n in (50, 125, 500) for tf in FIVE for seed in range(5)]

def draws(data, ratio, quick):
    "The five targets, with 50, 125 and 500 peaks and all; the thirty further TFs; the five with other labels"
    five, shuffled = Body("five"), Body("shuffled", shuffled=True)
    def of_five(tf, n, seed, control=False, either=False):
        bodies = dict(any={"":five}, withheld={"":Body(f"five without {tf}", withheld=jaspar_family(tf))})
        if control: bodies["any"][", body of shuffled labels"] = shuffled
        return Draw(tf, n, seed, jaspar_family(tf), bodies, either, ratio)
    sizes = 50, 125, 500
    several = [of_five(tf, n, seed, not quick) for n in sizes for tf in FIVE for seed in range(1 if quick else 5)]
    if quick: return several
    bound, later = dict(zip(data.m.obs_names, data.bound("train", "valid"))), []
    for i,group in enumerate(data.further()):
        bodies = dict(any={"":Body(f"further {i+1}", group)},
                      withheld={"":Body(f"further {i+1} without families", group, families_of(group))})
        later += [Draw(tf, n, 0, jaspar_family(tf), bodies, ratio=ratio) for tf in group for n in sizes if bound[tf]>=n]
    later.sort(key=lambda draw: (50, 500, 125).index(draw.n_peaks))
    every = [of_five(tf, None, 0) for tf in FIVE]
    return several+every+later+[of_five(tf, n, 0, either=True) for n in (500, 50) for tf in FIVE]

@call_parse
def main(
    matrix:str, # Binding matrix, .h5ad
    folder:str, # Where networks, what is known of each draw, and finished tasks are kept
    workers:int=2, # Processes
    valid:str="chr15", # Validation chromosome
    test:str="chr16,chr22", # Test chromosomes
    ratio:int=RATIO, # Unbound regions per bound one that all methods learn from
    quick:bool=False, # To choose by: five targets, one seed, tested on the validation chromosome
    auto:bool=False, # `probe` and `auto` alone, on the five targets, into again.csv
    out:str="", # The table to write; transfer.csv in results/ if not given
):
    "Every method on every target."
    data = Data(matrix, folder, valid, test)
    tasks = {draw.name:draw for draw in (again(ratio) if auto else draws(data, ratio, quick))}
    data.train(tasks.values(), workers)
    if quick: data = data.to_choose_by()
    ways = dict(networks=networks) if auto else dict(networks=networks, simple=simple)
    rows = [done_once(data.tasks/name, tasks, lambda draw: way(data, draw), workers) for name,way in ways.items()]
    write_table(sum(rows, []), out or RESULTS/("again.csv" if auto else "transfer.csv"), **data.origin)
