"""How fast is a track along DNA, beside windows one by one, an earlier build, and a motif scan alone?

    python bench/tracks.py --before BEFORE --peers PEERS/python

BEFORE is a checkout of commit 80d6aa9, PEERS a Python that has lightmotif. The released model reads random DNA of
`--mb` million bp at stride 50. Windows one by one are those of the first `--few` million bp. A task runs in a process
of its own on one thread; processor time and memory are those of the whole process. The time of the same command with
10,000 bp, which is that of its start, is taken off before rates are computed. lightmotif scans the same profiles on
both strands, and no more. The first task is repeated on four times as much DNA: does its memory grow?"""
import json
import os
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
from common import RESULTS, commit, write_table
from fastcore.script import call_parse
from tf_transfer.motifs.pwm import vertebrate_profiles

HERE, STRIDE, WIDTH = Path(__file__).resolve().parent.parent, 50, 200
PEER = """
import json, lightmotif, time
made = [lightmotif.CountMatrix(p).normalize(0.25).log_odds() for p in json.load(open("{profiles}"))]
made += [m.reverse_complement() for m in made]
dna = lightmotif.stripe("".join(open("{genome}").read().split("\\n")[1:]))
start = time.process_time()
for m in made: m.calculate(dna)
print(time.process_time()-start)
"""

def alone(args, root=HERE):
    "Seconds of processor time and peak memory in MB of a command and its children, and what it printed"
    path = f"{root}:{os.environ.get('PYTHONPATH', '')}"
    env = os.environ | dict(PYTHONPATH=path, OMP_NUM_THREADS="1", TQDM_DISABLE="1")
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen([str(a) for a in args], env=env, cwd=tempfile.gettempdir(), stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        said.seek(0)
        if status: raise SystemExit(f"{args}: {said.read()[-2000:]}")
        return used.ru_utime+used.ru_stime, used.ru_maxrss/1024, said.read()

def write_dna(path, n):
    "Random DNA, and a BED file of its windows"
    codes = np.random.default_rng(0).integers(0, 4, n)
    text = np.frombuffer(b"ACGT", np.uint8)[codes].tobytes().decode()
    path.write_text(">chr1\n"+"\n".join(text[i:i+100] for i in range(0, n, 100))+"\n")
    bed = "".join(f"chr1\t{a}\t{a+WIDTH}\n" for a in range(0, n-WIDTH+1, STRIDE))
    path.with_suffix(".bed").write_text(bed)
    return path

class Bench:
    "Commands on DNA of several lengths, in one folder"
    def __init__(self, folder): self.folder, self.rows = folder, []

    def dna(self, n):
        path = self.folder/f"{n}.fa"
        return path if path.exists() else write_dna(path, n)

    def track(self, n):
        out = self.folder/"out.bw"
        what = ["motifs-hg38", out, "--genome", self.dna(n), "--tf", "CTCF", "--stride", STRIDE, "--force"]
        return alone([Path(sys.executable).parent/"tft-predict", *what])

    def windows(self, n, root):
        out, genome = self.folder/"out.tsv", self.dna(n)
        entry = "tf_transfer.commands.models" if (root/"tf_transfer"/"commands").is_dir() else "tf_transfer.cli"
        code = f"import sys; sys.argv[0] = 'tft-predict'; from {entry} import tft_predict; tft_predict()"
        return alone([sys.executable, "-c", code, "motifs-hg38", out, "--bed", genome.with_suffix(".bed"),
                      "--genome", genome, "--force"], root)

    def row(self, task, n, run):
        "One task on `n` bp, its start taken off"
        start, (seconds, memory, _) = run(10_000)[0], run(n)
        self.add(task, n, seconds-start, memory, start)

    def add(self, task, n, seconds, memory, start=0.):
        windows = (n-WIDTH)//STRIDE+1
        self.rows.append(dict(task=task, bp=n, windows=windows, seconds=seconds, start=start, memory=memory,
                              windows_per_second=windows/seconds, mb_per_second=n/seconds/1e6))
        print(self.rows[-1], flush=True)


@call_parse
def main(
    before:str="", # A checkout of commit 80d6aa9
    peers:str="", # A Python that has lightmotif
    mb:float=10, # Million bp
    few:float=1, # Million bp whose windows are read one by one
):
    "Measure, and write results/tracks.csv"
    n, some = int(mb*1e6), int(few*1e6)
    with tempfile.TemporaryDirectory() as tmp:
        bench = Bench(Path(tmp))
        bench.row("track", n, bench.track)
        if peers:
            profiles = Path(tmp)/"profiles.json"
            counts = [{b:[round(v) for v in row] for b,row in zip("ACGT", p.counts)} for p in vertebrate_profiles()]
            profiles.write_text(json.dumps(counts))
            _, memory, said = alone([peers, "-c", PEER.format(profiles=profiles, genome=bench.dna(n))])
            bench.add("motif scan alone, lightmotif", n, float(said.split()[-1]), memory)
        bench.row("windows one by one", some, lambda n: bench.windows(n, HERE))
        if before: bench.row("windows one by one, 80d6aa9", some, lambda n: bench.windows(n, Path(before).resolve()))
        bench.row("track", 4*n, bench.track)
    write_table(bench.rows, RESULTS/"tracks.csv", cores=os.cpu_count(), commit=commit(), date=str(date.today()))
