#!/usr/bin/env bash
# pyfaidx takes the index beside a FASTA file for that of the file, if it is not older. A file that comes with its old
# date (cp -p, rsync -t, tar, wget -N) is then read through the index of the one before it: other bases, and no error.
# An index that is older is made anew.
# Lesson: A date does not say whose index it is. Compare an index with its file.
# Here: `FastaFile` compares an index with the file (genome.fasta; tests/test_fasta.py).
# Exits 0 while that is so, 1 when the behaviour has changed. Needs pip and PyPI; installs into a temporary folder.
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv venv; venv/bin/pip -q install pyfaidx==0.9.2.2
cat > try.py <<'P'
import os, sys
from importlib.metadata import version
from pyfaidx import Fasta
print('pyfaidx', version('pyfaidx'))
seq = 'ACGGTTTAAACCCCGGGGTT'
open('g.fa', 'w').write(f'>chr1\n{seq}\n>chr2\n{seq[::-1]}\n')
before = Fasta('g.fa')['chr2'][2:12].seq
open('g.fa', 'w').write(f'>chr1 dna\n{seq}\n>chr2 dna\n{seq[::-1]}\n')
os.utime('g.fa', (10**9, 10**9))
after = Fasta('g.fa')['chr2'][2:12].seq
print('bases 2 to 12 of chr2:', before, 'and with longer headers, the same sequences, an old date:', repr(after))
sys.exit(before != seq[::-1][2:12] or after == before)
P
venv/bin/python try.py
