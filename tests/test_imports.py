"Imports point one way: the table in explanations/architecture says which module may use which"
import ast
from importlib import import_module
from pathlib import Path

import pytest
from fastcore.nbio import read_nb

root = Path(__file__).parent.parent
package = root/'tf_transfer'
modules = {p.stem: p for p in package.glob('*.py') if not p.stem.startswith('_')}


def table_rows():
    "The rows of the architecture page's table, as lists of cells"
    for cell in read_nb(root/'nbs'/'explanations'/'architecture.ipynb').cells:
        lines = [o for o in cell.source.splitlines() if o.startswith('|')]
        if lines and 'may use' in lines[0]:
            return [[o.strip(' `') for o in line.strip('|').split('|')] for line in lines[2:]]
    raise AssertionError('explanations/architecture has no table with the column "may use"')


def may_use():
    "{module: the modules it may use}, in the table's order"
    res = {}
    for notebook, module, _, used in table_rows():
        names = {o.strip(' `') for o in used.split(',')} - {'-'}
        res[module] = set(res) if names == {'all above'} else names
    return res


def imported(path):
    "The modules of this package that a module imports, anywhere in it"
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import): names |= {o.name for o in node.names}
        if isinstance(node, ast.ImportFrom):
            source = '.'.join(filter(None, [package.name if node.level else '', node.module]))
            names |= {source} | {f'{source}.{o.name}' for o in node.names}
    found = {o.split('.')[1] for o in names if o.startswith(f'{package.name}.')}
    return found & (modules.keys() | may_use().keys())


def test_table_lists_every_module():
    assert sorted(may_use()) == sorted(modules), 'explanations/architecture and the package name different modules'


def test_table_names_the_notebooks():
    for notebook, module, *_ in table_rows():
        path = root/'nbs'/f'{notebook}.ipynb'
        assert path.exists(), f'no {path.name}'
        assert f'default_exp {module}' in path.read_text(), f'{path.name} does not export to {module}'


def test_table_points_up():
    "So it has no cycle"
    above = set()
    for module, used in may_use().items():
        assert used <= above, f'{module} may use {sorted(used - above)}, which no row above it names'
        above.add(module)


@pytest.mark.parametrize('module', sorted(modules))
def test_imports_follow_the_table(module):
    extra = imported(modules[module]) - may_use()[module]
    assert not extra, f'{module} imports {sorted(extra)}, which explanations/architecture does not allow it to use'


@pytest.mark.parametrize('notebook', sorted((root/'nbs').rglob('[!.]*.ipynb')), ids=lambda p: p.name)
def test_what_a_notebook_imports_is_there(notebook):
    "In the cells that need real data too, which the tests seldom run"
    for cell in read_nb(notebook).cells:
        if cell.cell_type != 'code' or cell.source.lstrip().startswith(('%', '!')): continue
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.ImportFrom) and not node.level and node.module.split('.')[0] == package.name:
                missing = [o.name for o in node.names if not hasattr(import_module(node.module), o.name)]
                assert not missing, f'{node.module} has no {", ".join(missing)}'
