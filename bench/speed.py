"""How fast is it, beside an earlier build, beside tools for the same work, and beside torch alone?

    python bench/speed.py --before BEFORE         # a checkout of an earlier build, with its .venv
    python bench/speed.py --peers PEERS/python    # a Python that has lightmotif and MOODS-python
    python bench/speed.py --only words            # tasks whose name has this; the other rows stay
    python bench/speed.py --out FOLDER            # leave the table of this folder as it is

Each task runs in a process of its own, in turn here and there, on one thread. Processor time and memory are those of
the whole process, start and imports included; `rate` is what the task itself measured, where it did, per second of
processor time. The own peaks are of the simulated genome: 500 of JUND, and its open regions. The earlier build looks
inside a model by its matrix, so that row is of the network of `tft-finetune` and the same 500 peaks. Pre-training is
of the released network's kind, on 10,800 regions and 153 TFs at random: with one and with three epochs, so that the
difference is two passes, and the rest is start and reading. MOODS looks for all hits with p below 0.001, fewer than one
for a profile and a sequence: a search for best hits in so short sequences takes it minutes. scikit-learn hashes words
that are ready."""
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

from common import RESULTS, commit, write_table
import numpy as np
import pandas as pd
from fastcore.script import call_parse
from tf_transfer.matrix.simulate import simulate
from tf_transfer.matrix.states import BOUND, binding_matrix, write_matrix
from tf_transfer.motifs.pwm import vertebrate_profiles

COUNTED = """
import time, numpy as np
codes = np.random.default_rng(0).integers(0, 4, (%d, 200)).astype(np.uint8)
def rate(do):
    start = time.process_time()
    do()
    print("rate", len(codes)/(time.process_time()-start))
"""
LAYER = COUNTED%1024+"""
import torch
torch.set_num_threads(1)
from {dna} import one_hot
from {motifs} import vertebrate_profiles
from {models} import MotifLayer
layer, x = MotifLayer(list(vertebrate_profiles()), best={best}), one_hot(codes)
with torch.no_grad():
    layer(x[:16])
    rate(lambda: layer(x))
"""
WORDS = COUNTED%10_000+"""
{words}
counts(codes[:16])
rate(lambda: counts(codes))
"""
HASHED = """
import time, numpy as np
from sklearn.feature_extraction import FeatureHasher
from tf_transfer.motifs.kmers import gap_patterns
rng = np.random.default_rng(0)
seqs = ["".join(rng.choice([*"ACGT"], 200)) for _ in range(100)]
words = [[f"{p}"+"".join(s[i+j] for j in places) for p,places in enumerate(gap_patterns()) for i in range(193)]
         for s in seqs]
start = time.process_time()
FeatureHasher(2**17, input_type="string", alternate_sign=False, dtype=np.float32).transform(words)
print("rate", len(seqs)/(time.process_time()-start))
"""
LIGHTMOTIF = """
import json, lightmotif, random, time
random.seed(0)
made = [lightmotif.CountMatrix(p).normalize(0.25).log_odds() for p in json.load(open("{path}"))]
made += [m.reverse_complement() for m in made]
seqs = [lightmotif.stripe("".join(random.choices("ACGT", k=200))) for _ in range(40)]
start = time.process_time()
for s in seqs:
    for m in made: m.calculate(s).max()
print("rate", len(seqs)/(time.process_time()-start))
"""
MOODS = """
import json, random, time, MOODS.scan, MOODS.tools
random.seed(0)
even, profiles = [0.25]*4, json.load(open("{path}"))
made = [MOODS.tools.log_odds([[float(v) for v in p[b]] for b in "ACGT"], even, 0.1) for p in profiles]
made += [MOODS.tools.reverse_complement(m) for m in made]
scanner = MOODS.scan.Scanner(7)
scanner.set_motifs(made, even, [MOODS.tools.threshold_from_p(m, even, 1e-3) for m in made])
seqs = ["".join(random.choices("ACGT", k=200)) for _ in range(40)]
start = time.process_time()
for s in seqs: scanner.scan(s)
print("rate", len(seqs)/(time.process_time()-start))
"""
HERE = dict(dna="tf_transfer.genome.dna", motifs="tf_transfer.motifs.pwm", models="tf_transfer.model.networks",
            words="from tf_transfer.motifs.kmers import gapped_counts as counts")
BEFORE = dict(dna="tf_transfer.dna", motifs="tf_transfer.motifs", models="tf_transfer.models",
              words="from tf_transfer.baselines import GappedKmers; counts = GappedKmers().transform")


