"Every public function, class and method says what it does and what it takes, and is used in a lesson or a test"
import importlib
import inspect
import re
from functools import cached_property
from pathlib import Path

import pytest
from fastcore.docments import docments
from fastcore.nbio import read_nb

root = Path(__file__).parent.parent
package = root/'tf_transfer'
files = sorted(p.relative_to(root) for p in package.rglob('[!_]*.py') if p != package/'all.py')
rooms = ['.'.join(p.with_suffix('').parts) for p in files]


def test_rooms_are_found():
    assert {'tf_transfer.core', 'tf_transfer.genome.dna', 'tf_transfer.commands.base'} <= set(rooms)


def public(room):
    "The exported functions and classes of a room, with the methods that their classes do not inherit"
    module = importlib.import_module(room)
    for name in module.__all__:
        symbol = getattr(module, name)
        if not inspect.isclass(symbol) and not inspect.isroutine(symbol): continue
        yield name, symbol
        for member, o in vars(symbol).items() if inspect.isclass(symbol) else ():
            if isinstance(o, (classmethod, staticmethod)): o = o.__func__
            if isinstance(o, property): o = o.fget
            if isinstance(o, cached_property) or hasattr(o, 'func'): o = o.func
            if member.startswith('_') or not inspect.isfunction(o) or inherited(symbol, member): continue
            yield f'{name}.{member}', o


def inherited(cls, name):
    "Does a base class say what this method does? fastai's callbacks know their events by name"
    return any(hasattr(base, name) for base in cls.__mro__[1:]) or name in getattr(cls, '_methods', ())


def unsaid(symbol):
    "The parameters without a comment beside them, unless a class of ours above says them"
    of_ours = inspect.isclass(symbol) and symbol.__base__.__module__.startswith(package.name)
    if of_ours and '__init__' not in vars(symbol): return []
    above = inspect.signature(symbol.__base__).parameters if of_ours else ()
    given = {'self', 'cls', 'return', 'args', 'kwargs', *above, *getattr(symbol, '_methods', ())}
    params = docments(symbol, full=True, args_kwargs=True)
    return [name for name, o in params.items() if name not in given and not o['docment']]


@pytest.mark.parametrize('room', rooms)
def test_documented(room):
    wrong = {}
    for name, symbol in public(room):
        if not (symbol.__doc__ or '').strip(): wrong[name] = 'no docstring'
        elif missing := unsaid(symbol): wrong[name] = f"nothing beside {', '.join(missing)}"
    assert not wrong


@pytest.fixture(scope='module')
def code():
    "All cells of notebooks and all files of tests"
    paths = [path for path in (root/'nbs').rglob('*.ipynb') if '.ipynb_checkpoints' not in path.parts]
    cells = [c.source for path in paths for c in read_nb(path).cells if c.cell_type == 'code']
    return [*cells, *(path.read_text().replace('tft-', 'tft_') for path in (root/'tests').glob('*.py'))]


@pytest.mark.parametrize('room', rooms)
def test_used(room, code):
    "In a cell that does not define it, or in a test"
    def used(name):
        uses, defines = re.compile(rf'\b{name}\b'), re.compile(rf'(def|class) {name}\b')
        return any(uses.search(o) and not defines.search(o) for o in code)

    assert [name for name, _ in public(room) if not used(name.split('.')[-1])] == []
