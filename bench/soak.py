"""Does a study of thousands of runs grow? Memory, open files, threads and speed, hundred by hundred.

    python bench/soak.py                 # 4,000 runs, some ten minutes of one core
    python bench/soak.py --runs 400      # fewer, printed

Every other run trains a small network on 30 peaks for one epoch; the others load a pre-trained one and fit a head.
`results/soak.csv` has a row for each hundred runs."""
import argparse
import os
import resource
import shutil
import tempfile
import time
from pathlib import Path

from common import RESULTS, commit, write_table
from tf_transfer.all import Study, open_study, simulate, write_matrix

OFTEN = 100


def memory():
    "MB in use now (Linux)"
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages*resource.getpagesize()/2**20


def study_of(runs, folder):
    "Half of the runs from scratch, half on a network that is pre-trained once"
    write_matrix(simulate(n_regions=800, seed=2).matrix(), folder/"m.h5ad")
    return Study("soak", ("JUND",), strategies=("scratch", "probe"), n_peaks=(30,), seeds=runs//2, arch="SmallCNN",
                 epochs=1, pretrain_epochs=1, members=2, matrix=str(folder/"m.h5ad"), valid=("chr5",), test=("chr6",))


class Watch:
    "Called with the row of each run; a row of its own for each hundred"
    def __init__(self):
        self.rows, self.done = [], 0
        self.clocks = time.time(), time.process_time()
    def __call__(self, row):
        if row.get("error"): raise SystemExit(row["error"])
        self.done += 1
        if self.done%OFTEN: return
        now = time.time(), time.process_time()
        wall, cpu = ((b-a)/OFTEN*1000 for a,b in zip(self.clocks, now))
        count = lambda what: len(os.listdir(f"/proc/self/{what}"))
        self.rows.append(dict(runs=self.done, memory_mb=round(memory(), 1), open_files=count("fd"),
                              threads=count("task"), ms=round(wall, 1), cpu_ms=round(cpu, 1)))
        self.clocks = now
        print(self.rows[-1], flush=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--runs", type=int, default=4000)
    a = p.parse_args()
    folder, watch = Path(tempfile.mkdtemp()), Watch()
    begun = open_study(study_of(a.runs, folder), folder/"study")
    pairs = zip(begun.runs[:a.runs//2], begun.runs[a.runs//2:])
    begun.runs = [run for pair in pairs for run in pair]
    begun.work(tell=watch)
    assert len(begun.write_results())==a.runs
    shutil.rmtree(folder)
    if a.runs>=3000: write_table(watch.rows, RESULTS/"soak.csv", commit=commit(), date=time.strftime("%Y-%m-%d"))


if __name__=="__main__": main()
