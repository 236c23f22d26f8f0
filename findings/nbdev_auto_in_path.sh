#!/usr/bin/env bash
# nbdev leaves a notebook out of its index of names if its path has "auto" anywhere: 01_autoencoder.ipynb is exported
# and its module can be imported, and _modidx.py does not name one function of it. So `show_doc` links to no source of
# theirs, and prose to no page; nothing is said. Meant is the cell that nbdev writes itself, which it calls "auto".
# Lesson: Look for a mark of your own with ==, not with `in`: a name that others choose may hold it.
# Here: `nbdev-export` makes the index with a look at cells that hides the path, and a test compares the index with the
# modules (_nbdev; tests/test_nbdev.py).
# Exits 0 while that is so, 1 when the behaviour has changed. Needs pip and PyPI; installs into a temporary folder.
set -euo pipefail
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
python3 -m venv venv
venv/bin/pip install -q nbdev==3.3.26
mkdir nbs world
touch world/__init__.py
cat > pyproject.toml <<'P'
[project]
name = "world"
version = "0.0.1"
[tool.nbdev]
P
cat > shown.py <<'P'
import importlib, json, os, subprocess
from importlib.metadata import version

print("nbdev", version("nbdev"))
names = "manual", "autoencoder"
for i,name in enumerate(names):
    code = f"#| default_exp {name}", f"#| export\ndef of_{name}(): return {i}"
    cells = [dict(cell_type="code", id=f"{name[:4]}{k}", metadata={}, execution_count=None, outputs=[], source=o)
             for k,o in enumerate(code)]
    nb = dict(cells=cells, metadata={}, nbformat=4, nbformat_minor=5)
    with open(f"nbs/{i:02}_{name}.ipynb", "w") as f: json.dump(nb, f)
subprocess.run(["venv/bin/nbdev-export"], check=True, env=os.environ | dict(PYTHONPATH=os.getcwd()))
for name in names: assert hasattr(importlib.import_module(f"world.{name}"), f"of_{name}")
from world._modidx import d

indexed = {name:list(d["syms"].get(f"world.{name}", {})) for name in names}
for name,found in indexed.items(): print(f"world/{name}.py, from a notebook of that name; in the index: {found}")
assert indexed["manual"]==["world.manual.of_manual"] and not indexed["autoencoder"], "the index has changed"
print("still so: both were exported, one is in the index")
P
venv/bin/python shown.py
