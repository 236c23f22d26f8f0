"""The documentation site, from the notebooks.

A copy of nbs/ goes through nbdev's own processors (they add the reference of exported functions and link `names` to it),
then Sphinx makes pages of it with the outputs that are stored in the notebooks. A warning, such as a dead link, is an error."""
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import chdir
from pathlib import Path

import yaml
from fastcore.nbio import mk_cell, read_nb, write_nb
from fastcore.script import call_parse
from nbdev.config import get_config, nbpath2html
from nbdev.serve import proc_nbs

root = Path(__file__).resolve().parent.parent
sections = {     # folder in nbs/ -> caption in the sidebar, in this order
    'tutorials': 'Tutorials', 'howto': 'How-to', 'explanations': 'Explanations', '.': 'Reference',
    'workshop': 'Workshop', 'paper': 'Paper'}


def run(command, *args, cwd=root):
    done = subprocess.run([Path(sys.executable).parent/command, *args], cwd=cwd)
    if done.returncode: sys.exit(f'{command} failed')


def stage(folder):
    "Copy what nbdev reads; in the copied notebooks the title has a cell of its own, since nbdev drops the rest of its cell"
    shutil.copytree(root/'nbs', folder/'nbs', ignore=shutil.ignore_patterns('.ipynb_checkpoints'))
    for name in ('pyproject.toml', 'settings.ini'): shutil.copy(root/name, folder)
    (folder/'tf_transfer').symlink_to(root/'tf_transfer')
    for path in (folder/'nbs').rglob('*.ipynb'):
        nb = read_nb(path)
        for i, cell in enumerate(nb.cells):
            title = cell.cell_type == 'markdown' and re.match(r'# .+\n*(> .+\n*)*', cell.source)
            if not title: continue
            nb.cells.insert(i + 1, mk_cell(cell.source[title.end():], 'markdown'))
            cell.source = title[0]
            break
        write_nb(nb, path)


def process(folder):
    "Run nbdev's processors on the notebooks in `folder`"
    with chdir(folder): return proc_nbs(n_workers=0, force=True)


def adapt_all(processed, src):
    "Write the pages that Sphinx reads to `src`: notebooks in MyST Markdown, images, and an index that lists them"
    notebooks = {p.relative_to(processed): read_nb(p) for p in sorted(processed.rglob('*.ipynb'))}
    labels = {label_of(path, c) for path, nb in notebooks.items() for c in nb.cells if documents(c)}
    for path, nb in notebooks.items():
        page = Page(path, labels)
        nb.cells = [cell for c in nb.cells if (cell := page.adapt(c))]
        nb.metadata['language_info'] = dict(name='python', pygments_lexer='ipython3')
        if page.name == 'index': nb.cells.append(mk_cell(toctrees(notebooks), 'markdown'))
        (src/path).parent.mkdir(parents=True, exist_ok=True)
        write_nb(nb, src/page_of(path).with_suffix('.ipynb'))
    for path in processed.rglob('*'):
        if path.suffix in ('.png', '.svg', '.jpg', '.gif'):
            (src/path.relative_to(processed)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, src/path.relative_to(processed))


def page_of(path):
    "The page of a notebook: its path without the number, as nbdev has it in its links"
    return nbpath2html(path).with_suffix('')


def toctrees(paths):
    "The sidebar: a list of pages for each section that has any"
    res = ['```{toctree}\n:hidden:\n\nHome <self>\n```']
    for folder, caption in sections.items():
        pages = [page_of(p).as_posix() for p in paths if p.parent.as_posix() == folder and p.stem != 'index']
        if pages: res.append('\n'.join(['```{toctree}', ':hidden:', f':caption: {caption}', '', *pages, '```']))
    return '\n\n'.join(res)


def documents(cell):
    "What a cell documents with `show_doc`, if it does"
    found = cell.cell_type == 'code' and re.search(r'^show_doc\((.+)\)', cell.source, re.M)
    return found and found[1]


def label_of(path, cell):
    return f'{page_of(path).name}.{documents(cell)}'.lower()


