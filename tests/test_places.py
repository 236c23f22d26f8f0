"The workflows, Binder, Docker and the devcontainer name what there is: make's targets, Python's version, files, addresses"
import json
import os
import re
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml

root = Path(__file__).parent.parent
config = ConfigParser(delimiters=['='])
config.read(root/'settings.ini')
settings = config['DEFAULT']
python = settings['min_python']
makefile = (root/'Makefile').read_text()
targets = set(re.findall(r'^([a-z]+):', makefile, re.M))
workflows = sorted((root/'.github'/'workflows').glob('*.yml'))
devcontainer = json.loads((root/'.devcontainer'/'devcontainer.json').read_text())
dockerfile = (root/'Dockerfile').read_text()
requirements = (root/'.binder'/'requirements.txt').read_text().splitlines()


def steps_of(workflow): return [step for job in workflow['jobs'].values() for step in job['steps']]


def test_make_lists_its_targets():
    assert targets == set(re.findall(r'^([a-z]+):.*?## ', makefile, re.M))
    assert targets == set(re.search(r'^\.PHONY: (.+)', makefile, re.M)[1].split())


@pytest.mark.parametrize('text', [*workflows, root/'CONTRIBUTING.md', root/'README.md', root/'.ci'/'run', root/'.devcontainer'/'devcontainer.json'], ids=lambda o: o.name)
def test_targets_exist(text):
    code = re.findall(r'(?:^\s*|[`"]|run: )make ((?:[a-z]+ ?)+)', text.read_text(), re.M)
    assert {target for line in code for target in line.split()} <= targets


@pytest.mark.parametrize('path', workflows, ids=lambda o: o.name)
def test_workflows(path):
    workflow = yaml.safe_load(path.read_text())
    steps = steps_of(workflow)
    assert workflow['name'] == path.stem and True in workflow, 'YAML reads "on" as true'
    assert [s['with']['python-version'] for s in steps if 'setup-python' in s.get('uses', '')] == [python]
    assert all(re.fullmatch(r'[\w-]+/[\w-]+@(v\d+|release/v\d+)', s['uses']) for s in steps if 'uses' in s)


def test_what_is_merged_is_what_the_workflow_tests():
    runs = [s['run'] for s in steps_of(yaml.safe_load((root/'.github'/'workflows'/'tests.yml').read_text())) if 'run' in s]
    assert runs == re.findall(r'^make .+', (root/'.ci'/'run').read_text(), re.M)


def test_release_asks_for_no_password():
    release = yaml.safe_load((root/'.github'/'workflows'/'release.yml').read_text())
    assert release['jobs']['pypi']['permissions']['id-token'] == 'write'
    assert 'secrets.' not in str(release)


def test_the_branch_of_the_site():
    build = (root/'docs'/'build.py').read_text()
    branch = re.search(r"copies, branch = '_notebooks', '([\w-]+)'", build)[1]
    assert f'git init -q -b {branch}' in (root/'.github'/'workflows'/'docs.yml').read_text()


def test_python_versions():
    assert (root/'.binder'/'runtime.txt').read_text().strip() == f'python-{python}'
    assert f'FROM python:{python}-slim' in dockerfile
    assert devcontainer['image'].endswith(f'/python:{python}')
    assert f'Python {python} or later' in (root/'README.md').read_text()
    assert f'for Python {python}' in makefile


def test_binder():
    constraints, = [o.split()[1] for o in requirements if o.startswith('-c ')]
    assert (root/'.binder'/constraints).resolve() == root/'constraints.txt'
    script = root/'.binder'/'postBuild'
    assert os.access(script, os.X_OK)
    assert all((root/o).exists() for o in re.findall(r'^python (\S+)', script.read_text(), re.M))


def test_docker():
    assert all((root/o).exists() for o in re.findall(r'(?:-c|python) (\S+\.(?:txt|py))', dockerfile))
    ignored = (root/'.dockerignore').read_text().split()
    assert not {'nbs', 'docs', 'tf_transfer', 'constraints.txt', 'README.md', 'settings.ini'} & set(ignored)
