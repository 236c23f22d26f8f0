"Imports point one way: between wings in the order of the table in explanations/architecture, inside a wing by number"
import ast
import re
import subprocess
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest
from fastcore.nbio import mk_cell, new_nb, read_nb, write_nb
from tqdm import tqdm

root = Path(__file__).parent.parent
notebooks = sorted(p for p in (root/'nbs').rglob('*.ipynb') if '.ipynb_checkpoints' not in p.parts)


def rows_of(nbs, first):
    "The rows of the table in explanations/architecture whose first column has this heading, as lists of cells"
    for cell in read_nb(nbs/'explanations'/'architecture.ipynb').cells:
        head, *rows = [o for o in cell.source.splitlines() if o.startswith('|')] or ['']
        if head.startswith(f'| {first} |'): return [row.strip('| ').split(' | ') for row in rows[1:]]
    raise AssertionError(f'explanations/architecture has no table that begins with "{first}"')


def notebooks_in(nbs, cell): return [nbs/o for o in re.findall(r'\]\(\.\./(\S+?\.ipynb)\)', cell)]


def table_of(nbs):
    "{wing: its notebooks} from the table in explanations/architecture, in its order"
    return {row[0].strip('`'): notebooks_in(nbs, row[-1]) for row in rows_of(nbs, 'wing')}


def exports_to(path):
    "The module that a notebook exports to, as in genome.dna"
    found = re.search(r'#\| default_exp ([\w.]+)', read_nb(path).cells[0].source)
    return found and found[1]


def number_of(path):
    found = re.match(r'(\d+)_', path.name)
    return found and int(found[1])


def imported(path, package):
    "What a module imports from its package, anywhere in it: genome.dna for the room, genome.dna.encode for the name"
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import): names |= {o.name for o in node.names}
        if not isinstance(node, ast.ImportFrom): continue
        source = node.module
        if node.level:
            inside = [package.name, *path.relative_to(package).parent.parts]
            source = '.'.join([*inside[:len(inside) + 1 - node.level], *filter(None, [source])])
        names |= {source} | {f'{source}.{o.name}' for o in node.names}
    return {o.removeprefix(f'{package.name}.') for o in names if o.startswith(f'{package.name}.')}


def wrong_places(root):
    "Where the table, the folders of notebooks and the modules disagree"
    nbs, package = root/'nbs', root/'tf_transfer'
    table = table_of(nbs)
    for wing, rooms in table.items():
        paths = (nbs/wing).glob('*.ipynb') if (nbs/wing).is_dir() else [nbs/f'{wing}.ipynb']
        made = {p: exports_to(p) for p in paths}
        listed = [p.stem for p in rooms]
        held = [p.stem for p in sorted((p for p, module in made.items() if module), key=number_of)]
        if listed != held: yield f'{wing}: the table lists {listed}, the folder holds {held}'
        for p, module in made.items():
            name = re.sub(r'^\d+_', '', p.stem)
            if module and module not in (name, f'{wing}.{name}'): yield f'{p.relative_to(nbs)} exports to {module}'
    for folder in {p.parent for p in nbs.rglob('*.ipynb')}:
        counts = Counter(number_of(p) for p in folder.glob('*.ipynb') if number_of(p) is not None)
        yield from (f'{folder.name}: {n} notebooks have the number {i}' for i, n in counts.items() if n > 1)
    for p in package.rglob('__init__.py'):
        if found := imported(p, package): yield f'{p.relative_to(package)} imports {sorted(found)}'
    modules = {'.'.join(p.relative_to(package).with_suffix('').parts) for p in package.rglob('[!_]*.py')}
    exported = {exports_to(p) for rooms in table.values() for p in rooms if p.exists()}
    if odd := sorted(modules ^ exported): yield f'without a notebook in the table, or without a module: {odd}'


