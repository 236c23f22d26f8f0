"The files that repeat the project's metadata agree with settings.ini"
import ast
import re
import shutil
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from datetime import date
from importlib.metadata import PackageNotFoundError, entry_points, metadata
from pathlib import Path
from tarfile import open as open_tar
from zipfile import ZipFile

import pandas as pd
import pytest
import yaml
from fastcore.nbio import read_nb
from packaging.specifiers import SpecifierSet
from setuptools import find_packages

import tf_transfer
from tf_transfer.model.saving import released

root = Path(__file__).parent.parent
config = ConfigParser(delimiters=['='])
config.read(root/'settings.ini')
settings = config['DEFAULT']
pyproject = tomllib.loads((root/'pyproject.toml').read_text())
citation = yaml.safe_load((root/'CITATION.cff').read_text())
readme = (root/'README.md').read_text()
scripts = dict(o.split('=') for o in settings['console_scripts'].split())


def test_version():
    assert tf_transfer.__version__ == settings['version'], 'nbdev-export brings __version__ up to date'
    assert str(citation['version']) == settings['version']
    newest = re.search(r'^## (\S+)', (root/'CHANGELOG.md').read_text(), re.M)[1]
    assert newest == settings['version']


def test_names_and_addresses():
    assert pyproject['project']['name'] == citation['title'] == settings['lib_name']
    assert pyproject['project']['urls'] == dict(
        Repository=settings['git_url'], Documentation=settings['doc_url'], Issues=f"{settings['git_url']}/issues",
        Changelog=f"{settings['git_url']}/blob/main/CHANGELOG.md")
    assert citation['repository-code'] == settings['git_url']
    assert citation['license'] == settings['license']


def test_classifiers():
    "Versions of Python are those that bench/compat.py ran; a licence stands among the metadata, not here"
    classifiers = pyproject['project']['classifiers']
    ran = (root/'bench'/'results'/'compatibility.csv').read_text()
    versions = [o.split(' :: ')[-1] for o in classifiers if re.search(r'Python :: 3\.\d+$', o)]
    assert settings['min_python'] in versions and all(f',{o}.' in ran for o in versions)
    assert not [o for o in classifiers if o.startswith('License')]


def tracked():
    "Paths that git knows, relative to the project"
    found = subprocess.run(['git', 'ls-files', '-z'], cwd=root, capture_output=True, text=True)
    if found.returncode: pytest.skip('not a clone: these files came from an sdist')
    return [o for o in found.stdout.split('\0') if o and (root/o).exists()]


@pytest.fixture(scope='module')
def built(tmp_path_factory):
    "The folder of sdist and wheel, and what setuptools said"
    copy, paths = tmp_path_factory.mktemp('project')/'copy', tracked()
    for path in paths:
        (copy/path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root/path, copy/path)
    build = "from setuptools import build_meta as b; b.build_sdist('dist'); b.build_wheel('dist')"
    said = subprocess.run([sys.executable, '-W', 'default', '-c', build], cwd=copy, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    return copy/'dist', said.stdout + said.stderr


def test_setuptools_does_not_warn(built):
    assert re.findall(r'.*(?:Warning: |warning: (?!\w+: byte-compiling)).*', built[1]) == []


def test_sdist_has_every_file(built):
    "So that its tests run"
    path, = built[0].glob('*.tar.gz')
    with open_tar(path) as f: inside = {o.partition('/')[2] for o in f.getnames()}
    assert sorted(set(tracked()) - inside) == []


def test_wheel_has_the_package_alone(built):
    path, = built[0].glob('*.whl')
    with ZipFile(path) as f: inside = {o for o in f.namelist() if '.dist-info/' not in o}
    assert inside == {o for o in tracked() if o.startswith(f"{settings['lib_name']}/")}
    assert {f'tf_transfer/weights/{o.name}' for o in released().values()} <= inside


@pytest.mark.parametrize('name', ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'nbs/index.ipynb', 'paper.md'])
def test_links_to_the_repository(name):
    addresses = re.findall(rf'https://github.com/[\w-]+/{settings["lib_name"]}', (root/name).read_text())
    assert set(addresses) <= {settings['git_url']}


def test_readme_names_the_extras():
    extras = {o.removesuffix('_requirements') for o in settings if o.endswith('_requirements')}
    assert set(re.findall(r'^\| `(\w+)` \| (?=.*(?:, by |work on the package))', readme, re.M)) == extras


def fields_of(bibtex):
    "Kind and name of each entry, to its fields"
    entries = re.findall(r'@(\w+)\{(\w+),(.+?)\n\}', bibtex, re.S)
    return {(kind, name): dict(re.findall(r'(\w+) = \{(.+?)\}(?=,|$)', text, re.M)) for kind, name, text in entries}


def test_citations():
    "README, the page and paper.bib cite what CITATION.cff says"
    paper = citation['preferred-citation']
    wanted = {k: str(paper[k]) for k in ('title', 'journal', 'volume', 'year', 'doi')}
    page = ''.join(o for c in read_nb(root/'nbs'/'howto'/'9_cite.ipynb').cells if c.cell_type == 'code'
                   for out in c.outputs for o in out.get('text', ''))
    for text in (readme, page, (root/'paper.bib').read_text()):
        assert wanted.items() <= fields_of(text)['article', 'novakovsky2021'].items()
    assert str(citation['date-released']) <= str(date.today())
    for text in (readme, page):
        software = fields_of(text)['software', settings['lib_name']]
        assert software['version'] == settings['version'] and software['url'] == settings['git_url']
        assert software['year'] == str(citation['date-released'].year)
    assert f"Version {settings['version']}." in readme


