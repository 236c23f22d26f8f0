#!/usr/bin/env bash
# pyfaidx compares lines by their bytes only: a blank in a line, a comment within a record and a line that ends in CRLF
# among others are taken for letters, if the line is as long as the others. Bases are then wrong, without an error.
# Lesson: A line of the right length may hold anything. Look at the letters.
# Here: `_fits` looks at all lines of an index that was just made (genome.fasta; tests/test_fasta.py).
# Exits 0 while that is so, 1 when the behaviour has changed. Needs pip and PyPI; installs into a temporary folder.
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv venv; venv/bin/pip -q install pyfaidx==0.9.2.2
cat > try.py <<'P'
import sys
from importlib.metadata import version
from pyfaidx import Faidx
print('pyfaidx', version('pyfaidx'))
seen = {}
for i, odd in enumerate(['ACG ACGT', ';comment', 'ACGTACG\r']):
    open(f'{i}.fa', 'wb').write(f'>a\nACGTACGT\n{odd}\nTTTTTTTT\nGGGGGGGG\n'.encode())
    seen[odd] = Faidx(f'{i}.fa', as_raw=True).fetch('a', 1, 32)
    print(f'{odd!r} between two lines: {seen[odd]}')
sys.exit(not (' ' in seen['ACG ACGT'] and 'comment' in seen[';comment'] and len(seen['ACGTACG\r']) == 31))
P
venv/bin/python try.py