ALONE = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print("measured", used.ru_utime+used.ru_stime, used.ru_maxrss/1024)
sys.exit(done.returncode)
"""


def measured(args, root):
    """Seconds of processor time, peak memory in MB, and the rate that was printed, of a command and its children

    A small process counts them: a child is never said to have taken less memory than the process that started it."""
    env = os.environ | dict(PYTHONPATH=str(root), OMP_NUM_THREADS="1", TQDM_DISABLE="1")
    args = [sys.executable, "-c", ALONE, *map(str, args)]
    done = subprocess.run(args, env=env, cwd=tempfile.gettempdir(), capture_output=True, text=True)
    if done.returncode: raise SystemExit(f"{args}: {done.stderr[-2000:]}")
    lines = [o.split() for o in done.stdout.splitlines()]
    said = {o[0]:[float(v) for v in o[1:]] for o in lines if o and o[0] in ("measured", "rate")}
    return *said["measured"], said.get("rate", [float("nan")])[0]

def own_peaks(folder):
    "Files of the simulated genome: peaks and open regions"
    world = simulate(n_regions=12_000, seed=1)
    world.write(folder)
    m = world.matrix()
    write_matrix(m, folder/"world.h5ad")
    bound = m.var[m["JUND"].X[0]==BOUND].sample(500, random_state=0)
    for name,rows in (("peaks", bound), ("open", m.var)):
        rows[["chrom", "start", "end"]].to_csv(folder/f"{name}.bed", sep="\t", header=False, index=False)
    return ["--peaks", folder/"peaks.bed", "--genome", folder/"genome.fa", "--background", folder/"open.bed",
            "--tf", "JUND"]

def at_random(folder, n=12_000, tfs=153):
    "A binding matrix to time pre-training on; its chr2, a tenth, validates"
    rng, at, folder = np.random.default_rng(0), 200*np.arange(n), Path(folder)
    places = pd.DataFrame(dict(chrom=np.array(["chr1", "chr2"])[(np.arange(n)%10==0)*1], start=at, end=at+200))
    states, codes = rng.integers(1, 4, (tfs, n)).astype(np.int8), rng.integers(0, 4, (n, 200)).astype(np.uint8)
    write_matrix(binding_matrix(states, [f"TF{i}" for i in range(tfs)], places, codes), folder/"random.h5ad")
    return folder/"random.h5ad"

def machine():
    "The processor and its number of cores"
    names = [o.split(":")[1].strip() for o in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in o]
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores"

def tasks(folder, before):
    "Task, build, its root, its Python, and what that runs"
    here = Path(__file__).resolve().parent.parent, sys.executable
    old = before and (before, before/".venv"/"bin"/"python")
    builds, peaks = [("here", here, HERE), *([("before", old, BEFORE)] if old else [])], own_peaks(folder)
    script = lambda at, name, *args: [Path(at[1]).parent/name, *args]
    made, task = folder/"own.safetensors", "own peaks, whole command"
    yield task, "here", here, script(here, "tft-fit", made, "--force", *peaks)
    if old: yield task, "before", old, script(old, "tft-finetune", folder/"before.safetensors", *peaks)
    look = script(here, "tft-interpret", made, folder/"inside", *peaks[:-2])
    yield "own peaks, looking inside", "here", here, look
    if old:
        look = script(old, "tft-interpret", folder/"before.safetensors", folder/"world.h5ad", folder/"inside80")
        yield "own peaks, looking inside", "before", old, [*look, "--tf", "JUND"]
    random = at_random(folder)
    for epochs in (1, 3):
        for build,at,_ in builds:
            how = ["--arch", "MotifKmerNet", "--labels", "masked", "--one-cycle", "--batch-size", 512, "--force"]
            out = folder/f"{build}{epochs}.safetensors"
            learn = script(at, "tft-pretrain", random, out, *how, "--valid-chroms", "chr2", "--epochs", epochs)
            yield f"pre-training, {epochs} epoch{'s'*(epochs>1)}", build, at, learn
    for task,code,more in (("odds of all sites", LAYER, dict(best=False)), ("best hits", LAYER, dict(best=True)),
                           ("gapped words", WORDS, {})):
        for build,at,names in builds: yield task, build, at, [at[1], "-c", code.format(**names, **more)]
    for build,at,_ in builds: yield "help of a command", build, at, script(at, "tft-evaluate", "--help")
    for build,at,_ in builds:
        yield "demo, one draw", build, at, script(at, "tft-demo", "--out", folder/build, "--seeds", 1)
    yield "gapped words", "scikit-learn", here, [here[1], "-c", HASHED]
    yield "import of everything", "here", here, [here[1], "-c", "import tf_transfer.all"]
    yield "import of everything", "torch alone", here, [here[1], "-c", "import torch"]
    yield "import of everything", "its largest parts", here, [here[1], "-c", "import torch, fastai.learner, anndata"]

def others(python, folder):
    "Tools that scan with the same profiles: lightmotif for the best hits, MOODS for those with p below 0.001"
    path = folder/"profiles.json"
    counts = [{b:[round(v) for v in row] for b,row in zip("ACGT", p.counts)} for p in vertebrate_profiles()]
    path.write_text(json.dumps(counts))
    for name,code in (("lightmotif", LIGHTMOTIF), ("MOODS", MOODS)):
        yield "best hits", name, (folder, python), [python, "-c", code.format(path=path)]


@call_parse
def main(
    before:str="", # A checkout of an earlier build, with its .venv
    only:str="", # Tasks whose name has this
    peers:str="", # A Python that has lightmotif and MOODS-python
    out:str=RESULTS, # Folder of the table
):
    "Measure, and write speed.csv"
    rows = []
    with tempfile.TemporaryDirectory() as tmp:
        folder = Path(tmp)/"own"
        todo = tasks(folder, before and Path(before).resolve())
        todo = [*todo, *(others(peers, folder) if peers else [])]
        for task,build,(root,_),args in todo:
            if only not in task: continue
            seconds, memory, rate = measured(args, root)
            rows.append(dict(task=task, build=build, seconds=seconds, memory=memory, rate=rate))
            print(rows[-1], flush=True)
    rows = [row | dict(machine=machine(), commit=commit(), date=str(date.today())) for row in rows]
    out, done = Path(out)/"speed.csv", {row["task"] for row in rows}
    older = pd.read_csv(out).to_dict("records") if out.exists() else []
    write_table([row for row in older if row["task"] not in done]+rows, out)
