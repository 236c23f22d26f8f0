"""How does cost grow with regions, TFs, width and peaks?

    python bench/growth.py                # some minutes of one core
    python bench/growth.py --out FOLDER   # leave the table of this folder as it is

Each task at three or four sizes, each a double of the one before, in a process of its own, forked once all is
imported. `results/growth.csv` has a row for each: processor time of the task alone, on one thread, and by how much
its memory grew. The network of motifs is the architecture of the released one; it reads all its regions once, and then
makes one pass over them."""
import os
import resource
import tempfile
import time
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
from common import RESULTS, commit, write_table
import numpy as np
import pandas as pd
import torch
from fastcore.script import call_parse
from speed import machine
from tf_transfer.finetune.own_data import fit_peaks
from tf_transfer.matrix.simulate import simulate
from tf_transfer.matrix.splits import by_chrom
from tf_transfer.matrix.states import binding_matrix
from tf_transfer.model.networks import MotifKmerNet
from tf_transfer.model.predict import first_layer, predict
from tf_transfer.model.saving import pretrained
from tf_transfer.train.callbacks import silent
from tf_transfer.train.pretraining import pretrain


def letters(n, width):
    return np.random.default_rng(0).integers(0, 4, (n, width)).astype(np.uint8)

def reading(regions=250, width=200):
    net, codes = pretrained("motifs-hg38"), letters(regions, width)
    net.width = width
    return lambda: first_layer(net, codes)

def predicting(regions=250, width=200):
    net, codes = pretrained("motifs-hg38"), letters(regions, width)
    net.width = width
    return lambda: predict(net, codes)

def one_pass(regions=1000, tfs=150):
    "Reading the regions once, and a pass over them"
    at, states = 200*np.arange(regions), np.random.default_rng(1).integers(1, 4, (tfs, regions)).astype(np.int8)
    places = pd.DataFrame(dict(chrom=np.array(["chr1", "chr2"])[(np.arange(regions)%10==0)*1], start=at, end=at+200))
    m = binding_matrix(states, [f"TF{i}" for i in range(tfs)], places, letters(regions, 200))
    split, seen = by_chrom(m, "chr2", []), np.zeros((regions, 3099), np.float16)
    return lambda: pretrain(m, split, None, MotifKmerNet, 1, complete=False, bs=512, both_strands=False,
                            activations=lambda net: seen, watch=silent)

@lru_cache(maxsize=1)
def simulated():
    folder = Path(tempfile.mkdtemp())
    simulate(n_regions=8000, seed=1).write(folder)
    return folder

def own_peaks(peaks=250):
    "A model of peaks of the simulated genome, three unbound regions for each, not yet tested"
    folder = simulated()
    rows = pd.read_csv(next(folder.glob("peaks/JUND.*")), sep="\t", header=None)
    rows.sample(peaks, random_state=0).to_csv(folder/"some.bed", sep="\t", header=False, index=False)
    return lambda: fit_peaks(folder/"some.bed", folder/"genome.fa", folder/"dhs.bed.gz", tf="JUND")


TASKS = {("the first layer reads", "regions"):(reading, [250, 500, 1000]),
         ("the first layer reads", "width"):(reading, [200, 400, 800]),
         ("predictions", "regions"):(predicting, [250, 500, 1000]),
         ("predictions", "width"):(predicting, [200, 400, 800]),
         ("one pass of pre-training", "regions"):(one_pass, [1000, 2000, 4000]),
         ("one pass of pre-training", "tfs"):(one_pass, [300, 600, 1200]),
         ("a model of own peaks", "peaks"):(own_peaks, [50, 100, 200, 400])}


def _measure(job):
    make, by, size, least = job
    torch.set_num_threads(1)
    make(**{by:least})()                              # what is compiled or kept is there, before it is measured
    do, before = make(**{by:size}), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    do()
    return time.process_time()-start, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss-before)/1024

@call_parse
def main(
    only:str="", # Tasks whose name has this; the other rows stay
    out:str=RESULTS, # Folder of the table
):
    "Measure, and write growth.csv"
    rows, out = [], Path(out)/"growth.csv"
    for (task,by),(make,sizes) in TASKS.items():
        if only not in task: continue
        if make is own_peaks: simulated()
        for size in sizes:
            job = make, by, size, sizes[0]
            with get_context("fork").Pool(1) as pool: seconds, memory = pool.apply(_measure, [job])
            rows.append(dict(task=task, by=by, size=size, seconds=round(seconds, 3), memory_mb=round(memory)))
            print(rows[-1], flush=True)
    made, done = dict(machine=machine(), commit=commit(), date=time.strftime("%Y-%m-%d")), {r["task"] for r in rows}
    older = pd.read_csv(out).to_dict("records") if out.exists() else []
    write_table([r for r in older if r["task"] not in done]+[r|made for r in rows], out)
