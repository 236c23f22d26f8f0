"""Notebooks as tests: pytest collects every notebook, one item per H2 section.

The sections of a notebook share their variables, as in Jupyter; a section selected alone first runs what is above it.
Cells with one of nbdev's test flags run only when asked for: `pytest --flags realdata,slow`.
Nothing that is tested reaches the network, subprocesses included: see tests/offline."""
import os
import re
import runpy
import sys
import tempfile
import traceback
from functools import cache
from pathlib import Path

import pytest
from execnb.shell import CaptureShell
from filelock import FileLock
from hypothesis import settings
from nbdev.config import get_config
from nbdev.process import NBProcessor
from nbdev.test import nb_test_cells

offline = Path(__file__).parent/'tests'/'offline'
runpy.run_path(str(offline/'sitecustomize.py'))
if str(offline) not in os.environ.get('PYTHONPATH', ''):
    os.environ['PYTHONPATH'] = os.pathsep.join(filter(None, [str(offline), os.environ.get('PYTHONPATH')]))

pytest_plugins = ['pytester']
settings.register_profile('same each time', derandomize=True)     # bench/fuzz.py looks for new ones
settings.load_profile('same each time')
cfg = get_config(Path(__file__).parent)
test_flags = cfg.tst_flags.split()


def pytest_addoption(parser):
    parser.addoption('--flags', default='', help=f"also run what is flagged with these: {','.join(test_flags)}")


def pytest_configure(config):
    asked = set(config.getoption('--flags').replace(',', ' ').split())
    if unknown := asked - set(test_flags):
        raise pytest.UsageError(f"--flags got {', '.join(sorted(unknown))}, wants some of {', '.join(test_flags)}")
    config.left_out = {o: f'{o}: run it with --flags {o}' for o in test_flags if o not in asked}
    if 'realdata' in asked and not os.environ.get('TF_TRANSFER_DATA'):
        config.left_out['realdata'] = 'realdata: the environment variable TF_TRANSFER_DATA is not set'
    if hasattr(config, 'workerinput'): compile_once()


def compile_once():
    "What numba keeps on disk, one of the processes compiles; another that needs it meanwhile waits, and reads it"
    from numba.core.compiler_lock import global_compiler_lock
    from numba.core.dispatcher import Dispatcher
    folder, compile = Path(tempfile.gettempdir())/'tf_transfer-numba', Dispatcher.compile
    folder.mkdir(exist_ok=True)
    lock_of = cache(lambda name, pid: FileLock(folder/name))    # a lock does not outlive a fork

    def compile_alone(self, sig):
        name = f'{self.py_func.__module__}.{self.py_func.__name__}'
        with global_compiler_lock, lock_of(name, os.getpid()): return compile(self, sig)
    Dispatcher.compile = compile_alone


def pytest_report_header(config):
    return f"left out unless named in --flags: {', '.join(config.left_out)}"


def pytest_collect_file(file_path, parent):
    if file_path.suffix == '.ipynb': return Notebook.from_parent(parent, path=file_path)


def pytest_collection_modifyitems(config, items):
    "Plain tests that are marked with a flag follow `--flags` too"
    for item in items:
        for flag, reason in config.left_out.items():
            if item.get_closest_marker(flag): item.add_marker(pytest.mark.skip(reason=reason))


def has_code(cell):
    lines = cell.source.splitlines() if cell.cell_type == 'code' else []
    return any(o.strip() and not o.startswith('#') for o in lines)


def heading(cell, level):
    "The text of the heading that opens a markdown cell, if it has this level"
    found = cell.cell_type == 'markdown' and re.match(rf'{"#" * level} +(.+)', cell.source)
    return found and found[1].replace('`', '').strip()


def sections(cells):
    "Lists of (title, cells), split at each H2; what is above the first one goes by the H1 title"
    res = [(next(filter(None, (heading(c, 1) for c in cells)), 'setup'), [])]
    for c in cells:
        if title := heading(c, 2): res.append((title, []))
        res[-1][1].append(c)
    return res


class Notebook(pytest.File):
    "A notebook and the shell that its sections share"

    def collect(self):
        left_out = self.config.left_out
        self.to_run = nb_test_cells(self.path, skip_flags=list(left_out))
        run_ids = {c.idx_ for c in self.to_run}
        names = []
        for title, cells in sections(NBProcessor(self.path, rm_directives=False).nb.cells):
            code = [c for c in cells if has_code(c)]
            if not code: continue
            names.append(title)
            if names.count(title) > 1: title += f' ({names.count(title)})'
            section = Section.from_parent(self, name=title, last=code[-1].idx_)
            if not any(c.idx_ in run_ids for c in code):
                flags = {o for c in code for o in c.directives_}
                reasons = [reason for flag, reason in left_out.items() if flag in flags]
                section.add_marker(pytest.mark.skip(reason='; '.join(reasons) or 'eval: false'))
            yield section

    def setup(self):
        self.before = Path.cwd(), sys.path[:], dict(os.environ)
        self.todo, self.failed = self.to_run[:], None
        os.environ['IN_TEST'] = '1'
        os.chdir(self.path.parent)
        self.shell = CaptureShell(self.path)

    def run_to(self, section):
        "Run the cells down to the end of `section` that have not run yet"
        if self.failed: pytest.skip(f'"{self.failed}", above it, failed')
        while self.todo and self.todo[0].idx_ <= section.last:
            cell = self.todo.pop(0)
            self.shell.cell(cell, timeout=cfg.cell_timeout)
            if self.shell.exc:
                self.failed = section.name
                raise CellFailed(cell) from self.shell.exc

    def teardown(self):
        if 'matplotlib.pyplot' in sys.modules: sys.modules['matplotlib.pyplot'].close('all')
        self.shell.close()
        self.shell.restore_sys_module_state()
        cwd, sys.path[:], env = self.before
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(env)


class Section(pytest.Item):
    "The cells under one H2; `last` is the index of the last one"

    def __init__(self, *, last, **kwargs):
        super().__init__(**kwargs)
        self.last = last

    def runtest(self): self.parent.run_to(self)
    def reportinfo(self): return self.path, 0, f'{self.path.name}: {self.name}'

    def repr_failure(self, excinfo):
        if not isinstance(excinfo.value, CellFailed): return super().repr_failure(excinfo)
        cell, error = excinfo.value.args[0], excinfo.value.__cause__
        for o in cell.outputs:
            if o.output_type == 'stream': self.add_report_section('call', o.name, ''.join(o.text))
        tb = error.__traceback__
        while tb and tb.tb_frame.f_globals is not self.parent.shell.user_ns: tb = tb.tb_next
        trace = ''.join(traceback.format_exception(type(error), error, tb))
        return f'{self.path.name}, cell {cell.idx_ + 1}:\n\n{cell.source}\n\n{trace}'


class CellFailed(Exception):
    "A cell raised the exception that is the cause of this one"