def wrong_imports(root):
    "Imports that do not point up: to a wing above, or to a smaller number in the same wing"
    package = root/'tf_transfer'
    file_of = lambda room: (package/room.replace('.', '/')).with_suffix('.py')
    above = set()
    for path in (p for rooms in table_of(root/'nbs').values() for p in rooms):
        room = exports_to(path)
        rooms = {o for o in imported(file_of(room), package) if file_of(o).exists()}
        yield from (f'{room} imports {o}, which does not stand above it' for o in sorted(rooms - above))
        above.add(room)


def test_the_table_and_the_folders_agree():
    assert list(wrong_places(root)) == []


def test_imports_point_up():
    assert list(wrong_imports(root)) == []


@pytest.mark.parametrize('row', rows_of(root/'nbs', 'to change'), ids=lambda o: o[-1])
def test_what_can_be_changed_is_where_the_page_says(row):
    room = import_module(f'tf_transfer.{exports_to(notebooks_in(root/"nbs", row[1])[0])}')
    assert [o for o in re.findall(r'`(\w+)`', row[2]) if not hasattr(room, o)] == []


@pytest.fixture
def house(tmp_path):
    "A small package whose imports are right: core, then the wing genome with two rooms, then motifs with one"
    rows = '| `core` |  | [core](../core.ipynb) |\n' \
           '| `genome` |  | [dna](../genome/1_dna.ipynb), [regions](../genome/2_regions.ipynb) |\n' \
           '| `motifs` |  | [pwm](../motifs/1_pwm.ipynb) |'
    files = dict(core='import os', **{
        'genome/1_dna': 'from ..core import pick',
        'genome/2_regions': 'from .dna import encode\nimport tf_transfer.core',
        'motifs/1_pwm': 'def f():\n    from tf_transfer.genome import dna\n    from ..genome.regions import resize'})
    for name, code in files.items(): room(tmp_path, name, code)
    (tmp_path/'tf_transfer'/'genome'/'__init__.py').write_text('"Where in the genome"')
    notebook(tmp_path, 'explanations/architecture', f'| wing | what | rooms |\n|---|---|---|\n{rows}')
    return tmp_path


def notebook(house, name, source, kind='markdown'):
    path = house/'nbs'/f'{name}.ipynb'
    path.parent.mkdir(parents=True, exist_ok=True)
    write_nb(new_nb([mk_cell(source, kind)]), path)


def room(house, name, code):
    "A notebook and the module that is exported from it"
    module = re.sub(r'\d+_', '', name)
    notebook(house, name, f"#| default_exp {module.replace('/', '.')}", 'code')
    path = house/'tf_transfer'/f'{module}.py'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(code)


def test_a_house_in_order_passes(house):
    assert [*wrong_places(house), *wrong_imports(house)] == []


@pytest.mark.parametrize('name, code, words', [
    ('core', 'from .genome.dna import encode', 'core imports genome.dna'),
    ('core', 'def f(): import tf_transfer.motifs.pwm', 'core imports motifs.pwm'),
    ('genome/1_dna', 'from tf_transfer.motifs import pwm', 'genome.dna imports motifs.pwm'),
    ('genome/1_dna', 'def f(): from .regions import resize', 'genome.dna imports genome.regions'),
    ('genome/1_dna', 'from . import regions', 'genome.dna imports genome.regions'),
    ('genome/1_dna', 'from .dna import encode', 'genome.dna imports genome.dna')])
def test_a_wrong_import_is_found(house, name, code, words):
    room(house, name, code)
    assert [o for o in wrong_imports(house) if words in o]


@pytest.mark.parametrize('name, code, words', [
    ('genome/3_formats', '', "['1_dna', '2_regions'], the folder holds ['1_dna', '2_regions', '3_formats']"),
    ('genome/2_formats', '', 'genome: 2 notebooks have the number 2'),
    ('explanations/1_a', '', None), ('show/1_plots', '', "['show.plots']")])
def test_a_room_out_of_place_is_found(house, name, code, words):
    if words: room(house, name, code)
    else:
        for o in ('1_a', '1_b'): notebook(house, f'explanations/{o}', 'text')
        words = 'explanations: 2 notebooks have the number 1'
    assert [o for o in wrong_places(house) if words in o]