class Page:
    "Turns the cells of one notebook from nbdev's Markdown (Quarto's) into MyST's"

    def __init__(self, path, labels):
        self.path, self.labels, self.name = path, labels, page_of(path).as_posix()
        self.given = set()
        self.site = get_config(root).doc_url.rstrip('/')
        self.to_root = '../'*(len(path.parts) - 1)

    def adapt(self, cell):
        "The cell as MyST-NB wants it, or None for a cell that does not show"
        cell.metadata.pop('execution', None)
        if cell.cell_type == 'raw': return self.title(cell)
        if documents(cell): return self.reference(cell)
        if cell.cell_type == 'code': return self.code(cell)
        cell.source = self.markdown(cell.source)
        return None if cell.source.startswith('<!-- WARNING') else cell

    def title(self, cell):
        front = yaml.safe_load(cell.source.strip().strip('-'))
        subtitle = front.get('description')
        return mk_cell(f"# {front['title']}" + (f'\n\n{{.subtitle}}\n{subtitle}' if subtitle else ''), 'markdown')

    def reference(self, cell):
        md = ''.join(cell.outputs[0]['data']['text/markdown'])
        md = re.sub(r'^(\[source\]\(.+\))$', r'\1{.source-link}', md, count=1, flags=re.M)
        label = label_of(self.path, cell)
        target = '' if label in self.given else f'({label})=\n'     # a class and a function may differ in case only
        self.given.add(label)
        return mk_cell(target + self.markdown(md), 'markdown')

    def code(self, cell):
        options = cell.directives
        cell.remove_directives()
        tags = {'echo': 'remove-input', 'output': 'remove-output', 'include': 'remove-cell'}
        cell.metadata['tags'] = [tags[o] for o in tags if options.get(o) == 'false']
        if 'code-summary' in options or options.get('code-fold') in ('', 'true'): cell.metadata['tags'].append('hide-input')
        if 'solution' in options: cell.metadata['tags'].append('hide-cell')
        cell.metadata['mystnb'] = dict(
            code_prompt_show='Solution' if 'solution' in options else 'Show the code', code_prompt_hide='Hide',
            image=dict(alt=options.get('fig-alt', 'What the code above draws').strip('"')))
        return cell

    def markdown(self, md):
        md = callouts(md)
        md = re.sub(rf'\]\({re.escape(self.site)}/([^)#]+)\.html(?:#([^)]+))?\)', self.name_link, md)
        return re.sub(r'\]\((?!https?:)([^)#\s]+\.ipynb)(#[^)]+)?\)', self.notebook_link, md)

    def name_link(self, m):
        "nbdev links names to the published site: make that a label, which Sphinx checks"
        page, anchor = m.groups()
        label = f'{page}.{anchor}'
        return f'](#{label})' if label in self.labels else f']({self.to_root}{page}.ipynb)'

    def notebook_link(self, m):
        path, anchor = m.groups()
        return f"]({page_of(Path(path)).as_posix()}.ipynb{(anchor or '').lower()})"


def callouts(md):
    "Quarto's callouts as MyST's admonitions; the title is a heading inside, or the kind"
    def admonition(m):
        colons, kind, title = m.groups()
        return f'{colons}{{admonition}} {title or kind.capitalize()}\n:class: {kind}\n'
    return re.sub(r'^(:::+) *\{\.callout-(\w+)[^}]*\}[ \t]*\n+(?:#+ (.*)\n)?', admonition, md, flags=re.M)


@call_parse
def main(
    out:str='_docs', # Folder to build the site into
    execute:bool=False, # Run the notebooks first, in the copy? By default their stored outputs are shown
):
    "Build the documentation site"
    out = Path(out).resolve()
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        stage(tmp/'stage')
        if execute:
            run('nbdev-test', '--save', cwd=tmp/'stage')
            run('nbdev-clean', cwd=tmp/'stage')
        adapt_all(process(tmp/'stage'), tmp/'src')
        run('python', '-m', 'sphinx', '-q', '-W', '--keep-going', '-c', root/'docs', '-d', tmp/'doctrees', tmp/'src', tmp/'html')
        shutil.copytree(tmp/'html', out, dirs_exist_ok=True, ignore=shutil.ignore_patterns('_sources'))
    print(f'The site is in {out}')
