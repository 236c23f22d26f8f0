"""The random changes that the released model keeps, and whether quantiles among random changes are even.

    python bench/random_changes.py regions_hg38_200bp.fa.gz

FASTA are the regions of the binding matrix, 200 bp, named `index::chrom:start-end`. `--keep-them` first writes into the
released model 10,000 random single bases in the middles of open regions of its training chromosomes, at 200 of their
ranks; without it, the table alone is made. Each row of the table asks how far the quantiles of 2,000 fresh changes are
from even (Kolmogorov and Smirnov), one TF at a time: `limit` is the distance that one of twenty even samples of these
sizes goes beyond, `beyond` the share of TFs that do. Fresh changes lie on chromosomes that the model has not seen.
Insertions and deletions reach over the ends of 200 bp, so there regions are joined to longer stretches, on both sides.
The control are several bases at once among single ones; shuffled regions ask whether it matters that regions are open.
"""
import tempfile
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from common import RESULTS, commit, write_table
from fastcore.script import call_parse, store_true
from scipy.stats import ks_1samp, uniform
from tf_transfer.genome.dna import Genome, decode, encode
from tf_transfer.genome.fasta import fasta_records
from tf_transfer.matrix.sequences import shuffled
from tf_transfer.model.alleles import AlleleReader
from tf_transfer.model.random_changes import RandomChanges, keep_changes_in
from tf_transfer.model.saving import pretrained, released, save_model

TRAIN, TEST = ("chr13", "chr14", "chr18", "chr19", "chrX", "chrY"), ("chr16", "chr22")
HG38 = dict(chr1=248956422, chr13=114364328, chr14=107043718, chr15=101991189, chr16=90338345, chr18=80373285,
            chr19=58617616, chr22=50818468, chrX=156040895, chrY=57227415)


def open_regions(fasta, chroms, n, seed=0):
    "Some regions of chromosomes, uint8, (n, 200)"
    there = [seq for name,seq in fasta_records(fasta) if name.split("::")[1].split(":")[0] in chroms and "N" not in seq]
    return np.stack([encode(there[i]) for i in np.random.default_rng(seed).permutation(len(there))[:n]])

def keep(model, fasta, n=10_000, ranks=200):
    "Random single bases of open regions, kept with the released model"
    where = f"in the middles of open regions of {', '.join(TRAIN)} of hg38 (not of the whole genome)"
    keep_changes_in(model, open_regions(fasta, TRAIN, n), where, n, contigs=HG38, ranks=ranks)
    save_model(model, released()["motifs-hg38"], force=True, compact=True)

def fresh(model, codes, n):
    "Differences of other single bases, (n, TFs)"
    keep_changes_in(model, codes, "", n, seed=1)
    return RandomChanges(AlleleReader(model), SimpleNamespace(lengths={}), [0], seed=1).of("SNV")

def joined(codes, path):
    "A genome of regions, one behind the other"
    path.write_text(">joined\n"+"\n".join(map(decode, codes))+"\n")
    return Genome(path)

def row(what, null, kind, changes, control=False):
    "How even the quantiles of changes are among random ones"
    q, _ = null.ranked(np.array([kind]*len(changes)), changes, range(changes.shape[1]))
    distance = np.array([ks_1samp(column, uniform.cdf).statistic for column in q.T])
    n, limit = len(null.of(kind)), 1.358*np.sqrt(1/len(null.of(kind))+1/len(changes))
    return dict(changes=what, among=kind, control=control, n_null=n, n=len(changes), median=np.median(distance),
                largest=distance.max(), limit=limit, beyond=(distance>limit).mean())

def rows(model, fasta, folder, n):
    "Rows of the table"
    null = RandomChanges(AlleleReader(model), SimpleNamespace(lengths=HG38), [0])
    assert set(null.kept)=={"SNV"}, "the released model keeps none; use --keep"
    unseen = open_regions(fasta, TEST, 4*n)
    yield row("single bases in open regions", null, "SNV", fresh(model, unseen[:n], n))
    yield row("single bases in shuffled open regions", null, "SNV", fresh(model, shuffled(unseen[:n]), n))
    parts = [joined(o, folder/f"{i}.fa") for i,o in enumerate((open_regions(fasta, TRAIN, 4*n), unseen))]
    theirs, ours = (RandomChanges(AlleleReader(model), o, [0], n, seed) for seed,o in enumerate(parts))
    for o in theirs, ours: o.kept = {}
    yield row("several bases", null, "SNV", ours.of("MNV"), True)
    for kind in ("MNV", "insertion 1", "insertion 5-20", "deletion 1", "deletion 5-20"):
        yield row(f"{kind}, regions joined", theirs, kind, ours.of(kind))


@call_parse
def main(
    fasta:str, # Regions, FASTA
    keep_them:store_true=False, # Write random changes into the released model first?
    n:int=2000, # Fresh changes of a kind
    out:Path=RESULTS/"random_changes.csv", # The table to write
):
    if keep_them: keep(pretrained(), fasta)
    with tempfile.TemporaryDirectory() as tmp:
        found = [*rows(pretrained(), fasta, Path(tmp), n)]
    write_table(found, out, commit=commit(), date=date.today())
