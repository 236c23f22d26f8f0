"""Damaged and odd files for every parser and loader: only `UserError` may come out.

    pip install atheris
    python bench/fuzz.py              # a million inputs, some twenty minutes of two cores
    python bench/fuzz.py --inputs 10_000 bed vcf

Each parser starts from valid files, and atheris changes them towards lines of tf_transfer that were not reached before.
Of `parts`, `states` and `card` the parts are changed, not the bytes: of a matrix, a state table, the card of a model.
`results/fuzz.csv` has a row for each parser, put in place of its older one when it is done. What ends in
another error is printed, and its input is kept in FOLDER."""
import argparse
import bz2
import contextlib
import gzip
import io
import json
import lzma
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass
class Parser:
    "What reads a file, and valid files to begin with"
    suffix:str
    read:Callable
    seeds:list
    share:float # Of all inputs


MEME = b"""MEME version 4

ALPHABET= ACGT

MOTIF JUND MA0491.1
letter-probability matrix: alength= 4 w= 3 nsites= 30 E= 0
0.1 0.2 0.3 0.4
0.25 0.25 0.25 0.25
0.0 0.0 1.0 0.0
"""
MOTIFS = [
    MEME, b">MA0491.1\tJUND\nA [ 9 1 0 ]\nC [ 1 1 0 ]\nG [ 0 8 0 ]\nT [ 0 0 10 ]\n",
    b"1 2 3\n4 5 6\n7 8 9\n1 1 1\n", b">JUND_HUMAN\n1\t2\t3\t4\n4\t3\t2\t1\n",
    b">TGACTCA\tAP-1\t6.3\t-1200.1\n0.1\t0.2\t0.3\t0.4\n0.25\t0.25\t0.25\t0.25\n",
    b"AC M1\nXX\nID V$AP1\nPO A C G T\n01 1 2 3 4 N\n02 9 0 0 1 A\nXX\n//\n",
    b"Pos\tA\tC\tG\tT\n1\t0.1\t0.2\t0.3\t0.4\n",
    b"Protein: X\tSeed: A\n\nA:\t0.1\t1\nC:\t0.2\t0\nG:\t0.3\t0\nT:\t0.4\t0\n",
    b"Gene: X\nEnergy matrix\nPO\t1\nA:\t-1\nC:\t1\nG:\t1\nT:\t1\nProbability matrix\nA:\t1\nC:\t0\nG:\t0\nT:\t0\n"]
INTERVALS = [
    b"chr1\t10\t60\nchr2\t5\t400\n", b"chrom,start,end\nchr1,10,60\n",
    b"chr1\t10\t60\tpeak\t0\t+\t3.5\t2.1\t-1\t25\nchr1\t90\t190\tp2\t9\t.\tinf\tnan\t.\t-1\n",
    b"track name=x\n#a comment\nchr1\t10\t60\tE.JUND.HepG2\t1\t.\t20\t21\t0,0,0\n",
    b'"seqnames"\t"start"\t"end"\t"width"\t"strand"\n"chr1"\t11\t60\t50\t"*"\n', b"585\tchr1\t10\t60\tn\t0\t+\n",
    b"# xls\nchr\tstart\tend\tlength\tabs_summit\tpileup\nchr1\t11\t60\t50\t30\t4\n",
    b"# x\n#chr,start,end,length\nchr1,11,60,50\n", b"chr1\t10\t60\t\xe4\n# chrom start end\nchr1\t90\t99\tb\n",
    b"chr1\t10\t60\tn\t0\t+\t10\t60\t0\t2\t10,10\t0,40\n", b"chr1\t10\t60\t5.0\t9.1\tchr1:20-30\n"]
FASTA = [b">chr1 one\nACGTN\nacgtn\n>chr2\nGGGGG\nTTTTT\n", b">a\nACGT\n\n>b\nACGT", b">a\r\nACGT\r\n>b\r\nAC\r\n"]
BOUND = [b">a one\nACGTTTGACGA\n>b two\nACGTACGTAGNN\n", b">a\r\nacgtacgtacgt\r\n"]
VCF = [b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\n"
       b"chr1\t3\trs1\tA\tC,G\nchr1\t4\t.\tACG\tA\nchr1\t9\t.\tN\t<DEL>\n"]
