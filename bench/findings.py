"""Are planted motifs found, and nothing else? Ten simulated genomes: python bench/findings.py

In each: a network of all TFs, its filters and patterns with their nulls; JUND fine-tuned from four relatives, from its
partners, and on shuffled labels; the motifs of JUND's partners and of strangers put into shuffled sequences, for a JUND
that was fine-tuned from all others; and moved away from a site of JUND, for a network of JUND and its partner.
Four tables; seeds that stand there already are not repeated."""
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from common import RESULTS, in_parallel
from fastcore.script import call_parse
from tf_transfer.core import UserError
from tf_transfer.motifs.pwm import vertebrate_profiles
from tf_transfer.motifs.tomtom import tomtom
from tf_transfer.matrix.states import BOUND
from tf_transfer.matrix.splits import by_chrom, target_set
from tf_transfer.matrix.simulate import FAMILIES, PARTNERS, simulate
from tf_transfer.model.networks import ShallowCNN
from tf_transfer.train.callbacks import silent
from tf_transfer.train.evaluation import evaluate
from tf_transfer.train.pretraining import pretrain
from tf_transfer.finetune.strategies import finetune
from tf_transfer.interpret.attribution import deep_lift
from tf_transfer.interpret.experiments import marginal, spacing
from tf_transfer.interpret.nulls import known_filters
from tf_transfer.interpret.patterns import known_patterns
from tf_transfer.interpret.refinement import refinement, weighted_similarity

KNOWN = vertebrate_profiles()
PLANTED = {family:[i for i,p in enumerate(KNOWN) if p.matrix_id.split(".")[0] in members.values()]
           for family,members in FAMILIES.items()}


def nearest_family(pwms):
    "The family with the most similar planted profile, and the p-value of Tomtom, for each motif"
    if not pwms: return []
    p = tomtom(pwms, min_bits=0, min_sites=0, top=len(KNOWN)).pivot(index="motif", columns="known", values="p")
    best = pd.DataFrame({family:p[at].min(axis=1) for family,at in PLANTED.items()})
    return list(zip(best.idxmin(axis=1), best.min(axis=1)))

def rows_of(pwms, table, **what):
    "A row per motif that was reported, with the most similar planted family"
    found = table[table.found]
    nearest = nearest_family([pwms[i] for i in found.motif])
    return [dict(what, motif=pwms[i].name, called=name, family=family, p=p)
            for i,name,(family,p) in zip(found.motif, found.known_name, nearest)]

def pretrained(m, split, tfs, seed, epochs):
    how = dict(complete=False, bs=64, both_strands=False, seed=seed, watch=silent)
    return pretrain(m, split, tfs, ShallowCNN, epochs, **how)

def planted(seed):
    "What is reported of a network that learned all TFs"
    m = simulate(n_regions=30_000, seed=seed).matrix()
    split = by_chrom(m, valid="chr5", test="chr6")
    model = pretrained(m, split, None, seed, 10).model
    pwms, table = known_filters(model, m.varm["sequence"][split.valid])
    rows = rows_of(pwms, table, seed=seed, by="filters")
    rows.append(dict(seed=seed, by="filters, q alone", motif=f"{(table.q<0.01).sum()} filters"))
    for family,members in FAMILIES.items():
        tf = next(t for t in members if t not in ("JUND", "SPI1"))
        bound = m.varm["sequence"][m[tf].X[0]==BOUND][:500]
        try: pwms, table = known_patterns(model, bound, tf, attribute=partial(explain, n=3))
        except UserError: continue
        rows += rows_of(pwms, table, seed=seed, by=f"patterns of {family}")
    return rows

def explain(model, codes, tf, seed, n):
    return deep_lift(model, codes, tf, n, seed)

