"""Commands killed at random moments: the old output stands or the new one is whole, and the next start works.

    python bench/kill.py                 # some 260 trials, twenty minutes of one core
    python bench/kill.py --trials 40 tft-predict tft-import     # these alone; their rows of the table are replaced

Each trial writes over an older output, is killed (SIGKILL) at a random moment, and is followed by a process that is let
live. `results/kill.csv` has a row for each command: how often the old output stood, how often the new one was there
already, and how often something was wrong. The demonstration is a small one: 2,000 regions, one number of peaks."""
import argparse
import gzip
import hashlib
import json
import os
import random
import runpy
import shutil
import signal
import sys
import tempfile
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from common import RESULTS, commit, write_table
import numpy as np
import pandas as pd
import torch
from tf_transfer.all import (BOUND, UNBOUND, MotifNet, SmallCNN, by_chrom, decode, load_model, pretrain, read_matrix,
                             save_model, simulate, write_matrix)
from tf_transfer.commands import demo
from tf_transfer.genome.download import SOURCES, DataSource, RemoteFile
from tf_transfer.train.callbacks import silent

SCRIPTS = Path(sys.executable).parent


def prepare(folder):
    "Small inputs for every command"
    world = simulate(n_regions=1000, seed=1)
    world.write(folder/"world")
    m = world.matrix()
    write_matrix(m, folder/"m.h5ad")
    learn = pretrain(m, by_chrom(m, "chr5", "chr6"), ["FOSL2", "FOS"], SmallCNN, epochs=1, complete=False, watch=silent)
    save_model(learn, folder/"pre.safetensors")
    motifs = [p for tf,p in world.profiles.items() if tf!="JUND"]
    arch = partial(MotifNet, motifs=motifs, hidden=(32, 16))
    how = dict(epochs=1, lr=1e-3, one_cycle=False, complete=False, bs=64, watch=silent)
    learn = pretrain(m, by_chrom(m, "chr5", "chr6"), ["FOSL2"], arch, **how)
    save_model(learn, folder/"motifs.safetensors")
    for name,state in (("bound", BOUND), ("unbound", UNBOUND)):
        codes = m.varm["sequence"][np.flatnonzero(m["JUND"].X[0]==state)[:80]]
        (folder/f"{name}.fa").write_text("".join(f">{name}{i}\n{decode(c)}\n" for i,c in enumerate(codes)))
    peaks = m.var[m["JUND"].X[0]==BOUND][["chrom", "start", "end"]]
    peaks.to_csv(folder/"peaks.bed", sep="\t", header=False, index=False)
    (folder/"study.toml").write_text(
        'name = "x"\ntargets = ["JUND"]\nn_peaks = [20]\nseeds = 4\nstrategies = ["scratch"]\narch = "SmallCNN"\n'
        f'epochs = 1\nmatrix = "{folder/"m.h5ad"}"\nvalid = ["chr5"]\ntest = ["chr6"]\n')


class Slow(SimpleHTTPRequestHandler):
    "A server that takes half a second for a file"
    def log_message(self, *args): pass
    def copyfile(self, source, out):
        for _ in range(10):
            time.sleep(0.05)
            out.write(source.read(100_000))
            out.flush()


def serve(folder):
    "The source `toy`, which comes from a server in this process"
    with gzip.open(folder/"toy.fa.gz", "wb", compresslevel=0) as f: f.write(b">chr1\n"+b"ACGT"*200_000)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Slow, directory=folder))
    server.handle_error = lambda *args: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    file = RemoteFile("toy.fa.gz", (f"http://127.0.0.1:{server.server_port}/toy.fa.gz",), unpack="toy.fa")
    SOURCES["toy"] = DataSource("a toy", (file,), "free", "nobody")


def whole_table(path): return len(pd.read_csv(path, sep="\t"))>10
def whole_names(path): return len(path.read_text().split())==4
def whole_json(path): return "auprc" in json.loads(path.read_text())
def whole_download(path):
    return sorted(p.name for p in path.iterdir())==["toy.fa", "toy.fa.gz"] and (path/"toy.fa").stat().st_size==800_006
def whole_page(path): return "</html>" in (path/"report.html").read_text() and (path/"motifs.meme").exists()
def whole_fit(path):
    "A model, and no page of another one beside it"
    load_model(path)
    page = path.with_suffix(".html")
    return not page.exists() or hashlib.sha256(path.read_bytes()).hexdigest() in page.read_text()
def whole_demo(path): return len(pd.read_csv(path/"results.csv"))==5 and (path/"report.html").exists()
def whole_study(path): return len(pd.read_csv(path/"table.csv"))==4


