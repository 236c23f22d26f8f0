"What nbdev calls in this project: tf_transfer/_nbdev.py"
import re
import subprocess
import sys
from pathlib import Path
from shutil import copy, copytree

from tf_transfer._modidx import d as index
from tf_transfer._nbdev import signature, table

root = Path(__file__).parent.parent


def scan(
    path:str|Path, # A FASTA file
    *motifs, # Names | PWMs
    width:int=200, # Width, bp
    key:callable=len, # What to sort by
) -> list: # Hits
    "Scan"


def test_signature():
    assert signature(scan, 'scan') == 'scan(path, *motifs, width=200, key=len)'
    assert signature(scan, 'scan', width=20) == 'scan(\n    path,\n    *motifs,\n    width=200,\n    key=len,\n)'


def test_table():
    assert table(scan).splitlines() == [
        '| Parameter | Type | Default | Meaning |', '| --- | --- | --- | --- |',
        r'| `path` | str \| Path |  | A FASTA file |',
        r'| `motifs` |  |  | Names \| PWMs |',
        '| `width` | int | `200` | Width, bp |',
        '| `key` | callable | `len` | What to sort by |',
        '| *returns* | list |  | Hits |']
    assert table(lambda x: x) == ''


def test_export_copies_the_version_and_leaves_the_wings(tmp_path):
    for name in ('nbs', 'tf_transfer'): copytree(root/name, tmp_path/name)
    copy(root/'pyproject.toml', tmp_path)
    (tmp_path/'settings.ini').write_text('[DEFAULT]\nversion = 9.8.7\n')
    subprocess.run([Path(sys.executable).parent/'nbdev-export'], cwd=tmp_path, check=True)
    inits = {p.relative_to(root): p.read_text() for p in (root/'tf_transfer').rglob('__init__.py')}
    after = {p: (tmp_path/p).read_text() for p in inits}
    own = Path('tf_transfer/__init__.py')
    assert after.pop(own) == re.sub('__version__ = ".+"', '__version__ = "9.8.7"', inits[own])
    assert len(after) > 9 and after.items() <= inits.items()


def test_the_index_has_every_module():
    modules = {'.'.join(p.relative_to(root).with_suffix('').parts) for p in (root/'tf_transfer').rglob('*.py')
               if not p.name.startswith('_') and re.search('^(def|class) ', p.read_text(), re.M)}
    assert modules <= index['syms'].keys()
