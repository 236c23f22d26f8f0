#!/usr/bin/env bash
# memelite (like modisco-lite and CIS-BP) writes "nsites= 1" above the probabilities of a motif: the number is not
# known. Biopython's reader of the format ("minimal") multiplies the probabilities by it and rounds to whole numbers:
# each position keeps at most one base, a position without a base above one half keeps none, and the motif cannot be
# normalised.
# Lesson: What stands for an unknown number is a number to the next reader. Read a motif back before you trust a file.
# Here: 20 sites are assumed then, and the probabilities stay as they are (motifs.files; tests/test_motif_files.py).
# Exits 0 while that is so, 1 when the behaviour has changed. Needs pip and PyPI; installs into a temporary folder.
set -euo pipefail
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
python3 -m venv venv
venv/bin/pip install -q memelite==0.5.0 biopython==1.88
cat > shown.py <<'P'
from importlib.metadata import version
import numpy as np
from Bio import motifs
from memelite.io import write_meme

print("memelite", version("memelite"), "biopython", version("biopython"))
probs = np.array([[0.4, 0.95, 0.02], [0.3, 0.02, 0.6], [0.2, 0.02, 0.3], [0.1, 0.01, 0.08]])
write_meme("motif.meme", {"Tf": probs})
print(open("motif.meme").read())
with open("motif.meme") as f: motif, = motifs.parse(f, "minimal")
read = np.array([motif.counts[b] for b in "ACGT"])
print("probabilities written, rows A C G T:", probs, "counts read:", read, sep="\n")
try: motif.counts.normalize()
except ZeroDivisionError as e: print("normalize():", repr(e))
assert "nsites= 1 " in open("motif.meme").read(), "memelite writes another number of sites now"
assert (read==np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]])).all(), "Biopython reads the probabilities now"
print("still so: the probabilities are lost")
P
venv/bin/python shown.py
