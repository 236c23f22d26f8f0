"The scripts in bench/ load with the package as it is; its README and its tables agree with them"
import re
import runpy
import sys
from configparser import ConfigParser
from pathlib import Path

import pandas as pd
import pytest
from packaging.requirements import Requirement
from packaging.version import Version

bench = Path(__file__).parent.parent/"bench"
shared = {"common", "draws"}
scripts = sorted(p for p in bench.glob("*.py") if p.stem not in shared)


@pytest.mark.parametrize("path", scripts, ids=lambda p: p.stem)
def test_a_script_loads(path, monkeypatch):
    monkeypatch.syspath_prepend(bench)
    try: assert callable(runpy.run_path(str(path))["main"])
    finally:
        for name in shared: sys.modules.pop(name, None)


@pytest.mark.parametrize("name,options", [("growth", dict(only="none")), ("findings", dict(seeds=0))])
def test_the_folder_of_tables_is_made(name, options, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(bench)
    try: runpy.run_path(str(bench/f"{name}.py"))["main"](out=str(tmp_path/"new"/"folder"), **options)
    finally:
        for o in shared: sys.modules.pop(o, None)
    assert (tmp_path/"new"/"folder").is_dir()


def test_the_readme_names_scripts_and_tables():
    rows = [r for r in (bench/"README.md").read_text().splitlines() if r.startswith("| `")]
    assert {re.match(r"\| `(\w+)\.py", r)[1] for r in rows} == {p.stem for p in scripts}
    written = {name for r in rows for name in re.findall(r"`(?:FOLDER/)?(\w+)\.csv`", r.split("|")[4])}
    assert written == {p.stem for p in (bench/"results").glob("*.csv")}


def test_every_table_is_read_by_a_page():
    pages = "".join(p.read_text() for p in (bench.parent/"nbs").rglob("*.ipynb"))
    read = set(re.findall(r"bench/results/(\w+)\.csv", pages))
    assert read == {p.stem for p in (bench/"results").glob("*.csv")}


def test_the_lower_bounds_were_run():
    "settings.ini allows no version below those that passed the quick tests"
    tried = pd.read_csv(bench/"results"/"compatibility.csv", dtype=str)
    required = ConfigParser(delimiters=["="])
    required.read(bench.parent/"settings.ini")
    bounds = {r.name: r for r in map(Requirement, required["DEFAULT"]["requirements"].split())}
    for name in ("torch", "fastai", "fastcore", "anndata", "pandas", "numpy"):
        lowest = min((Version(v).public for v in tried[name]), key=Version)
        bound = next(o.version for o in bounds[name].specifier if o.operator==">=")
        assert Version(lowest).release[:len(Version(bound).release)] == Version(bound).release, name
