"Workflows, Binder, Docker and the devcontainer name what there is: make's targets, Python's version, files, addresses"
import json
import os
import re
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml

root = Path(__file__).parent.parent
sys.path.insert(0, str(root/'docs'))
from build import branch  # noqa: E402

config = ConfigParser(delimiters=['='])
config.read(root/'settings.ini')
settings = config['DEFAULT']
python = settings['min_python']
makefile = (root/'Makefile').read_text()
targets = set(re.findall(r'^([a-z]+):', makefile, re.M))
workflows = {p.stem: yaml.safe_load(p.read_text()) for p in (root/'.github'/'workflows').glob('*.yml')}
texts = ['CONTRIBUTING.md', 'README.md', '.ci/run', '.devcontainer/devcontainer.json']
devcontainer = json.loads((root/'.devcontainer'/'devcontainer.json').read_text())
dockerfile = (root/'Dockerfile').read_text()
requirements = (root/'.binder'/'requirements.txt').read_text().splitlines()


def steps_of(workflow): return [step for job in workflow['jobs'].values() for step in job['steps']]
def runs_of(workflow): return [step['run'] for step in steps_of(workflow) if 'run' in step]


def test_make_lists_its_targets():
    assert targets == set(re.findall(r'^([a-z]+):.*?## ', makefile, re.M))
    assert targets == set(re.search(r'^\.PHONY: (.+)', makefile, re.M)[1].split())


def made(code):
    "The targets that lines of shell make"
    return {target for line in re.findall(r'^\s*make ((?:[a-z]+ ?)+)', code, re.M) for target in line.split()}


@pytest.mark.parametrize('name', texts)
def test_targets_exist(name):
    text = (root/name).read_text()
    quoted = '\n'.join(re.findall(r'[`"](make [^`"]+)[`"]', text))
    assert made(text) | made(quoted) <= targets


@pytest.mark.parametrize('name', workflows)
def test_workflows(name):
    workflow = workflows[name]
    assert workflow['name'] == name and True in workflow, 'YAML reads "on" as true'
    assert [s['with']['python-version'] for s in steps_of(workflow) if 'setup-python' in s.get('uses', '')] == [python]
    assert all(re.fullmatch(r'[\w-]+/[\w-]+@(v\d+|release/v\d+)', s['uses']) for s in steps_of(workflow) if 'uses' in s)
    assert made('\n'.join(runs_of(workflow))) <= targets


def test_what_is_merged_is_what_the_workflow_tests():
    assert runs_of(workflows['tests']) == re.findall(r'^make .+', (root/'.ci'/'run').read_text(), re.M)


def test_release_asks_for_no_password():
    assert workflows['release']['jobs']['pypi']['permissions']['id-token'] == 'write'
    assert 'secrets.' not in str(workflows['release'])


def test_the_branch_of_the_site():
    assert f'git init -q -b {branch}\n' in '\n'.join(runs_of(workflows['docs']))


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
