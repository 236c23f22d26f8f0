"How pytest collects, runs, skips and reports notebooks: see conftest.py"
import subprocess
import sys
from functools import partial
from pathlib import Path
from shutil import copy, copytree

import pytest
from fastcore.nbio import mk_cell, new_nb, write_nb

root = Path(__file__).parent.parent
md, code = partial(mk_cell, cell_type='markdown'), partial(mk_cell, cell_type='code')

passing = [
    code('#| default_exp dna'),
    md('# DNA\n\n> Strings and arrays'),
    code('import os\nassert os.environ["IN_TEST"]\nx = 1'),
    md('## Encode'),
    code('x += 1\nassert x == 2'),
    md('## Only prose'),
    md('No code here.'),
    md('## Decode'),
    code('assert x == 2, "the cells above ran twice, or not at all"'),
    code('#| slow\nx = 100'),
    md('## On real data'),
    code('#| realdata\nopen("no such file")'),
    md('## Not run'),
    code('#| eval: false\n1/0'),
]
failing = [
    md('# Transfer'),
    code('def freeze(n): return n/0'),
    md('## Freeze'),
    code('print("about to freeze")\nfreeze(3)'),
    md('## Fine-tune'),
    code('pass'),
]

after = '''import os, sys

def test_after():
    assert os.path.exists("conftest.py") and "pytest" in sys.modules["__main__"].__file__
    assert "IN_TEST" not in os.environ and not any(o.endswith("nbs") for o in sys.path)
'''


@pytest.fixture
def project(pytester, monkeypatch):
    "A project with this one's configuration and two small notebooks; plugins that pytest finds by itself stay out"
    for name in ('conftest.py', 'pyproject.toml'): copy(root/name, pytester.path)
    nbs, tests = pytester.mkdir('nbs'), pytester.mkdir('tests')
    copytree(root/'tests'/'offline', tests/'offline')
    write_nb(new_nb(passing), nbs/'00_dna.ipynb')
    write_nb(new_nb(failing), nbs/'30_transfer.ipynb')
    (tests/'test_plain.py').write_text('import pytest\n\n@pytest.mark.slow\ndef test_plain(): pass\n')
    monkeypatch.delenv('TF_TRANSFER_DATA', raising=False)
    monkeypatch.setenv('PYTEST_DISABLE_PLUGIN_AUTOLOAD', '1')
    monkeypatch.setenv('PYTEST_PLUGINS', 'pytest_timeout')
    return pytester


def test_a_section_is_an_item(project):
    """It passes, fails and shows its cell, is skipped above or below a failure, or left out by a flag; its surroundings
    are restored"""
    (project.path/'tests'/'test_after.py').write_text(after)
    res = project.runpytest_subprocess('-v', '-rs', 'nbs', 'tests')
    res.assert_outcomes(passed=5, failed=1, skipped=4)
    res.stdout.fnmatch_lines([
        'nbs/00_dna.ipynb::DNA PASSED*', 'nbs/00_dna.ipynb::Encode PASSED*', 'nbs/00_dna.ipynb::Decode PASSED*',
        'nbs/00_dna.ipynb::On real data SKIPPED*', 'nbs/00_dna.ipynb::Not run SKIPPED*',
        'nbs/30_transfer.ipynb::Transfer PASSED*', 'nbs/30_transfer.ipynb::Freeze FAILED*',
        'nbs/30_transfer.ipynb::Fine-tune SKIPPED*', 'tests/test_after.py::test_after PASSED*',
        '*30_transfer.ipynb: Freeze*', '30_transfer.ipynb, cell 4:', 'freeze(3)', 'Traceback*',
        '*def freeze(n): return n/0*', 'ZeroDivisionError: division by zero', 'about to freeze'])
    res.stdout.fnmatch_lines_random([
        'SKIPPED*"Freeze", above it, failed', 'SKIPPED*slow: run it with --flags slow',
        'SKIPPED*realdata: run it with --flags realdata', 'SKIPPED*eval: false'])
    for words in ('*Only prose*', '*site-packages*'): res.stdout.no_fnmatch_line(words)


def test_a_section_alone_runs_what_is_above_it(project):
    res = project.runpytest_subprocess('-rA', 'nbs/00_dna.ipynb::Decode', 'nbs/30_transfer.ipynb::Fine-tune')
    res.assert_outcomes(passed=1, failed=1)
    res.stdout.fnmatch_lines_random(['PASSED*00_dna*', 'FAILED*30_transfer*'])


def test_flags_can_be_asked_for(project, monkeypatch):
    run = partial(project.runpytest_subprocess, '-rs', '-k', 'dna or plain', '--flags')
    res = run('slow,realdata')
    res.assert_outcomes(passed=4, skipped=2)
    res.stdout.fnmatch_lines(['SKIPPED*TF_TRANSFER_DATA is not set'])
    monkeypatch.setenv('TF_TRANSFER_DATA', 'data')
    run('slow realdata').assert_outcomes(passed=4, failed=1, skipped=1)
    run('sluggish').stderr.fnmatch_lines(['*got sluggish, wants some of slow*'])


def test_nbdev_agrees(project):
    run = partial(subprocess.run, cwd=project.path, capture_output=True, text=True)
    nbdev_test = Path(sys.executable).parent/'nbdev-test'
    assert run([nbdev_test, 'nbs/00_dna.ipynb']).returncode == 0
    assert run([nbdev_test, 'nbs/30_transfer.ipynb']).returncode == 1
