"""What does the package stand on: versions, licences, known advisories?

    pip-audit -s pypi --disable-pip --no-deps -r constraints.txt -f json -o audit.json     # needs the network
    pip download --no-deps safety-db && unzip safety_db-*.whl safety_db/insecure.json     # older, from the index
    python bench/dependencies.py audit.json safety_db/insecure.json

`results/dependencies.csv` has a row for each package that is installed with this one, from the installed metadata. An
advisory is not checked where pip-audit skipped the package, or without `audit.json`. `safety_db` are those of the
package of that name, which is of July 2021."""
import json
import sys
import time
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from common import RESULTS, commit, write_table


def needed(name):
    "The distributions that `name` needs, and what these need, by name"
    todo, found = [name], {}
    while todo:
        for line in distribution(todo.pop()).requires or []:
            requirement = Requirement(line)
            wanted = canonicalize_name(requirement.name)
            if wanted in found or requirement.marker and not requirement.marker.evaluate({"extra": ""}): continue
            found[wanted] = distribution(wanted)
            todo.append(wanted)
    return dict(sorted(found.items()))


SAME = {"MIT License": "MIT", "BSD License": "BSD", "BSD 3-Clause License": "BSD-3-Clause", "Apache 2.0": "Apache-2.0",
        "Apache Software License": "Apache-2.0", "ISC License (ISCL)": "ISC", "Mozilla Public License 2.0 (MPL 2.0)":
        "MPL-2.0", "Python Software Foundation License": "PSF-2.0"}


def licence(metadata):
    "The expression, else the classifiers, else the first line of the text"
    every = [o.split(" :: ") for o in metadata.get_all("Classifier", [])]
    classes = [o[-1] for o in every if o[0]=="License" and o[-1]!="OSI Approved"]
    told = metadata.get("License-Expression") or "; ".join(classes) or metadata.get("License", "").split("\n")[0]
    return SAME.get(told, told)


def advisories(audited):
    "What pip-audit said of one package"
    if not audited or "skip_reason" in audited: return "not checked"
    return ", ".join(o["id"] for o in audited["vulns"]) or "none"


def in_safety_db(name, version, known):
    "Which versions that safety-db warns of include this one"
    if name not in known: return "none known"
    return ", ".join(o for o in known[name] if SpecifierSet(o).contains(version, prereleases=True)) or "others only"


def main():
    audit, known = (json.loads(Path(o).read_text()) for o in sys.argv[1:3])
    audit = {canonicalize_name(o["name"]): o for o in audit["dependencies"]}
    known = {canonicalize_name(name): specifiers for name, specifiers in known.items()}
    rows = [dict(package=name, version=d.version, licence=licence(d.metadata), advisories=advisories(audit.get(name)),
                 safety_db=in_safety_db(name, d.version, known)) for name, d in needed("tf_transfer").items()]
    write_table(rows, RESULTS/"dependencies.csv", commit=commit(), date=time.strftime("%Y-%m-%d"))


if __name__=="__main__": main()
