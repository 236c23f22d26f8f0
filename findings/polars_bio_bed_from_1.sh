#!/usr/bin/env bash
# A BED file counts from 0. polars-bio's read_bed gives its intervals with starts that count from 1 (its default), in
# columns called chrom, start, end, as bioframe, which shares its conventions otherwise, calls those that count from 0.
# Written as a table, or as BED without its header, every interval has lost its first base, and nothing in the file says
# so.
# Lesson: Columns of the same name may count from 0 or from 1. A table should say which.
# Here: of a table with the columns chrom, start, end it is said that it counts from 0, a column width is read where
# there is one, and the page on file formats names polars-bio (genome.formats; tests/test_peak_files.py).
# Exits 0 while that is so, 1 when the behaviour has changed. Needs pip and PyPI; installs into a temporary folder.
set -euo pipefail
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
python3 -m venv venv
venv/bin/pip install -q polars-bio==0.36.2 bioframe==0.8.0
printf 'chr1\t100\t900\tpeak_1\n' > x.bed
cat > shown.py <<'P'
from importlib.metadata import version
from pathlib import Path
import bioframe, polars_bio

print("polars-bio", version("polars-bio"), "and bioframe", version("bioframe"))
print("the file:  ", repr(Path("x.bed").read_text()))
bioframe.read_table("x.bed", schema="bed4").to_csv("bioframe.tsv", sep="\t", index=False)
polars_bio.read_bed("x.bed").write_csv("polars.tsv", separator="\t")
found = {}
for name in ("bioframe", "polars"):
    text = Path(f"{name}.tsv").read_text()
    header, row = (line.split("\t") for line in text.splitlines())
    found[name] = dict(zip(header, row))
    print(f"{name+':':11}", repr(text))
assert found["bioframe"]["start"]=="100" and found["polars"]["start"]=="101", found
assert found["bioframe"]["end"]==found["polars"]["end"]=="900", found
assert set(found["bioframe"])==set(found["polars"])=={"chrom", "start", "end", "name"}, found
print("same columns, same file, starts that differ by one")
P
venv/bin/python shown.py
