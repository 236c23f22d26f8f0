#!/usr/bin/env bash
# A motif of a MEME file may have a log-odds matrix and no letter-probability matrix (the format allows either).
# memelite's read_meme looks for the next "letter-probability matrix", which is that of the next motif: the first
# motif's name gets the second motif's numbers, and the second motif is lost; no error, no warning.
# Lesson: A reader that looks for the next line it knows may find that of another entry. Count what came out.
# Here: such a file is refused, with the motif and its line (motifs.files; tests/test_motif_files.py).
# Exits 0 while that is so, 1 when the behaviour has changed. Needs pip and PyPI; installs into a temporary folder.
set -euo pipefail
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
python3 -m venv venv
venv/bin/pip install -q memelite==0.5.0
cat > two.meme <<'M'
MEME version 4

ALPHABET= ACGT

strands: + -

MOTIF first
log-odds matrix: alength= 4 w= 2
 140 -300 -300 -300
-300  140 -300 -300

MOTIF second
letter-probability matrix: alength= 4 w= 2 nsites= 20 E= 0
0.0 0.0 0.0 1.0
0.0 0.0 0.0 1.0
M
cat > shown.py <<'P'
from importlib.metadata import version
from memelite.io import read_meme

print("memelite", version("memelite"))
found = read_meme("two.meme")
print("read_meme:", found)
assert list(found)==["first"] and (found["first"][3]==1).all(), "memelite keeps the two motifs apart now"
print("still so: 'first' (AC) has the matrix of 'second' (TT), and 'second' is lost")
P
venv/bin/python shown.py
