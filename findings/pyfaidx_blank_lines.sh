#!/usr/bin/env bash
# pyfaidx refuses a FASTA file that ends in two blank lines, and asks the user to report it as a bug, where the last line
# of the last record is full. One blank line is fine. Such files come from editors, and from `cat` of two files;
# samtools reads them. Exits with 1 if that changes.
# Here: tests/test_fasta.py, "two blank lines at the end".
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv venv; venv/bin/pip -q install pyfaidx==0.9.2.2
cat > try.py <<'P'
import sys
from importlib.metadata import version
from pyfaidx import Faidx
print('pyfaidx', version('pyfaidx'))
seen = {}
for n in (0, 1, 2):
    open(f'{n}.fa', 'w').write('>chr1\n' + 'ACGTACGT\n'*4 + '>chr2\n' + 'ACGTACGT\n'*4 + '\n'*n)
    try: seen[n] = {k: r.rlen for k, r in Faidx(f'{n}.fa').index.items()}
    except Exception as e: seen[n] = f'{type(e).__name__}: {" ".join(str(e).split())[:200]}'
    print(f'{n} blank lines at the end:', seen[n])
good = dict(chr1=32, chr2=32)
sys.exit(not (seen[0] == seen[1] == good and str(seen[2]).startswith('RuntimeError')))
P
venv/bin/python try.py
