#!/usr/bin/env bash
# pyfaidx cannot read bases that begin where a bgzip block of 64 KiB of text ends: it enters the block before, at its
# end, 65536, which no virtual offset can say. htslib's bgzip fills blocks with 65280 bytes; Biopython's BgzfWriter
# makes full ones.
# Lesson: Compressed files go wrong at the borders of their blocks. Test each border, not random places.
# Here: `_blocks_fit` refuses such a file, and it is unpacked (genome.fasta; tests/test_fasta.py).
# Exits 0 while that is so, 1 when the behaviour has changed. Needs pip and PyPI; installs into a temporary folder.
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv venv; venv/bin/pip -q install pyfaidx==0.9.2.2 biopython==1.88
cat > try.py <<'P'
import sys
from importlib.metadata import version
from Bio.bgzf import BgzfWriter
from pyfaidx import Faidx
print('pyfaidx', version('pyfaidx'))
seq = 'ACGTTGCA'*10_000
with BgzfWriter('g.fa.gz', 'wb') as f: f.write(f'>a\n{seq}\n'.encode())
fa, at, seen = Faidx('g.fa.gz', as_raw=True), 2**16 - len('>a\n'), {}
for a in (at-1, at, at+1):
    try: seen[a] = fa.fetch('a', a+1, a+5) == seq[a:a+5]
    except Exception as e: seen[a] = f'{type(e).__name__}: {e}'
    print(f'5 bases from {a}:', 'right' if seen[a] is True else seen[a])
sys.exit(not (seen[at-1] is seen[at+1] is True and str(seen[at]).startswith('ValueError')))
P
venv/bin/python try.py
