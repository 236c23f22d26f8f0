"""Learner copies of the workshop's episodes.

A challenge is a section "## Challenge ..." with a cell for the learner (it holds `...` and a TODO), a folded cell
`#| solution`, and a cell with `check(`. The copies lack the solutions, what is hidden, and the outputs of the
challenges: they are the learner's to make. The code of the checks is folded."""
import ast
import re
from pathlib import Path

from fastcore.nbio import mk_cell, read_nb, write_nb
from fastcore.script import call_parse
from nbdev.clean import clean_nb
from nbdev.config import get_config, nbpath2html

root = Path(__file__).resolve().parent.parent
folder = root/'nbs'/'workshop'
episodes = sorted(folder.glob('[1-6]_*.ipynb'))


def sections(cells):
    "(title, cells) of each H2; what stands above the first has no title"
    res = [('', [])]
    for c in cells:
        title = re.match(r'## +(.+)', c.source) if c.cell_type == 'markdown' else None
        if title: res.append((title[1], []))
        res[-1][1].append(c)
    return res


def is_challenge(title): return title.startswith('Challenge')
def flagged(cell, flag): return cell.cell_type == 'code' and flag in cell.directives
def is_blank(cell): return 'TODO' in cell.source and '...' in cell.source
def is_code(cell): return cell.cell_type == 'code' and not flagged(cell, 'hide')
def is_check(cell): return is_code(cell) and re.search(r'^check\(', cell.source, re.M)


def names_given(source):
    "The names that a cell defines at its top level"
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)): found.add(node.name)
        else: found |= {o.id for o in ast.walk(node) if isinstance(o, ast.Name) and isinstance(o.ctx, ast.Store)}
    return found


def parts_of(title, cells):
    "The learner's cell, the solution and the check of a challenge; exits where one is missing"
    kinds = {'cell for the learner, with ... and TODO,': is_blank, '#| solution cell': lambda c: flagged(c, 'solution'),
             'check': is_check}
    found = {what: [c for c in cells if is_code(c) and is_kind(c)] for what, is_kind in kinds.items()}
    for what, those in found.items():
        if len(those) != 1: raise SystemExit(f'"{title}" has {len(those)} times a {what} and should have one')
    return [those[0] for those in found.values()]


def link(m):
    "Links to other episodes stay; others lead to the site"
    target = (folder/m[1]).resolve()
    if target in episodes: return m[0]
    return f"]({get_config(root).doc_url.rstrip('/')}/{nbpath2html(target.relative_to(root/'nbs')).as_posix()})"


def learner_copy(path):
    "A notebook with blanks where the solutions were"
    nb, kept = read_nb(path), []
    for title, cells in sections(nb.cells):
        if is_challenge(title): parts_of(title, cells)
        for c in cells:
            if flagged(c, 'hide') or flagged(c, 'solution'): continue
            if c.cell_type == 'code':
                c.remove_directives()
                if is_challenge(title): c.outputs = []
                if is_check(c): kept.append(mk_cell('*Check: run the folded cell below.*', 'markdown'))
            else: c.source = re.sub(r'\]\((?!https?:)([^)#\s]+\.ipynb)\)', link, c.source)
            kept.append(c)
    nb.cells = kept
    clean_nb(nb)
    for c in nb.cells:
        # a check names the wrong answers, and so the right one
        if is_check(c): c.metadata['jupyter'] = dict(source_hidden=True)
    return nb


@call_parse
def main(
    out:str='_workshop', # Folder to write the copies to; made if need be
):
    "Write the learner copies of the workshop"
    Path(out).mkdir(exist_ok=True, parents=True)
    for path in episodes: write_nb(learner_copy(path), Path(out)/path.name)
    print(f'{len(episodes)} learner copies are in {out}')
