"""Do the estimates of memory hold? Each step in a process of its own, beside what it was said to need.

    python bench/memory.py DATA          # some minutes; DATA has a state table, regions and sequences (`tft-import`),
                                         # the folder `published` of the authors' files, and `raw_chr22` of raw ones
    python bench/memory.py DATA --only words      # the steps with this in their names; the other rows stay

`results/memory.csv` has a row for each step: `estimate_mb` is what `check_memory` was asked for, `measured_mb` by how
much the process grew at most."""
import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from common import RESULTS, commit, write_table
import numpy as np
import pandas as pd
from tf_transfer.finetune import auto, baselines
from tf_transfer.matrix import build, published, states
from tf_transfer.matrix.splits import by_chrom
from tf_transfer.model.networks import SmallCNN
from tf_transfer.model.saving import pretrained
from tf_transfer.train import data
from tf_transfer.train.learners import binding_learner


def importing(d, matrix):
    states.import_states(d/"binding_states.npz", d/"regions_hg38_200bp.bed.gz", d/"regions_hg38_200bp.fa.gz", tell=str)


def training(d, matrix):
    m = states.read_matrix(matrix)
    learn = binding_learner(m, by_chrom(m, "chr15", ["chr16", "chr22"]), arch=SmallCNN, complete=False)
    learn.dls.train.one_batch()


