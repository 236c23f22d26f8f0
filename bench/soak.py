"""Does a study of thousands of runs grow? Memory, open files and speed, run by run.

    python bench/soak.py                 # 2,000 runs, some five minutes of one core

Each run trains a small network on 30 peaks for one epoch. A line is printed for each tenth of the runs."""
import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

import common  # noqa: F401 (one thread)
from tf_transfer.all import Study, open_study, simulate, write_matrix


def memory():
    "MB in use now (Linux)"
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages*resource.getpagesize()/2**20


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--runs", type=int, default=2000)
    a = p.parse_args()
    folder = Path(tempfile.mkdtemp())
    write_matrix(simulate(n_regions=800, seed=2).matrix(), folder/"m.h5ad")
    study = Study("soak", ("JUND",), strategies=("scratch",), n_peaks=(30,), seeds=a.runs, arch="SmallCNN", epochs=1,
                  matrix=str(folder/"m.h5ad"), valid=("chr5",), test=("chr6",))
    begun, done, start = open_study(study, folder/"study"), 0, time.time()
    def note(row):
        nonlocal done, start
        done += 1
        if row.get("error"): raise SystemExit(row["error"])
        if done%(a.runs//10): return
        files = len(os.listdir("/proc/self/fd"))
        ms = (time.time()-start)/(a.runs//10)*1000
        print(f"{done} runs: {memory():.0f} MB, {files} open files, {ms:.0f} ms per run", flush=True)
        start = time.time()
    begun.work(tell=note)


if __name__=="__main__": main()