def test_paper_is_in_the_form_of_its_journal():
    "JOSS: metadata, sections, 750 to 1,750 words, and references of which all are cited"
    _, head, text = (root/'paper.md').read_text().split('---\n', 2)
    head = yaml.safe_load(head)
    assert {'title', 'tags', 'authors', 'affiliations', 'date', 'bibliography'} <= head.keys()
    assert [o['name'] for o in head['authors']] == [settings['author']] == [o['name'] for o in citation['authors']]
    assert {o['affiliation'] for o in head['authors']} <= {o['index'] for o in head['affiliations']}
    sections = re.findall(r'^# (.+)', text, re.M)
    assert sections == ['Summary', 'Statement of need', 'State of the field', 'Software design',
                        'Research impact statement', 'AI usage disclosure', 'Acknowledgements', 'References']
    assert 750 < len(text.split()) < 1750
    entries = {name for _, name in fields_of((root/head['bibliography']).read_text())}
    assert set(re.findall(r'@(\w+)', text)) == entries


def test_figures_of_the_paper():
    "They are those of page 02's table and of the regions that `peers.py` learned from"
    text = ' '.join((root/'paper.md').read_text().split())
    results = root/'bench'/'results'
    runs = pd.read_csv(results/'transfer.csv', dtype=dict(n_peaks=str))
    five = runs.tf.isin(['JUND', 'MAX', 'SPI1', 'SP1', 'HNF4A'])
    runs = runs[five & (runs.labels == 'bound') & (runs.knowledge == 'any')]
    means = runs.groupby(['n_peaks', 'method']).auprc.mean().round(3).unstack()
    others = means.drop(columns=[o for o in means if o.startswith(('auto', 'probe'))])
    assert (others.idxmax(axis=1) == 'these, stacked').all()
    fifty, everything = ([f'{means[o][n]:.3f}' for o in ('auto', 'these, stacked')] for n in ('50', 'all'))
    assert f'mean AUPRC of {fifty[0]} with 50 peaks,' in text and f'the best of the others, {fifty[1]}.' in text
    assert f'it is {everything[0]} and {everything[1]}.' in text and set(runs.prevalence) == {0.5}
    learned = runs[runs.n_peaks == 'all'].n_bound
    assert f'With all peaks, {learned.min():,} to {learned.max():,},' in text


@pytest.mark.parametrize('path', [o for o in sorted((root/'.github'/'ISSUE_TEMPLATE').glob('*.yml'))
                                  if o.stem != 'config'], ids=lambda o: o.stem)
def test_issue_templates(path):
    form = yaml.safe_load(path.read_text())
    assert form['name'] and form['description'] and form['labels']
    assert all(o['type'] == 'textarea' and o['id'] and o['attributes']['label'] for o in form['body'])
    assert re.findall(r'tft-\w+', path.read_text()) in ([], ['tft-demo']) and 'tft-demo' in scripts


def test_constraints_pin_every_requirement():
    pinned = {re.split('[=]=', o)[0].lower() for o in (root/'constraints.txt').read_text().split()}
    made = re.search(r'^dist:.*\n\t\$\(pip-install\) (.+)', (root/'Makefile').read_text(), re.M)[1]
    wanted = (settings['requirements'] + settings['dev_requirements'] + f' {made}').split()
    assert {re.split('[<>=]', o)[0].lower() for o in wanted} <= pinned


def test_constraints_fit_the_oldest_python():
    "Debian 12 has Python 3.11.2: no pin may ask for a later 3.11"
    pins = (o.split('==') for o in (root/'constraints.txt').read_text().split())
    asked = {}
    for name, version in pins:
        try: found = metadata(name)
        except PackageNotFoundError: continue
        if found['Version'] == version: asked[name] = found.get('Requires-Python', '')
    assert len(asked) > 50
    assert {k: v for k, v in asked.items() if '3.11.2' not in SpecifierSet(v)} == {}


def test_every_wing_is_packaged():
    "A folder without __init__.py would be left out of the wheel"
    package = settings['lib_name']
    packages = find_packages(root, include=[package, f'{package}.*'])
    assert {root/o.replace('.', '/') for o in packages} == {p.parent for p in (root/package).rglob('*.py')}


@pytest.mark.parametrize('command', scripts)
def test_commands(command):
    module, function = scripts[command].split(':')
    code = ast.parse((root/module.replace('.', '/')).with_suffix('.py').read_text())
    assert function in [o.name for o in code.body if isinstance(o, ast.FunctionDef)]
    assert entry_points(group='console_scripts', name=command), 'install the package again: make test does'


@pytest.mark.parametrize('path', sorted((root/'findings').iterdir()), ids=lambda o: o.name)
def test_findings(path):
    "Each script says what surprises, the lesson, and what is done about it; the page of them is in step"
    lines = [o[2:] for o in path.read_text().splitlines() if o.startswith('# ')]
    surprise, lesson, here, _ = re.split(r' (?:Lesson|Here): | Exits 0 while', ' '.join(lines))
    cells = read_nb(root/'nbs'/'explanations'/'findings.ipynb').cells
    page = ''.join(o for c in cells if c.cell_type == 'code' for out in c.outputs for o in out['data']['text/markdown'])
    assert all(o in page for o in (surprise, lesson, here, f'[`{path.name}`]'))
    module, test = re.search(r'\(([\w.]+); (tests/\w+\.py)\)', here).groups()
    assert (root/settings['lib_name']/f"{module.replace('.', '/')}.py").exists() and (root/test).exists()
    assert re.search(r'pip install -q|pip -q install', path.read_text()) and '==' in path.read_text()
