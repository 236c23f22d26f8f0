"""How long does a build take at the size of a genome, and how long bedtools for the overlaps alone?

    python bench/genome_scale.py FOLDER                 # 1.8 M regions, 25 M peaks, 25 M sites, and smaller
    python bench/genome_scale.py FOLDER --largest 0.01  # a hundredth of it

Files are simulated in FOLDER (about 7 GB at full size) and made once. Every size is built by `tft-build` in a process
of its own: wall time from start to end, reading and writing included, and the peak of its memory. bedtools, where it
is installed, is timed on the same files in the same run."""
import gzip
import os
import platform
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from time import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
from fastcore.script import call_parse
from tf_transfer import __version__

CONTIGS = dict(zip(
    [f"chr{c}" for c in [*range(1, 23), "X", "Y"]],
    [248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636, 138394717, 133797422,
     135086622, 133275309, 114364328, 107043718, 101991189, 90338345, 83257441, 80373285, 58617616, 64444167, 46709983,
     50818468, 156040895, 57227415]))
FULL = dict(regions=1_800_000, peaks=25_000_000, sites=25_000_000)
N_DATASETS, N_TFS, N_BIOSAMPLES = 700, 163, 52


def datasets():
    "700 pairs of a TF and a biosample, as (experiment, TF, biosample); every TF once at least"
    pairs = np.random.default_rng(0).permutation(N_TFS*N_BIOSAMPLES)
    first = pairs[np.unique(pairs//N_BIOSAMPLES, return_index=True)[1]]
    chosen = [*first, *pairs[~np.isin(pairs, first)][:N_DATASETS-N_TFS]]
    return [(f"EXP{i:06d}", f"TF{p//N_BIOSAMPLES:03d}", f"biosample {p%N_BIOSAMPLES}") for i,p in enumerate(chosen)]

def write(columns, out):
    how = pa.csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
    pa.csv.write_csv(pa.table(columns), out, how)

def constant(value, n): return pa.array([value]).take(pa.array(np.zeros(n, np.int32)))

def some_of(values, n, rng): return pa.array(values).take(pa.array(rng.integers(0, len(values), n)))

def chrom_column(i, n): return pa.DictionaryArray.from_arrays(np.full(n, i, np.int32), list(CONTIGS)).cast(pa.string())

def per_contig(n, rng): return rng.multinomial(n, np.array(list(CONTIGS.values()))/sum(CONTIGS.values()))

def place(i, n, rng): return rng.integers(1000, list(CONTIGS.values())[i]-1000, n)

def make_genome(path, rng):
    letters = np.frombuffer(b"ACGTacgt", np.uint8)
    with open(path, "wb") as f:
        for name,length in CONTIGS.items():
            lines = np.full((-(-length//60), 61), ord("\n"), np.uint8)
            lines[:, :60] = letters[rng.integers(0, 8, (len(lines), 60), dtype=np.uint8)]
            f.write(f">{name}\n".encode()+lines.tobytes()[:length+(length-1)//60]+b"\n")
    from pyfaidx import Fasta
    Fasta(str(path))

def make_regions(path, n, rng):
    "Regions, and the starts of those of each contig: most peaks shall lie in one"
    def open_in(share): return ",".join(f"biosample {b}" for b in np.flatnonzero(rng.random(N_BIOSAMPLES)<share))
    lists, starts = [open_in(share) or "biosample 0" for share in rng.beta(0.5, 3, 20_000)], []
    with gzip.open(path, "wb", compresslevel=1) as f:
        for i,k in enumerate(per_contig(n, rng)):
            starts.append(np.sort(place(i, k, rng)))
            write(dict(c=chrom_column(i, k), s=starts[-1], e=starts[-1]+200, n=some_of(lists, k, rng)), f)
    return starts

def positions(starts, i, k, rng):
    "Sorted positions on a contig, six of ten of them in a region"
    inside = starts[i][rng.integers(0, len(starts[i]), k)]+rng.integers(0, 200, k)
    return np.sort(np.where(rng.random(k)<0.6, inside, place(i, k, rng)))

def make_peaks(path, n, starts, rng):
    names = [".".join((e, tf, b)) for e,tf,b in datasets()]
    with gzip.open(path, "wb", compresslevel=1) as f:
        for i,k in enumerate(per_contig(n, rng)):
            at, half = positions(starts, i, k, rng), rng.integers(50, 200, k)
            write(dict(c=chrom_column(i, k), s=at-half, e=at+half, n=some_of(names, k, rng), score=np.zeros(k, int),
                       strand=constant(".", k), thick=at, thick_end=at+1, rgb=constant("0,0,0", k)), f)

def make_sites(folder, n, starts, rng):
    folder.mkdir()
    for e,tf,b in datasets():
        with gzip.open(folder/f"{e}.{b}.{tf}.MA0001.1.pwm.bed.gz", "wb", compresslevel=1) as f:
            for i,k in enumerate(per_contig(n//N_DATASETS, rng)):
                at = positions(starts, i, k, rng)
                write(dict(c=chrom_column(i, k), s=at, e=at+12, n=constant(f"{e}.{b}.{tf}", k),
                           score=np.zeros(k, int), strand=constant("+", k)), f)

def make(folder, regions, peaks, sites):
    "Simulated files of one size, made once"
    rng, out, tmp = np.random.default_rng(1), folder/f"{regions}_{peaks}_{sites}", folder/"making"
    if out.exists(): return out
    shutil.rmtree(tmp, ignore_errors=True)
    tmp.mkdir()
    starts = make_regions(tmp/"regions.bed.gz", regions, rng)
    make_peaks(tmp/"peaks.bed.gz", peaks, starts, rng)
    make_sites(tmp/"unibind", sites, starts, rng)
    return tmp.rename(out)


def measured(command, **kwargs):
    "Wall time in seconds, and peak memory in GB, of a command"
    start = time()
    p = subprocess.Popen(command, **kwargs)
    _, status, used = os.wait4(p.pid, 0)
    if status: sys.exit(f"failed: {command}")
    return time()-start, used.ru_maxrss/1e6

def build(files, genome):
    words = [Path(sys.executable).parent/"tft-build", files/"m.h5ad", "--regions", files/"regions.bed.gz",
             "--peaks", files/"peaks.bed.gz", "--tfbs", files/"unibind", "--genome", genome, "--force"]
    return measured(words, stdout=subprocess.DEVNULL)

def bedtools(files):
    "Seconds for peaks and sites against regions, every pair written: as the files are; on sorted files; to sort these"
    regions, peaks, merged = files/"regions.bed.gz", files/"peaks.bed.gz", files/"sites.bed"
    with open(merged, "wb") as f: subprocess.run(["zcat", *sorted((files/"unibind").iterdir())], stdout=f, check=True)
    def run(a, b, *more):
        with open(files/"pairs.bed", "wb") as f:
            return measured(["bedtools", "intersect", "-wa", "-wb", "-a", a, "-b", b, *more], stdout=f)[0]
    as_they_are = [run(a, regions) for a in (peaks, merged)]
    in_order, start = [], time()
    for source in (regions, peaks, merged):
        in_order.append(files/f"{source.name.split('.')[0]}.sorted.bed")
        text = subprocess.Popen(["zcat", "-f", source], stdout=subprocess.PIPE)
        with open(in_order[-1], "wb") as f:
            subprocess.run(["sort", "-k1,1", "-k2,2n", "-S", "2G"], stdin=text.stdout, stdout=f,
                           env=os.environ | dict(LC_ALL="C"), check=True)
    sorting = time()-start
    streamed = [run(a, in_order[0], "-sorted") for a in in_order[1:]]
    for path in (*in_order, merged, files/"pairs.bed"): path.unlink()
    return dict(bedtools=sum(as_they_are), bedtools_sorted=sum(streamed), sorting=sorting)

def reading(files, n):
    "Seconds to read one TF's labels, and 382,000 x 50 of them, from the file of n regions"
    from tf_transfer.matrix.states import read_states
    def seconds(*of):
        start = time()
        read_states(files/"m.h5ad", *of)
        return time()-start
    some = np.unique(np.linspace(0, n-n//10, 382_000).astype(int))
    return dict(one_tf=seconds(["TF000"], None), training_labels=seconds([f"TF{i:03d}" for i in range(50)], some))

def machine():
    "What it ran on"
    lines = open("/proc/cpuinfo").read().splitlines() if Path("/proc/cpuinfo").exists() else []
    cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    memory = os.sysconf("SC_PAGE_SIZE")*os.sysconf("SC_PHYS_PAGES")/1e9
    return dict(cores=os.cpu_count(), cpu=cpu, memory_gb=round(memory), version=__version__, date=str(date.today()))

@call_parse
def main(
    folder:Path, # Where the simulated files lie
    largest:float=1, # Share of the full size at which to stop
    out:str=None, # The table to write; FOLDER/genome_scale.csv if not given
):
    "Builds of growing size, and bedtools."
    folder.mkdir(exist_ok=True)
    genome = folder/"genome.fa"
    if not genome.exists(): make_genome(genome, np.random.default_rng(2))
    sized = lambda share: {k:round(n*largest*share(k)) for k,n in FULL.items()}
    sizes = [("all", sized(lambda k, f=f: f)) for f in (1/8, 1/4, 1/2, 1)]
    sizes += [(grows, sized(lambda k, f=f, g=grows: f if k==g else 1/4)) for grows in FULL for f in (1/8, 1/2, 1)]
    rows = []
    for grows,size in sizes:
        files = make(folder, *size.values())
        row = dict(grows=grows, **size) | dict(zip(("seconds", "gb"), build(files, genome)))
        if grows=="all": row |= reading(files, size["regions"])
        if grows=="all" and shutil.which("bedtools"): row |= bedtools(files)
        print(row, flush=True)
        rows.append(row)
        (files/"m.h5ad").unlink()
    pd.DataFrame(rows).assign(**machine()).to_csv(out or folder/"genome_scale.csv", index=False)
