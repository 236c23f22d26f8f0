"""Do the estimates of memory hold? Each step in a process of its own, beside what it was said to need.

    python bench/memory.py DATA          # some minutes; DATA has a state table, regions and sequences, see `tft-import`

`results/memory.csv` has a row for each step: `estimate_mb` is what `check_memory` was asked for, `measured_mb` by how
much the process grew at most."""
import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import RESULTS, commit, write_table
import numpy as np
from tf_transfer.finetune import auto
from tf_transfer.matrix import states
from tf_transfer.matrix.splits import by_chrom
from tf_transfer.model.networks import SmallCNN
from tf_transfer.train import data
from tf_transfer.train.learners import binding_learner


def importing(d, matrix):
    states.import_states(d/"binding_states.npz", d/"regions_hg38_200bp.bed.gz", d/"regions_hg38_200bp.fa.gz", tell=str)


def training(d, matrix):
    m = states.read_matrix(matrix)
    learn = binding_learner(m, by_chrom(m, "chr15", ["chr16", "chr22"]), arch=SmallCNN, complete=False)
    learn.dls.train.one_batch()


def words(d, matrix, n=3000):
    codes, label = np.random.default_rng(0).integers(0, 4, (n, 200)).astype(np.uint8), np.arange(n)%4==0
    auto._check_words(n, 200)
    auto.word_scores().fit(codes, label)


STEPS = {"a state table of 153 TFs is imported":importing, "its training is prepared, labels masked":training,
         "words are learned from 3,000 regions":words}


def one(name, *places):
    "MB that a step was said to need, and that it took"
    asked = []
    for room in (states, data, auto): room.check_memory = lambda what, needed, *more: asked.append(needed)
    before = int(Path("/proc/self/statm").read_text().split()[1])*resource.getpagesize()
    STEPS[name](*map(Path, places))
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss*1024-before
    print(round(sum(asked)/1e6), round(taken/1e6))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("data", type=Path)
    p.add_argument("--one", nargs=2)
    a = p.parse_args()
    if a.one: return one(a.one[0], a.data, a.one[1])
    rows, matrix = [], Path(tempfile.mkdtemp())/"m.h5ad"
    subprocess.run([Path(sys.executable).parent/"tft-import", matrix, "--states", a.data/"binding_states.npz",
                    "--regions", a.data/"regions_hg38_200bp.bed.gz", "--fasta", a.data/"regions_hg38_200bp.fa.gz"],
                   check=True)
    for name in STEPS:
        words = [sys.executable, __file__, a.data, "--one", name, matrix]
        done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
        estimate, measured = map(int, done.stdout.split()[-2:])
        rows.append(dict(step=name, estimate_mb=estimate, measured_mb=measured))
        print(rows[-1], flush=True)
    matrix.unlink()
    write_table(rows, RESULTS/"memory.csv", commit=commit(), date=time.strftime("%Y-%m-%d"))


if __name__=="__main__": main()