LINKS = [b"protein1 protein2 combined_score\n9606.P1 9606.P2 900\n",
         b"protein1\tprotein2\tcombined_score\n9606.P2\t9606.P1\t9\n"]
WEB = [b"#node1\tnode2\tnode1_string_id\tnode2_string_id\tcombined_score\nJUND\tFOS\t9606.P1\t9606.P2\t0.999\n",
       b"stringId_A,stringId_B,preferredName_A,preferredName_B,score\n9606.P1,9606.P2,JUND,FOS,0.9\n",
       b"preferredName_A\tpreferredName_B\tscore\nFOS\tJUND\t0.5\n",
       b"protein1 protein2 combined_score\nJUND FOS 900\n"]
PEAKS = [b"".join(b"chr%d\t%d\t%d\tp%d\t9\t.\t5.1\t3.2\t-1\t%d\n" % (1 + i%2, a, a+90, i, 30+i)
                  for i, a in enumerate(range(100, 1300, 90))),
         b"chr\tstart\tend\tlength\tabs_summit\n" + b"".join(b"chr1\t%d\t%d\t80\t%d\n" % (a, a+79, a+9)
                                                         for a in range(101, 1301, 100))]
STUDY = [b'name = "x"\ntargets = ["JUND"]\nn_peaks = [50, 500]\nseeds = 2\nstrategies = ["paper", "auto"]\n']
SHEET = [b"file\ttf\tbiosample\nhere.bed\tJUND\tHepG2\n"]
TABLE = [b"# x\n#sequence,label,name\nACGTACGTACGTTTGA,1,\xe4\nGGGGCCCCGGGGCCAA,0,b\n",
         b"sequence,label,split,name\nACGTACGTACGTTTGA,1,train,a\nGGGGCCCCGGGGCCAA,0,test,b\n"]
ROWS = [b"sequence\tid\nACGTACGTACGTTTGAACGTACGTACGTTTGA\tx\nGGGGCCCC\ty\nNNNN\tz\n",
        b"Name\tSequence\nq\tTGACTCATGACTCATGACTCATGACTCATGACTCATGACTCATGACTCA\n"]
KINDS = ["i1", "u1", "i8", "f4", "f8", "?", "S3", "U2", "c8", "M8[s]"]
VALUES = [0, 1, 3, 4, -1, 255, 2**40, 0.5, float("nan"), float("inf"), "", "x", "dataframe", "array", b"\xff", []]


def odd_array(numbers, values, shape):
    "An array of a kind and shape that bytes choose; some of its values too"
    import numpy as np
    kind = np.dtype(KINDS[next(numbers)%len(KINDS)])
    shapes = [shape, shape[:1], (*shape, 1), (0, *shape[1:]), (shape[0]+1, *shape[1:]), (*shape[:-1], 0), ()]
    x = np.resize(np.array(values or [0]).astype("u1"), shapes[next(numbers)%len(shapes)]).astype(kind)
    if x.size and kind.kind in "if": x.flat[next(numbers)%x.size] = [-1, 4, 127, 0][next(numbers)%4]
    return x