def test_a_wing_that_imports_is_found(house):
    (house/'tf_transfer'/'genome'/'__init__.py').write_text('from .dna import *')
    assert [o for o in wrong_places(house) if o.startswith('genome/__init__.py imports')]


def rooms():
    "All rooms but `all`, imported, in the order of the table"
    names = [exports_to(p) for paths in table_of(root/'nbs').values() for p in paths]
    return [import_module(f'tf_transfer.{o}') for o in names if o != 'all']


def test_all_offers_every_public_name():
    everything = import_module('tf_transfer.all')
    names = [(room, name) for room in rooms() for name in room.__all__]
    missing = [f'{o.__name__}.{name}' for o, name in names if getattr(everything, name, None) is not getattr(o, name)]
    assert not missing
    assert {name for _, name in names} | {'np', 'pd', 'plt', 'torch', 'Path'} <= set(everything.__all__)


def test_no_name_means_two_things():
    where = {}
    for room in rooms():
        for name in room.__all__: where.setdefault(name, []).append(room.__name__)
    assert {name: found for name, found in where.items() if len(found) > 1} == {}


def test_package_and_wings_are_light():
    "Importing them loads no library, so that a command's --help is quick"
    wings = [f'tf_transfer.{wing}' for wing in table_of(root/'nbs') if (root/'tf_transfer'/wing).is_dir()]
    code = f'import sys, tf_transfer, {", ".join(wings)}\nprint({{"torch", "fastai", "numpy"}} & sys.modules.keys())'
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout.strip() == 'set()'


def test_predicting_loads_what_it_needs():
    "What trains, draws and compares motifs is imported where it is used"
    code = 'import sys, tf_transfer.model.tables\nprint(*sys.modules)'
    loaded = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout.split()
    heavy = {'fastai', 'matplotlib', 'sklearn', 'numba', 'tangermeme', 'logomaker', 'bioframe'}
    assert 'torch' in loaded and not heavy & {*loaded}


def test_each_wing_says_what_it_is():
    for wing in table_of(root/'nbs'):
        if not (root/'nbs'/wing).is_dir(): continue
        said = ast.get_docstring(ast.parse((root/'tf_transfer'/wing/'__init__.py').read_text()))
        assert said and '\n' not in said


@pytest.mark.parametrize('notebook', notebooks, ids=lambda p: '/'.join(p.parts[-2:]))
def test_what_a_notebook_imports_is_there(notebook):
    "In the cells that need real data too, which the tests seldom run"
    for cell in read_nb(notebook).cells:
        if cell.cell_type != 'code' or cell.source.lstrip().startswith(('%', '!')): continue
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.ImportFrom) and not node.level and node.module.split('.')[0] == 'tf_transfer':
                room = import_module(node.module)
                missing = [o.name for o in node.names if o.name != '*' and not hasattr(room, o.name)]
                assert not missing, f'{node.module} has no {", ".join(missing)}'


def test_names_of_the_package_complete():
    "`import tf_transfer as tft` is light, `dir` knows every function and class, and each is found where it stands"
    code = 'import sys, tf_transfer as tft\nassert {"fit_peaks", "pretrained", "UserError"} <= set(dir(tft))\n' \
           'tft.UserError\nassert not {"torch", "fastai", "numpy"} & sys.modules.keys()\n' \
           'tft.encode\nassert "fastai" not in sys.modules'
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stderr == ''
    tft = import_module('tf_transfer')
    names = [(room, name) for room in rooms() for name in room.__all__]
    wings = [name for room, name in names if getattr(tft, name) is not getattr(room, name)]
    assert wings == ['finetune', 'interpret']
    with pytest.raises(AttributeError, match='has no nothing'): tft.nothing


def test_notebooks_begin_without_a_warning():
    "The bars of tqdm.auto want ipywidgets, which Jupyter comes without, and say so when they are imported"
    with_bars = [o.tqdm for o in rooms() if hasattr(o, 'tqdm')]
    assert with_bars and set(with_bars) == {tqdm}
