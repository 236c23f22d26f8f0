"""Does it install today? Each package of a list from the package index into an empty environment of its own.

    python bench/installs.py FOLDER

PyTorch comes first where a package asks for it or its authors say so, as its CPU build. What the package index says
of its newest version stands in the table beside what pip did and whether the import works. Sizes are without compiled
bytecode. Environments are made in FOLDER, one at a time, and removed; finished ones are kept as FOLDER/NAME.json."""
import json
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from time import strftime

import pandas as pd
from common import RESULTS, write_table
from fastcore.script import call_parse

PIP = ["-m", "pip", "install", "-q", "--no-compile"]
TORCH = ["torch==2.13.0", "--extra-index-url", "https://download.pytorch.org/whl/cpu"]
PACKAGES = {   # what to import, and whether PyTorch is installed first
    "gkmsvm-lite": ("gkmsvm", False), "explainn": ("explainn.networks", True), "alphagenome": ("alphagenome", False),
    "crested": ("crested", True), "tangermeme": ("tangermeme.predict", True), "grelu": ("grelu.lightning", True),
    "bpnet-lite": ("bpnetlite", True), "chrombpnet": ("chrombpnet", False), "gimmemotifs": ("gimmemotifs", False)}
def on_index(name):
    "Newest version, the day of its upload, and its licence and Python as the index has them"
    with urllib.request.urlopen(f"https://pypi.org/pypi/{name}/json", timeout=60) as f: said = json.load(f)
    info = said["info"]
    licence = info["license_expression"] or (info["license"] or "").strip().split("\n")[0].strip()
    licence = licence or ", ".join(c.split(" :: ")[-1] for c in info["classifiers"] if c.startswith("License"))
    return dict(version=info["version"], released=said["urls"][0]["upload_time"][:10], licence=licence,
                python=info["requires_python"])

def done(args, seconds):
    "Did it work, and its last line"
    try: ran = subprocess.run([*map(str, args)], capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired: return False, f"stopped after {seconds} s"
    said = (ran.stderr or ran.stdout).strip().splitlines()
    return ran.returncode==0, said[-1][:200] if said else ""

def tried(name, folder, seconds):
    "One row: what pip did, how large the environment is, and whether the import works"
    module, torch = PACKAGES[name]
    env = folder/f"env_{name}"
    subprocess.run([sys.executable, "-m", "venv", env], check=True)
    python, row = env/"bin"/"python", dict(package=name, day=strftime("%Y-%m-%d"), torch_first=torch)
    if torch: done([python, *PIP, *TORCH], seconds)
    row |= on_index(name)
    installed, said = done([python, *PIP, f"{name}=={row['version']}"], seconds)
    row |= dict(installs=installed, said="" if installed else said)
    size = sum(p.stat().st_size for p in env.rglob("*") if p.is_file() and not p.is_symlink())
    if installed:
        imports, said = done([python, "-c", f"import {module}"], 300)
        row |= dict(gb=size/1e9, imports=imports, said="" if imports else said)
    shutil.rmtree(env)
    return row

@call_parse
def main(
    folder:str, # Where the environments are made
    only:str="", # These packages, separated by commas; all if not given
    seconds:int=480, # After so many, pip is stopped
    out:str=str(RESULTS/"installs.csv"), # The table to write
):
    "Packages that answer the same question, installed. Rows of the table that are not tried again stay."
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    for name in only.split(",") if only else PACKAGES:
        part = folder/f"{name}.json"
        if not part.exists(): part.write_text(json.dumps(tried(name, folder, seconds)))
        print(part.read_text(), flush=True)
    rows = {} if not Path(out).exists() else pd.read_csv(out).set_index("package", drop=False).to_dict("index")
    rows |= {p.stem: json.loads(p.read_text()) for p in folder.glob("*.json")}
    write_table([rows[name] for name in PACKAGES if name in rows], out)
