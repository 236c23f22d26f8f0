"""How many variants a second does the released model score, beside an earlier build, and does memory grow?

    python bench/variants.py BEFORE                # a checkout of 80d6aa9, read with this Python
    python bench/variants.py BEFORE --n 100000

Each build runs in a process of its own, on one thread, in turn here and there: 2,000 variants to start, then N of
them (the earlier build 2,000 again), all 153 TFs, to a table. The genome is random. `apart` are single bases, 1,000 bp
apart; `close` are single bases, two alternatives every 10 bp; `mixed` are bases, insertions and deletions of up to
20 bp, 100 bp apart, which the earlier build skips. Rates are alleles per second of processor time, quantiles included
here."""
import os
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

from common import RESULTS, commit, write_table
import numpy as np
from fastcore.script import call_parse
from tf_transfer.genome.dna import decode

TIMED = """
import re, sys, time, torch
torch.set_num_threads(1)
from pathlib import Path
from tf_transfer.{dna} import Genome
from tf_transfer.{saving} import pretrained
from tf_transfer.{tables} import predict_vcf
folder, few, many = Path(sys.argv[1]), *sys.argv[2:]
model, genome = pretrained("motifs-hg38"), Genome(folder/"genome.fa")
for name in (few, many):
    start = time.process_time()
    n, _ = predict_vcf(model, model.card.tfs, folder/name, genome, folder/"out.tsv", force=True)
    rate = n/(time.process_time()-start)
    print(rate, int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])/1024)
"""
BUILDS = dict(here=dict(dna="genome.dna", saving="model.saving", tables="model.variants"),
              before=dict(dna="dna", saving="saving", tables="scan"))


def variant_file(path, seq, kind, n, seed=0):
    "A VCF file with n alleles"
    rng, apart, each = np.random.default_rng(seed), dict(apart=1000, close=10, mixed=100)[kind], 1+(kind=="close")
    def row(at):
        ref, alts = seq[at], [b for b in "ACGT" if b!=seq[at]][:each]
        size = int(rng.integers(1, 21))
        change = rng.integers(3) if kind=="mixed" else 0
        if change==1: ref = seq[at:at+size+1]
        if change: alts = [seq[at]+("".join(rng.choice([*"ACGT"], size)) if change==2 else "")]
        return f"chr1\t{at+1}\t.\t{ref}\t{','.join(alts)}\t.\t.\t.\n"
    with open(path, "w") as f:
        f.write("##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
        f.writelines(row(1000+i*apart) for i in range(n//each))

def timed(build, root, folder, *names):
    "Alleles per second of processor time and peak memory, MB, after each file"
    env = os.environ | dict(PYTHONPATH=str(root), OMP_NUM_THREADS="1", TQDM_DISABLE="1")
    args = [sys.executable, "-c", TIMED.format(**BUILDS[build]), folder, *names]
    done = subprocess.run(args, env=env, cwd=folder, capture_output=True, text=True)
    if done.returncode: raise SystemExit(done.stderr[-2000:])
    return [tuple(map(float, o.split())) for o in done.stdout.splitlines()]

def measured(folder, roots, n):
    "Rows: a kind of file and a build"
    for kind in ("apart", "close", "mixed"):
        for build,root in roots.items():
            if build=="before" and kind=="mixed": continue
            few, many = f"{kind}_few.vcf", f"{kind}_{'many' if build=='here' else 'few'}.vcf"
            (_, before), (rate, after) = timed(build, root, folder, few, many)
            yield dict(variants=kind, build=build, alleles=n if build=="here" else 2000, per_second=rate,
                       mb_few=before, mb=after)


@call_parse
def main(
    before:Path, # A checkout of the earlier build
    n:int=100_000, # Alleles to score here
    out:Path=RESULTS/"variants.csv", # The table to write
):
    with tempfile.TemporaryDirectory() as tmp:
        folder = Path(tmp)
        seq = decode(np.random.default_rng(0).integers(0, 4, 1000*n+3000, np.uint8))
        (folder/"genome.fa").write_text(">chr1\n"+"".join(f"{seq[i:i+60]}\n" for i in range(0, len(seq), 60)))
        for kind in ("apart", "close", "mixed"):
            for name,k in (("few", 2000), ("many", n)): variant_file(folder/f"{kind}_{name}.vcf", seq, kind, k)
        roots = dict(here=Path(__file__).resolve().parent.parent, before=before.resolve())
        write_table([*measured(folder, roots, n)], out, commit=commit(), date=date.today())
