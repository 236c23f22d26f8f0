"""How fast is a track along DNA, beside windows one by one, an earlier build, and a motif scan alone?

    python bench/tracks.py OUT --before BEFORE --peers PEERS/python

BEFORE is a checkout of commit 80d6aa9, PEERS a Python that has lightmotif. The released model reads random DNA of
`--mb` million bp at stride 50. Windows one by one are those of the first `--few` million bp. lightmotif scans the same
profiles on both strands, and no more. Each task runs in a process of its own on one thread. Processor time is that of
the task, without the imports and after a warm-up; memory is that of the whole process."""
import json
import os
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
from common import commit, write_table
from fastcore.script import call_parse
from tf_transfer.motifs.pwm import vertebrate_profiles

HERE, STRIDE, WIDTH = Path(__file__).resolve().parent.parent, 50, 200
TIMED = """
import json, sys, time
{imports}
def run(dna):
{task}
run("{small}")
start = time.process_time()
run("{dna}")
seconds = time.process_time()-start
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
print("measured", seconds, int(peak)/1024)
"""
TRACK = "from tf_transfer.model.tracks import write_track", """
    write_track("motifs-hg38", f"{dna}.fa", f"{dna}.bw", tf="CTCF", step=50, force=True)"""
WINDOWS = "from {commands} import tft_predict", """
    tft_predict("motifs-hg38", f"{dna}.tsv", bed=f"{dna}.bed", genome=f"{dna}.fa", force=True)"""
SCAN = """
import lightmotif
made = [lightmotif.CountMatrix(p).normalize(0.25).log_odds() for p in json.load(open("{profiles}"))]
made += [m.reverse_complement() for m in made]""", """
    letters = lightmotif.stripe("".join(open(f"{dna}.fa").read().split("\\n")[1:]))
    for m in made: m.calculate(letters)"""

def alone(python, code, root):
    "Seconds of processor time that a script measured, and the peak memory of its process in MB"
    path = f"{root}:{os.environ.get('PYTHONPATH', '')}"
    env = os.environ | dict(PYTHONPATH=path, OMP_NUM_THREADS="1", TQDM_DISABLE="1")
    done = subprocess.run([python, "-c", code], env=env, cwd=tempfile.gettempdir(), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode: raise SystemExit(done.stdout[-2000:])
    seconds, memory = done.stdout.split("measured")[-1].split()[:2]
    return float(seconds), float(memory)

def write_dna(path, n):
    "Random DNA, and a BED file of its windows"
    codes = np.random.default_rng(0).integers(0, 4, n)
    text = np.frombuffer(b"ACGT", np.uint8)[codes].tobytes().decode()
    path.with_suffix(".fa").write_text(">chr1\n"+"\n".join(text[i:i+100] for i in range(0, n, 100))+"\n")
    bed = "".join(f"chr1\t{a}\t{a+WIDTH}\n" for a in range(0, n-WIDTH+1, STRIDE))
    path.with_suffix(".bed").write_text(bed)
    return path

def tasks(folder, n, some, before, peers):
    "Task, bp, Python, imports and what is timed, and the root of the build"
    yield "track", n, sys.executable, TRACK, HERE
    if peers:
        profiles = folder/"profiles.json"
        counts = [{b:[round(v) for v in row] for b,row in zip("ACGT", p.counts)} for p in vertebrate_profiles()]
        profiles.write_text(json.dumps(counts))
        yield "motif scan alone, lightmotif", n, peers, (SCAN[0].format(profiles=profiles), SCAN[1]), folder
    imports = lambda commands: (WINDOWS[0].format(commands=commands), WINDOWS[1])
    yield "windows one by one", some, sys.executable, imports("tf_transfer.commands.predictions"), HERE
    if before:
        root = Path(before).resolve()
        yield "windows one by one, 80d6aa9", some, sys.executable, imports("tf_transfer.cli"), root


@call_parse
def main(
    out:str, # Table to make, .csv
    before:str="", # A checkout of commit 80d6aa9
    peers:str="", # A Python that has lightmotif
    mb:float=10, # Million bp
    few:float=1, # Million bp whose windows are read one by one
):
    "Measure, and write a table"
    rows = []
    with tempfile.TemporaryDirectory() as tmp:
        folder = Path(tmp)
        small = write_dna(folder/"small", 5000)
        for task,n,python,(imports,work),root in tasks(folder, int(mb*1e6), int(few*1e6), before, peers):
            code = TIMED.format(imports=imports, task=work, small=small, dna=write_dna(folder/"dna", n))
            seconds, memory = alone(python, code, root)
            windows = (n-WIDTH)//STRIDE+1
            rows.append(dict(task=task, bp=n, windows=windows, seconds=seconds, memory=memory,
                             windows_per_second=windows/seconds, mb_per_second=n/seconds/1e6))
            print(rows[-1], flush=True)
    write_table(rows, out, cores=os.cpu_count(), commit=commit(), date=str(date.today()))