def change_h5(path, data):
    "Change the parts of an HDF5 file as bytes say: take away, rename, put another kind of thing in place"
    import h5py
    numbers = iter([*data, *bytes(8)])
    with h5py.File(path, "r+") as f:
        for _ in range(1+len(data)//8):
            items = []
            f.visit(items.append)
            what, name = next(numbers, 0)%6, items[next(numbers, 0)%len(items)] if items else ""
            if not name or what==5: name, what = "/", 4
            item, value = f[name], VALUES[next(numbers, 0)%len(VALUES)]
            if what==0: del f[name]
            elif what==1: f.move(name, f"{name}_{value!r}".replace("/", "_"))
            elif what==4:
                of = [*item.attrs, "encoding-type"]
                item.attrs[of[next(numbers, 0)%len(of)]] = value
            else:
                shape = getattr(item, "shape", ()) or (3,)
                attrs, x = dict(item.attrs), odd_array(iter([*data[-4:], *bytes(4)]), list(data), shape)
                del f[name]
                if x.dtype.kind in "UM": x = x.astype("S2")
                new = f.create_group(name) if what==2 else f.create_dataset(name, data=x)
                new.attrs.update(attrs)


def bgzip(data):
    "A bgzip file of one block, and the empty block at its end"
    from Bio.bgzf import BgzfWriter
    packed = io.BytesIO()
    with contextlib.closing(BgzfWriter(fileobj=packed)) as f:
        f.write(data)
        f.flush()
        return packed.getvalue()+bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def parsers(folder):
    "All of them; what they need beside the file stands in `folder`"
    import numpy as np
    from tf_transfer.genome.dna import Genome, read_fasta
    from tf_transfer.genome.formats import read_bed
    from tf_transfer.genome.datasets import interval_files, remap_name, unibind_name
    from tf_transfer.motifs.files import read_motifs
    from tf_transfer.finetune.own_regions import peaks_matrix
    from tf_transfer.genome.windows import Skipped
    from tf_transfer.interpret.contributions import write_contributions
    from tf_transfer.matrix.sequences import read_table, read_two_fastas
    from tf_transfer.model.networks import MotifNet
    from tf_transfer.model.tables import predict_bed, predict_fasta, predict_table
    from tf_transfer.model.tracks import stretches
    from tf_transfer.model.variants import predict_vcf
    from tf_transfer.motifs.pwm import jaspar
    from tf_transfer.matrix.states import import_states, read_matrix, read_npz, write_matrix
    from tf_transfer.matrix.published import read_index
    from tf_transfer.matrix.inputs import read_pairs, read_sources
    from tf_transfer.matrix.groups import read_string
    from tf_transfer.matrix.simulate import simulate
    from tf_transfer.model.networks import SmallCNN
    from tf_transfer.model.saving import load_model, save_model
    from tf_transfer.genome.variants import VcfFile
    from tf_transfer.matrix.splits import by_chrom
    from tf_transfer.study.plan import read_study
    from tf_transfer.train.learners import binding_learner
    from safetensors.torch import load_file, save_file
    folder.mkdir(parents=True, exist_ok=True)
    (folder/"info.txt").write_text("#string_protein_id\tpreferred_name\n9606.P1\tJUND\n9606.P2\tFOS\n")
    (folder/"here.bed").write_bytes(INTERVALS[0])
    (folder/"r.bed").write_text("".join(f"chr1\t{i*10}\t{i*10+4}\n" for i in range(6)))
    (folder/"r.fa").write_text("".join(f">chr1:{i*10}-{i*10+4}\nACGT\n" for i in range(6)))
    m = simulate(n_regions=200, seed=0).matrix()
    write_matrix(m[:3, :8].copy(), folder/"m.h5ad", force=True)
    learn = binding_learner(m, by_chrom(m, "chr5", "chr6"), ["JUND"], SmallCNN, complete=False)
    save_model(learn, folder/"m.safetensors", force=True)
    np.savez(folder/"m.npz", a=np.arange(6, dtype=np.int8).reshape(2, 3))
    def genome(path):
        g = Genome(path)
        return [g[c] for c in g.lengths]
    def names(path):
        word = path.read_bytes().decode("latin-1")
        return remap_name(word), unibind_name(word)
    letters, unbound = np.random.default_rng(0).choice(list("ACGT"), (2, 6000)), folder/"unbound.fa"
    (folder/"g.fa").write_text("".join(f">chr{i}\n{''.join(o)}\n" for i, o in enumerate(letters, 1)))
    unbound.write_text(">u\nTTTTTTTTAC\n>v\nGGGGGGGGAC\n")
    small, net = Genome(folder/"g.fa"), MotifNet(2, 30, jaspar("JUND"), hidden=(4, 4)).eval()
    net.card = replace(learn.model.card, tfs=["A", "B"])
    there = [VCF[0]+"".join(f"chr1\t{i}\tv{i}\t{''.join(letters[0][i-1:i+n])}\tA,CGT\n"
                            for i, n in ((30, 0), (60, 3), (99, 1), (5999, 0))).encode()]
    def made(suffix): return folder/f"made{os.getpid()}{suffix}"
    def table(predict): return lambda path, *of: predict(net, ["A", "B"], path, *of, made(".tsv"), force=True)
    def variants(path):
        for suffix in (".vcf", ".tsv"): predict_vcf(net, ["A", "B"], path, small, made(suffix), force=True, null=0)
    def contributions(path): # A picture has room for a few; `stretches` is what a track reads
        stretches(small, 30, 10, path, Skipped())
        write_contributions(net, path, small, made(".bw"), "A", True)
    card, weights = json.dumps(vars(learn.model.card) | dict(regions={"chr1":[[0], [200]]}, format="")), {}
    def parts(path):
        place = folder/f"parts{os.getpid()}.h5ad"
        shutil.copyfile(folder/"m.h5ad", place)
        try: change_h5(place, path.read_bytes())
        except (KeyError, ValueError, TypeError, OSError, RuntimeError): pass    # HDF5 itself refuses some changes
        return read_matrix(place)
    def states(path):
        place, data = folder/f"states{os.getpid()}.npz", path.read_bytes()
        numbers = iter([*data, *bytes(8)])
        x, tfs = odd_array(numbers, [b%4 for b in data], (2, 6)), odd_array(numbers, list(data), (2,))
        np.savez(place, states=x, tfs=tfs)
        return import_states(place, folder/"r.bed", folder/"r.fa", tell=str)
    def card_of(path):
        place = folder/f"card{os.getpid()}.safetensors"
        weights.update(weights or load_file(folder/"m.safetensors"))
        save_file(weights, place, {"tf_transfer":path.read_bytes().decode("utf-8", "replace")})
        return load_model(place)
    choices = [bytes([0, 0, *range(i, i+10)]) for i in range(0, 60, 7)]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as z: z.writestr("g.fa", FASTA[0])
    packed = [gzip.compress(FASTA[0]), bz2.compress(FASTA[0]), lzma.compress(FASTA[0]), archive.getvalue(),
              bytes.fromhex("4327411a000000000100000000000000"), bgzip(FASTA[0])]
    zipped = [gzip.compress(o) for o in INTERVALS[:2]]
    return {
        "bed":Parser(".bed", read_bed, INTERVALS, 0.14), "bed.gz":Parser(".bed.gz", read_bed, zipped, 0.01),
        "files":Parser(".tsv", interval_files, INTERVALS+SHEET, 0.04), "fasta":Parser(".fa", read_fasta, FASTA, 0.1),
        "genome":Parser(".fa", genome, FASTA, 0.05), "motifs":Parser(".txt", read_motifs, MOTIFS, 0.12),
        "vcf":Parser(".vcf", lambda p: list(VcfFile(p).records()), VCF, 0.08),
        "packed":Parser(".fa", genome, packed, 0.02),
        "table":Parser(".csv", read_table, TABLE, 0.02),
        "two fastas":Parser(".fa", lambda p: read_two_fastas(p, unbound), BOUND, 0.02),
        "peaks":Parser(".bed", lambda p: peaks_matrix(p, folder/"g.fa", width=50), PEAKS, 0.01),
        "predict --bed":Parser(".bed", lambda p: table(predict_bed)(p, small), INTERVALS + PEAKS[1:], 0.01),
        "predict --fasta":Parser(".fa", table(predict_fasta), FASTA, 0.01),
        "predict --table":Parser(".tsv", table(predict_table), ROWS, 0.01),
        "predict --vcf":Parser(".vcf", variants, VCF+there, 0.005),
        "contributions":Parser(".bed", contributions, INTERVALS, 0.002),
        "stringdb":Parser(".txt", lambda p: read_string(p, None, "JUND"), WEB, 0.02),
        "states":Parser(".bytes", states, choices, 0.02), "parts":Parser(".bytes", parts, choices, 0.03),
        "card":Parser(".json", card_of, [card.encode()], 0.02),
        "names":Parser(".txt", names, [b"E.JUND.HepG2"], 0.03),
        "string":Parser(".txt", lambda p: read_string(p, folder/"info.txt", "JUND"), LINKS, 0.03),
        "study":Parser(".toml", read_study, STUDY, 0.08),
        "sources":Parser(".txt", read_sources, [b"1\tHepG2\n2\tK562\n"], 0.04),
        "pairs":Parser(".txt", read_pairs, [b"a\tb\nc\td\n"], 0.04),
        "index":Parser(".pickle", read_index, [pickle.dumps({"JUND":0, "FOS":1})], 0.03),
        "npz":Parser(".npz", read_npz, [(folder/"m.npz").read_bytes()], 0.01),
        "matrix":Parser(".h5ad", read_matrix, [(folder/"m.h5ad").read_bytes()], 0.005),
        "model":Parser(".safetensors", load_model, [(folder/"m.safetensors").read_bytes()], 0.005)}


def fuzz_one(name, runs, folder, seed):
    "In a process of its own: libFuzzer does not come back"
    import atheris
    compiled = "tf_transfer.motifs.scan"                       # by numba, which does not take what atheris makes of it
    with atheris.instrument_imports(include=["tf_transfer"], exclude=[compiled]): parser = parsers(folder)[name]
    from tf_transfer.core import UserError
    place, corpus, found = folder/f"input{parser.suffix}", folder/"corpus", {}
    corpus.mkdir(exist_ok=True)
    for i,s in enumerate(parser.seeds): (corpus/f"seed{i}").write_bytes(s)
    count = dict(inputs=0, read=0, refused=0, errors=0)
    def note(): (folder/"count.json").write_text(json.dumps(count | dict(found=found)))
    def once(data):
        count["inputs"] += 1
        place.write_bytes(data)
        try:
            with contextlib.redirect_stdout(io.StringIO()): parser.read(place)
            count["read"] += 1
        except UserError as e:
            count["refused"] += 1
            if "\n" in str(e): keep(data, f"several lines: {e}")
        except Exception as e:
            frames = [f for f in traceback.extract_tb(e.__traceback__) if "tf_transfer" in f.filename]
            where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
            keep(data, f"{type(e).__name__} at {where}: {str(e)[:120]}")
        if count["inputs"]%100==0: note()
    def keep(data, what):
        count["errors"] += 1
        key = what.split(":")[0]+what.split(":")[1][:6]
        if key not in found:
            found[key] = what
            (folder/f"error{len(found)}").write_bytes(data)
            print(f"{name}: {what}", flush=True)
            note()
    note()
    longest = max(4096, *map(len, parser.seeds))
    atheris.Setup([sys.argv[0], f"-runs={runs}", f"-seed={seed}", f"-max_len={longest}", "-rss_limit_mb=6000",
                   "-timeout=60", f"-artifact_prefix={folder}/", "-verbosity=0", str(corpus)], once)
    atheris.Fuzz()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("names", nargs="*")
    p.add_argument("--inputs", type=int, default=1_000_000)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--workers", type=int, default=2)
    p.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir())/"fuzz")
    p.add_argument("--one", help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.one: return fuzz_one(a.one, a.inputs, a.folder, a.seed)
    import pandas as pd
    from common import RESULTS, commit, write_table
    every = parsers(a.folder/"setup")
    def row_of(name):
        runs, folder, start = max(int(a.inputs*every[name].share), 100), a.folder/name, time.time()
        folder.mkdir(parents=True, exist_ok=True)
        words = [sys.executable, __file__, "--one", name, "--inputs", runs, "--folder", folder, "--seed", a.seed]
        with open(folder/"log", "w") as log: done = subprocess.run(list(map(str, words)), stderr=log)
        count = json.loads((folder/"count.json").read_text())
        kinds = len(count.pop("found"))
        row = dict(parser=name, **count, kinds=kinds, ended=done.returncode, seconds=round(time.time()-start),
                   seed=a.seed, commit=commit(), date=time.strftime("%Y-%m-%d"))
        print(row, flush=True)
        return row
    table = RESULTS/"fuzz.csv"
    found = {r["parser"]:r for r in json.loads(pd.read_csv(table).to_json(orient="records"))} if table.exists() else {}
    with ThreadPoolExecutor(a.workers) as pool:
        for row in pool.map(row_of, a.names or every):                       # A run that is stopped keeps what it has
            found[row["parser"]] = row
            write_table([found[name] for name in every if name in found], table)


if __name__=="__main__": main()