def commands(d):
    "Name, arguments with OUT for the output, what the output is called, and what reads it"
    chroms = "--valid-chroms chr5 --test-chroms chr6"
    world, matrix, pre = d/"world", d/"m.h5ad", d/"pre.safetensors"
    return {
        "tft-import":(f"OUT --states {world}/states.npz --regions {world}/regions.bed.gz --fasta {world}/regions.fa.gz "
                      "--force", "o.h5ad", read_matrix),
        "tft-build":(f"OUT --regions {world}/dhs.bed.gz --peaks {world}/remap.bed.gz --genome {world}/genome.fa "
                     f"--tfbs {world}/unibind --force", "o.h5ad", read_matrix),
        "tft-pretrain":(f"{matrix} OUT --tfs FOS,FOSL2 --arch SmallCNN --epochs 1 {chroms} --force", "o.safetensors",
                        load_model),
        "tft-finetune":(f"{matrix} {pre} OUT --tf JUND --n-pos 30 --strategy probe --force", "o.safetensors",
                        load_model),
        "tft-predict":(f"{pre} OUT --bed {d}/peaks.bed --genome {world}/genome.fa --force", "o.tsv", whole_table),
        "tft-evaluate":(f"{pre} {matrix} --tf FOS --json OUT --force", "o.json", whole_json),
        "tft-groups":(f"{matrix} --tf JUND --n 4 --out OUT --force", "o.txt", whole_names),
        "tft-fit":(f"OUT --peaks {d}/peaks.bed --genome {world}/genome.fa --background {world}/dhs.bed.gz --tf JUND "
                   f"--pretrained {pre} --force", "o.safetensors", whole_fit),
        "tft-fit --positives":(f"OUT --positives {d}/bound.fa --negatives {d}/unbound.fa --tf JUND "
                               f"--pretrained {pre} --force", "o.safetensors", whole_fit),
        "tft-interpret":(f"{d}/motifs.safetensors {matrix} OUT --tf FOSL2 --n 50 --force", "o", whole_page),
        "tft-demo":("--out OUT --seeds 1 --force", "o", whole_demo),
        "tft-download":("toy --dir OUT", "o", whole_download),
        "tft-study":(f"{d}/study.toml OUT", "o", whole_study)}


def started(name, words, where):
    "The command in a process that is forked from this one, which has imported the package"
    pid = os.fork()
    if pid: return pid
    os.setsid()
    null = os.open(os.devnull, os.O_WRONLY)
    log = os.open(where, os.O_WRONLY|os.O_CREAT|os.O_TRUNC)
    os.dup2(null, 1)
    os.dup2(log, 2)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)
    name, status = name.split()[0], 0
    sys.argv = [name, *words]
    demo.run_demo = partial(demo.run_demo, sizes=(25,), n_regions=2000, epochs=1)
    try: runpy.run_path(str(SCRIPTS/name), run_name="__main__")
    except SystemExit as e: status = e.code or 0
    except BaseException: status = 99
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else 98)


def has_ended(pid): return os.waitid(os.P_PID, pid, os.WEXITED|os.WNOHANG|os.WNOWAIT) is not None

def stamp(out):
    "When an output was made; None where there is none"
    return out.stat().st_mtime_ns if out.exists() else None


def state(out, reads, old):
    "`old`, `new`, `none`, or what is wrong"
    if not out.exists(): return "none"
    if stamp(out)==old: return "old"
    try: return "new" if reads(out) is not False else "wrong"
    except Exception as e: return f"wrong: {type(e).__name__}"


def trial(name, words, out, reads, seconds, log):
    "One kill, and the start after it"
    once = lambda: os.waitstatus_to_exitcode(os.waitpid(started(name, words, log), 0)[1])
    resumes = name in ("tft-study", "tft-download")
    if resumes: shutil.rmtree(out, ignore_errors=True)
    old = stamp(out)
    pid = started(name, words, log)
    moment = time.time()+random.random()*seconds
    while time.time()<moment and not has_ended(pid): time.sleep(0.005)
    os.killpg(os.getpgid(pid), signal.SIGKILL) if os.getpgid(pid)==pid else os.kill(pid, signal.SIGKILL)
    ended = os.waitpid(pid, 0)[1]
    found = "ended before" if os.WIFEXITED(ended) else "began" if resumes else state(out, reads, old)
    again = once()
    left = [p.name for p in out.parent.glob(f".{out.name}.*")]
    after = state(out, reads, None)
    wrong = "wrong" in found or again or after!="new" or bool(left) or (old is not None and found=="none")
    if wrong: print(name, found, again, after, left, Path(log).read_text()[-300:], flush=True)
    return found, bool(wrong)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("names", nargs="*")
    p.add_argument("--trials", type=int, default=340)
    a = p.parse_args()
    torch.set_num_threads(1)
    random.seed(1)
    folder = Path(tempfile.mkdtemp())
    prepare(folder)
    serve(folder)
    every, rows = commands(folder), []
    for name in a.names or every:
        words, called, reads = every[name]
        out = folder/name.replace(" ", "")/called
        out.parent.mkdir()
        words, log, start = words.replace("OUT", str(out)).split(), folder/f"{out.parent.name}.log", time.time()
        assert os.waitstatus_to_exitcode(os.waitpid(started(name, words, log), 0)[1])==0, log.read_text()
        seconds = time.time()-start
        n = a.trials//len(a.names or every)
        done = [trial(name, words, out, reads, seconds, log) for _ in range(n if seconds<5 else n//4)]
        counts = pd.Series([f for f,_ in done]).value_counts()
        rows.append(dict(command=name, trials=len(done), old=int(counts.get("old", 0)), new=int(counts.get("new", 0)),
                         resumed=int(counts.get("began", 0)), ended_before=int(counts.get("ended before", 0)),
                         wrong=sum(w for _,w in done), seconds=round(seconds, 2), commit=commit(),
                         date=time.strftime("%Y-%m-%d")))
        print(rows[-1], flush=True)
    shutil.rmtree(folder)
    others = pd.read_csv(RESULTS/"kill.csv").to_dict("records") if a.names else []
    write_table([r for r in others if r["command"] not in a.names]+rows, RESULTS/"kill.csv")


if __name__=="__main__": main()
