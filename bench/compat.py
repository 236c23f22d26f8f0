"""Which versions of Python and of the libraries does the package run with?

    python bench/compat.py pinned=.venv/bin/python oldest=OTHER/bin/python    # some minutes for each

Each PYTHON is that of an environment with the package and its dev requirements. The quick tests below are run with it.
`results/compatibility.csv` has a row for each; a row of the same name is replaced, others stay."""
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

from common import RESULTS, commit

TESTS = ["tests/test_imports.py", "tests/test_commands.py", "tests/test_warnings.py", "nbs/model", "nbs/train",
         "nbs/finetune/1_head.ipynb"]
SHOWN = ["torch", "fastai", "fastcore", "anndata", "pandas", "numpy"]
VERSIONS = f"""
import json, platform
from importlib.metadata import version
print(json.dumps(dict(python=platform.python_version(), **{{o: version(o) for o in {SHOWN}}})))"""


def counts(line):
    "The numbers of pytest's last line: those passed, failed (errors too) and skipped"
    found = {what: int(n) for n, what in re.findall(r"(\d+) (passed|failed|error|skipped)", line)}
    return dict(passed=found.get("passed", 0), failed=found.get("failed", 0)+found.get("error", 0),
                skipped=found.get("skipped", 0))


def row(name, python):
    "Run the quick tests with this Python"
    root, start = Path(__file__).resolve().parent.parent, time.time()
    run = lambda *words: subprocess.run([python, *words], cwd=root, capture_output=True, text=True).stdout.strip()
    versions = json.loads(run("-c", VERSIONS).splitlines()[-1])
    said = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", *TESTS)
    print(said)
    failures = "; ".join(re.findall(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", said, re.M))
    return dict(name=name, **versions, **counts(said.splitlines()[-1]), failures=failures,
                seconds=round(time.time()-start), commit=commit(), date=time.strftime("%Y-%m-%d"))


def main():
    out = RESULTS/"compatibility.csv"
    kept = pd.read_csv(out, dtype=str) if out.exists() else pd.DataFrame(columns=["name"])
    for word in sys.argv[1:]:
        name, python = word.split("=", 1)
        kept = pd.concat([kept[kept.name!=name], pd.DataFrame([row(name, python)]).astype(str)])
        kept.to_csv(out, index=False)


if __name__=="__main__": main()