def refined(seed):
    "JUND, fine-tuned from relatives and from partners, on its own labels and on shuffled ones"
    world = simulate(n_regions=12_000, seed=seed)
    m = world.matrix()
    split = by_chrom(m, valid="chr5", test="chr6")
    bound = m.varm["sequence"][m["JUND"].X[0]==BOUND][:600]
    rows = []
    partners = [t for t in FAMILIES[PARTNERS["AP-1"]] if t!="SPI1"]
    for start,tfs in (("relatives", ["FOSL2", "JUNB", "FOS", "BATF"]), ("partners", partners)):
        learn = pretrained(m, split, tfs, seed, 8)
        for labels in ("own", "shuffled"):
            target = target_set(m, "JUND", split, n_pos=500, seed=seed)
            rng = np.random.default_rng(seed)
            if labels=="shuffled":
                for part in (target.train, target.valid): part.label[:] = rng.permutation(part.label)
            tuned = finetune(target, learn, "paper", seed=seed, watch=silent)
            similarity = weighted_similarity(refinement(learn, tuned, bound, world.profiles["JUND"])).to_dict()
            auprc = evaluate(tuned, target.test).auprc
            rows.append(dict(seed=seed, start=start, labels=labels, auprc=auprc) | similarity)
    return rows

def role(family):
    "What a family is to JUND"
    return "own" if family=="AP-1" else "partner" if family==PARTNERS["AP-1"] else "stranger"

def cofactors(seed):
    "Does the fine-tuned network answer to each family's motif, when it is put into shuffled sequences?"
    world = simulate(n_regions=12_000, seed=seed)
    m = world.matrix()
    split = by_chrom(m, valid="chr5", test="chr6")
    learn = pretrained(m, split, [t for t in m.obs_names if t!="JUND"], seed, 8)
    target = target_set(m, "JUND", split, n_pos=500, seed=seed)
    tuned = finetune(target, learn, "paper", seed=seed, watch=silent)
    motifs = {family:world.profiles["JUND" if family=="AP-1" else next(iter(members))]
              for family,members in FAMILIES.items()}
    put_in = marginal(tuned, list(motifs.values()), target.test.codes, seed=seed)
    rows = zip(motifs, put_in.to_dict("records"))
    return [dict(seed=seed, family=family, role=role(family)) | row for family,row in rows]

def spacings(seed):
    "Is a motif near a site of JUND worth more than the same motif far from it?"
    world = simulate(n_regions=10_000, seed=seed)
    m = world.matrix()
    learn = pretrained(m, by_chrom(m, valid="chr5", test="chr6"), ["JUND", "FOSL2", "JUNB", "SPI1", "ELF1"], seed, 8)
    bound = m.varm["sequence"][m["JUND"].X[0]==BOUND][:100]
    rows = []
    for family,members in FAMILIES.items():
        if family=="AP-1": continue
        other = world.profiles[next(iter(members))]
        together = spacing(learn, world.profiles["JUND"], other, bound, "JUND", seed=seed).together
        near, far = together.loc[:12].mean(), together.loc[40:].mean()
        rows.append(dict(seed=seed, family=family, role=role(family), near=near, far=far))
    return rows

QUESTIONS = dict(findings=planted, refined=refined, cofactors=cofactors, spacings=spacings)

def answer(job):
    warnings.simplefilter("ignore")
    what, seed = job
    return what, seed, QUESTIONS[what](seed)

@call_parse
def main(
    seeds:int=10, # Simulated genomes
    workers:int=2, # Processes
    out:str=str(RESULTS), # Folder of the tables: findings.csv, refined.csv, cofactors.csv and spacings.csv
):
    "Planted motifs, found again."
    Path(out).mkdir(parents=True, exist_ok=True)
    files = {what:Path(out)/f"{what}.csv" for what in QUESTIONS}
    rows = {what:pd.read_csv(f).to_dict("records") if f.exists() else [] for what,f in files.items()}
    jobs = [(what, s) for what in rows for s in range(seeds) if not any(r["seed"]==s for r in rows[what])]
    for what,seed,new in in_parallel(answer, jobs, workers):
        print(what, seed, len(new), flush=True)
        rows[what] += new
        table = pd.DataFrame(rows[what]).sort_values("seed", kind="stable")
        table.to_csv(files[what], index=False, float_format="%.4g")