def at_random(matrix, n=1_817_918, n_tfs=163):
    "Write a matrix of the published size, the file that a training is prepared from"
    rng, at = np.random.default_rng(0), 200*np.arange(n)
    regions = pd.DataFrame(dict(chrom=np.array(["chr1", "chr2", "chr3"])[np.arange(n)*3//n], start=at, end=at+200))
    codes, kinds = rng.integers(0, 4, (n, 200), np.uint8), rng.integers(0, 4, (n_tfs, n), np.int8)
    m = states.binding_matrix(kinds, [f"TF{i}" for i in range(n_tfs)], regions, codes)
    states.write_matrix(m, matrix)


def training_all(d, matrix):
    m = states.read_matrix(matrix)
    learn = binding_learner(m, by_chrom(m, "chr2", "chr3"), arch=SmallCNN, complete=False)
    learn.dls.train.one_batch()


def at_random_codes(n): return np.random.default_rng(0).integers(0, 4, (n, 200)).astype(np.uint8), np.arange(n)%4==0


def words(d, matrix, n=3000):
    baselines.check_words(n, 200)
    baselines.gapped_kmer_svm().fit(*at_random_codes(n))


def all_sources(d, matrix, n=5000):
    body, (codes, label) = pretrained(), at_random_codes(n)
    auto._check_columns(body, n)
    auto.weighed(body, codes, label, "TF")


def of_authors(d, matrix):
    published.import_published(d/"published", d/"regions_hg38_200bp.bed.gz", d/"regions_hg38_200bp.fa.gz")


def building(d, matrix, **how):
    raw = d/"raw_chr22"
    build.build_matrix(raw/"dhs.bed.gz", raw/"remap.bed.gz", raw/"chr22.fa.gz", raw/"unibind", **how)


wide = partial(building, width=600, keep_biosamples=True)


def a_genome(n=400_000, length=100_000_000, per_region=9):
    "Regions, peaks and sequences of the size of a genome, at random; their folder"
    d, rng, at = Path(tempfile.mkdtemp()), np.random.default_rng(0), 200*np.arange(n)
    letters = np.frombuffer(b"ACGT", np.uint8)[rng.integers(0, 4, length, np.uint8)].reshape(-1, 50)
    lines = np.pad(letters, [(0, 0), (0, 1)], constant_values=ord("\n")).tobytes()
    (d/"g.fa").write_bytes(b"".join(b">chr%d\n%b" % (i, lines) for i in (1, 2)))
    cells = [",".join(f"cell{j}" for j in range(12) if k>>j & 1) or "cell0" for k in range(4096)]
    with open(d/"open.bed", "w") as f:
        for i,a in enumerate(at): f.write(f"chr{1+i%2}\t{a}\t{a+200}\t{cells[rng.integers(4096)]}\n")
    with open(d/"peaks.bed", "w") as f:
        for tf in range(150):
            for i in np.sort(rng.choice(n, n*per_region//150, replace=False)):
                f.write(f"chr{1+i%2}\t{at[i]}\t{at[i]+200}\tGSE1.TF{tf}.cell{tf%12}\n")
    return d


def building_much(d, matrix):
    build.build_matrix(d/"open.bed", d/"peaks.bed", d/"g.fa")


STEPS = {"a state table of 153 TFs is imported":(importing, [states]),
         "the authors' matrices of 2 TFs are imported":(of_authors, [published]),
         "a matrix is built, chr22":(building, [build]),
         "a matrix is built, chr22, 600 bp, biosamples kept":(wide, [build]),
         "a matrix is built, 400,000 regions, 3.6 million peaks at random":(building_much, [build]),
         "its training is prepared, labels masked":(training, [states, data]),
         "a matrix of 1.8 million regions and 163 TFs at random is read, its training prepared":
             (training_all, [states, data]),
         "words are learned from 3,000 regions":(words, [baselines]),
         "auto learns from 5,000 regions":(all_sources, [auto]),
         "auto learns from 20,000 regions":(partial(all_sources, n=20_000), [auto]),
         "auto learns from 80,000 regions":(partial(all_sources, n=80_000), [auto])}


def one(name, *places):
    "MB that a step was said to need, and that it took"
    asked, (do, rooms) = [], STEPS[name]
    for room in rooms: room.check_memory = lambda what, needed, *more: asked.append(needed)
    if rooms in ([auto], [baselines]): do(*places, n=200)         # imports what is needed, before it is measured
    asked.clear()
    before = int(Path("/proc/self/statm").read_text().split()[1])*resource.getpagesize()
    do(*map(Path, places))
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss*1024-before
    print(round(sum(asked)/1e6), round(taken/1e6))


def imported(d, matrix):
    "The matrix that a training is prepared from"
    subprocess.run([Path(sys.executable).parent/"tft-import", matrix, "--states", d/"binding_states.npz",
                    "--regions", d/"regions_hg38_200bp.bed.gz", "--fasta", d/"regions_hg38_200bp.fa.gz"], check=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("data", type=Path)
    p.add_argument("--only", default="")
    p.add_argument("--one", nargs=2)
    p.add_argument("--at-random", type=Path)
    a = p.parse_args()
    if a.one: return one(a.one[0], a.data, a.one[1])
    if a.at_random: return at_random(a.at_random)
    table, matrix = RESULTS/"memory.csv", Path(tempfile.mkdtemp())/"m.h5ad"
    known = pd.read_csv(table).to_dict("records") if a.only and table.exists() else []
    rows = {r["step"]:r for r in known}
    chosen = [name for name in STEPS if a.only in name]
    if any(STEPS[name][0] is training for name in chosen): imported(a.data, matrix)
    for name in chosen:
        if STEPS[name][0] is training_all:
            matrix.unlink(missing_ok=True)
            subprocess.run([sys.executable, __file__, a.data, "--at-random", matrix], check=True)
        data_of = a_genome() if STEPS[name][0] is building_much else a.data
        words = [sys.executable, __file__, data_of, "--one", name, matrix]
        done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
        estimate, measured = map(int, done.stdout.split()[-2:])
        rows[name] = dict(step=name, estimate_mb=estimate, measured_mb=measured, commit=commit(),
                          date=time.strftime("%Y-%m-%d"))
        print(rows[name], flush=True)
        if data_of!=a.data: shutil.rmtree(data_of)
    shutil.rmtree(matrix.parent)
    write_table([rows[name] for name in STEPS if name in rows], table)


if __name__=="__main__": main()
