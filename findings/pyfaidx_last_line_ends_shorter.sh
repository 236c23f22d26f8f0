#!/usr/bin/env bash
# pyfaidx counts an end of line behind a full last line, as long as the end of the record's first line. Where the first
# line ends with CR LF and the last with LF alone, as in files that two systems have written to, its own fresh index
# gives one letter more than the record has: the '>' of the next record. Nothing is raised.
# Lesson: The last line may end in another way than the first. Files that two systems wrote do.
# Here: `_fits` refuses such an index, and the file is read from a clean copy (genome.fasta; tests/test_fasta.py).
# Exits 0 while that is so, 1 when the behaviour has changed. Needs pip and PyPI; installs into a temporary folder.
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv venv; venv/bin/pip -q install pyfaidx==0.9.2.2
cat > try.py <<'P'
import sys
from importlib.metadata import version
from pyfaidx import Faidx
print('pyfaidx', version('pyfaidx'))
with open('g.fa', 'wb') as f: f.write(b'>a\nACGTACGT\r\nACGTACGT\n>b\nAC\n')
fa = Faidx('g.fa', as_raw=True)
n, got = fa.index['a'].rlen, fa.fetch('a', 1, 16)
print('length by the index:', n)
print('letters 1 to 16 of a:', got)
sys.exit(not (n == 16 and got == 'ACGTACGTACGTACGT>'))
P
venv/bin/python try.py
