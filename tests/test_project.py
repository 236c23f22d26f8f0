"The files that repeat the project's metadata agree with settings.ini"
import ast
import re
import tomllib
from configparser import ConfigParser
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import yaml
from setuptools import find_packages

import tf_transfer

root = Path(__file__).parent.parent
config = ConfigParser(delimiters=['='])
config.read(root/'settings.ini')
settings = config['DEFAULT']
pyproject = tomllib.loads((root/'pyproject.toml').read_text())
citation = yaml.safe_load((root/'CITATION.cff').read_text())
scripts = dict(o.split('=') for o in settings['console_scripts'].split())


def test_version():
    assert tf_transfer.__version__ == settings['version'], 'nbdev-export brings __version__ up to date'
    assert str(citation['version']) == settings['version']
    newest = re.search(r'^## (\S+)', (root/'CHANGELOG.md').read_text(), re.M)[1]
    assert newest == settings['version']


def test_names_and_addresses():
    assert pyproject['project']['name'] == citation['title'] == settings['lib_name']
    assert pyproject['project']['urls'] == dict(Repository=settings['git_url'], Documentation=settings['doc_url'])
    assert citation['repository-code'] == settings['git_url']
    assert citation['license'] == settings['license']


@pytest.mark.parametrize('name', ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'nbs/index.ipynb'])
def test_links_to_the_repository(name):
    addresses = re.findall(rf'https://github.com/[\w-]+/{settings["lib_name"]}', (root/name).read_text())
    assert set(addresses) <= {settings['git_url']}


def test_constraints_pin_every_requirement():
    pinned = {re.split('[=]=', o)[0].lower() for o in (root/'constraints.txt').read_text().split()}
    wanted = (settings['requirements'] + settings['dev_requirements']).split()
    assert {re.split('[<>=]', o)[0] for o in wanted} <= pinned


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
