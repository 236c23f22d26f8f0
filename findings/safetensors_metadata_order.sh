#!/usr/bin/env bash
# safetensors writes the entries of a file's metadata in an order that changes from call to call. The same weights
# with the same metadata are files of different bytes, within one process too; with a single entry they are equal.
# Lesson: Checksums of model files tell models apart only where the format says in which order all is written.
# Here: All that is kept with a model is one entry, JSON (model.saving; tests/test_commands.py).
# Exits 0 while that is so, 1 when the behaviour has changed. Needs pip and PyPI; installs into a temporary folder.
set -euo pipefail
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
python3 -m venv venv
venv/bin/pip install -q safetensors==0.8.0 numpy==2.4.6
cat > shown.py <<'P'
from importlib.metadata import version
import numpy as np
from safetensors.numpy import save

print("safetensors", version("safetensors"))
weights = dict(weight=np.arange(4.0))
one, four = {"card":"{}"}, {k:"{}" for k in ("card", "numbers", "made_by", "licence")}
files = {len(meta):len({save(weights, meta) for _ in range(50)}) for meta in (one, four)}
print("entries of metadata to different files, of 50:", files)
assert files[1]==1 and files[4]>1, "safetensors writes metadata in one order now"
print("still so: the same weights and metadata give different bytes")
P
venv/bin/python shown.py
