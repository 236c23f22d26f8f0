"""The documentation site, from the notebooks.

A copy of nbs/ goes through nbdev's own processors, which add the reference of exported names and link `names` to it.
Then Sphinx makes pages of it, with the outputs stored in the notebooks. A warning, such as a dead link, is an error."""
import ast
import json
import re
import shutil
import subprocess
import sys
import tempfile
from base64 import b64decode
from contextlib import chdir
from functools import cache, partial
from html import escape
from pathlib import Path
from textwrap import fill

import yaml
from fastcore.nbio import mk_cell, read_nb, write_nb
from fastcore.script import call_parse
from learner import episodes, learner_copy
from nbdev import config
from nbdev.config import get_config, nbpath2html
from nbdev.serve import proc_nbs

root = Path(__file__).resolve().parent.parent
sections = {     # folder in nbs/ -> title and subtitle of its page, in the sidebar's order
    'tutorials': ('Tutorials', 'Learn it by doing it, on a small simulated genome. Begin with the first.'),
    'howto': ('How-to', 'You know what you want to do: here is how.'),
    'explanations': ('Explanations', 'What the words mean, why it works, and when it fails.'),
    'reference': ('Reference', 'Every function and command, each beside a small example.'),
    'workshop': ('Workshop', 'To take, or to teach.'),
    'paper': ('Paper', 'The published experiments on real data, and what came of them here.')}
wings = dict(    # folder in nbs/ -> title of its page in the reference; the wing's docstring is the subtitle
    genome='Genome', motifs='Motifs', matrix='Binding matrix', model='Networks', train='Training',
    finetune='Fine-tuning', study='Studies', show='Figures and lessons', interpret='Looking inside',
    commands='Commands')
kinds = dict(     # folder in nbs/ -> what the titles of its pages begin with; {} is the number of the page
    tutorials='Tutorial {}', howto='How-to', explanations='Explanation', workshop='Workshop', paper='Paper {}')
first = dict(howto='install own_peaks own_sequences own_genome variants tracks'.split())     # the rest by their numbers
keywords = yaml.safe_load((root/'docs'/'keywords.yml').read_text())     # page -> what its readers may look for

copies = '_notebooks'       # the folder of notebooks in the site
branch = 'gh-pages'         # the branch that the site is published from


def run(command, *args, cwd=root):
    done = subprocess.run([Path(sys.executable).parent/command, *args], cwd=cwd)
    if done.returncode: sys.exit(f'{command} failed')


def stage(folder):
    "Copy what nbdev reads; in the copies the title has a cell of its own, since nbdev drops the rest of its cell"
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
    config._load_toml = cache(config._load_toml)      # which nbdev reads anew for every cell
    with chdir(folder): return proc_nbs(n_workers=0, force=True)


def adapt_all(processed, src):
    "Write the pages that Sphinx reads to `src`: notebooks in MyST Markdown, a page for each section, and images"
    notebooks = {p.relative_to(processed): read_nb(p) for p in sorted(processed.rglob('*.ipynb'), key=by_number)}
    for nb in notebooks.values(): nb.cells = [c for c in nb.cells if not of_python(c)]
    labels = {label_of(path, c) for path, nb in notebooks.items() for c in nb.cells if documents(c)}
    lists = contents({path: front_of(nb.cells) for path, nb in notebooks.items()})
    own = {f'/{page_of(path)}' for path in notebooks}     # sections whose page is a notebook
    silent = []
    for path, nb in notebooks.items():
        page = Page(path, labels, lists.keys() - own, places(nb.cells))
        nb.cells = with_lead(nb.cells)
        nb.cells = [cell for c in nb.cells if (cell := page.adapt(c))]
        nb.metadata['language_info'] = dict(name='python', pygments_lexer='ipython3')
        if f'/{page.name}' in lists: nb.cells.append(mk_cell(toctree(lists[f'/{page.name}'][1]), 'markdown'))
        (src/path).parent.mkdir(parents=True, exist_ok=True)
        write_nb(nb, src/page_of(path).with_suffix('.ipynb'))
        silent += page.silent
    if silent: print('\n'.join(['These figures need alt text, as in "#| fig-alt: AUPRC against peaks":', *silent]))
    for name, (front, pages) in lists.items():
        if name in own: continue
        (src/name[1:]).parent.mkdir(parents=True, exist_ok=True)
        (src/f'{name[1:]}.md').write_text(listing(name[1:], front, pages))
    for path in processed.rglob('*'):
        if path.suffix in ('.png', '.svg', '.jpg', '.gif'):
            (src/path.relative_to(processed)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, src/path.relative_to(processed))


def page_of(path):
    "The page of a notebook: its path without the number, as nbdev has it in its links"
    return nbpath2html(path).with_suffix('')


def kind_of(path):
    "What kind of page a notebook is, as its title says it"
    folder, number = path.parent.name, re.match(r'\d+', path.name)
    if path in {o.relative_to(root/'nbs') for o in episodes}: return f'Episode {int(number[0])}'
    return kinds.get(folder, 'Reference').format(int(number[0]) if number else '').strip()


def full_title(path, title): return title if path.stem == 'index' else f'{kind_of(path)}: {title}'


def front_of(cells):
    "Title and subtitle of a processed notebook, which nbdev keeps as YAML in a raw cell"
    front = next(yaml.safe_load(c.source.strip().strip('-')) for c in cells if c.cell_type == 'raw')
    return front['title'], front.get('description')


def contents(fronts):
    "{page: (its title and subtitle, {the pages under it: theirs})} for home, the sections and the wings"
    under = lambda folder: {f'/{page_of(path)}': front for path, front in fronts.items()
        if path.parent.as_posix() == folder and path.stem != 'index'}
    res = {f'/{name}/index': (front, under(name)) for name, front in sections.items()}
    for folder, names in first.items():
        front, pages = res[f'/{folder}/index']
        pages = {o: pages[o] for name in names for o in [f'/{folder}/{name}'] if o in pages} | pages
        res[f'/{folder}/index'] = front, pages
    parts = {f'/{wing}/index': ((title, subtitle_of(wing)), under(wing)) for wing, title in wings.items()}
    res['/reference/index'] = sections['reference'], under('.') | parts
    res = {name: (front, pages) for name, (front, pages) in res.items() if pages}
    return {'/index': (None, ['Home <self>', *res]), **res, **parts}


def subtitle_of(wing):
    return ast.get_docstring(ast.parse((root/'tf_transfer'/wing/'__init__.py').read_text()))


def by_number(path):
    "Order of paths: numbers first, 9 before 10"
    numbers = [re.match(r'(\d+)_', o) for o in path.parts]
    return [(not n, int(n[1]) if n else 0, o) for n, o in zip(numbers, path.parts)]


def toctree(pages):
    "The pages under a page, in the sidebar by their short titles"
    titles = {} if isinstance(pages, list) else {name: about for name, (about, below) in pages.items()}
    short = [f'{titles[o]} <{o}>' if isinstance(titles.get(o), str) else o for o in pages]
    return '\n'.join(['```{toctree}', ':hidden:', '', *short, '```'])


def meta(page):
    "The words by which a page is to be found; Sphinx's search reads them"
    words = ', '.join(re.findall(r'\w+', keywords.get(page, '').lower()))
    return words and f'```{{eval-rst}}\n.. meta::\n   :keywords: {words}\n```'


def listing(name, front, pages, level=1):
    "A page that lists pages with their subtitles, or the pages under them"
    title, subtitle = front
    res = [f"{'#'*level} {title}", level == 1 and meta(name), subtitle and '{.subtitle}\n'*(level == 1) + subtitle]
    for name, (about, below) in pages.items():
        if isinstance(below, dict): res.append(listing(name, (f'[{about[0]}]({name}.md)', about[1]), below, level + 1))
        else: res.append(f'[{about}]({name}.ipynb)\n: {below or about}')
    return '\n\n'.join(filter(None, [*res, level == 1 and toctree(pages)]))


def places(cells):
    "Where the notebook of a page runs: here, where the real data are; from a clone; or by itself, as on Colab"
    code = [c for c in cells if c.cell_type == 'code']
    if not code or any('realdata' in c.directives for c in code): return []
    reads = re.compile(r'bench/|\.\./\.\./|"(findings|tests)')
    return ['Binder'] if any(reads.search(c.source) for c in code) else ['Colab', 'Binder']


def with_lead(cells):
    "The figure that says most, flagged `lead`, stands behind the first heading's text, whatever was needed to draw it"
    lead = [c for c in cells if c.cell_type == 'code' and 'lead' in c.directives]
    rest = [c for c in cells if not (c.cell_type == 'code' and 'lead' in c.directives)]
    first = next((i for i, c in enumerate(rest) if c.cell_type == 'markdown' and c.source.startswith('## ')), 0)
    return rest[:first + 1] + lead + rest[first + 1:]


def draws_only(cell):
    "Is a cell some lines of plotting, and its figure? The page folds its code"
    lines = cell.source.splitlines()
    plots = sum(bool(re.search(r'\b(ax|axs|axes|fig|plt|a)\b', o)) for o in lines)
    return draws(cell) and len(lines) > 5 and plots > len(lines)/3


def documents(cell):
    "What a cell documents with `show_doc`, if it does"
    found = cell.cell_type == 'code' and re.search(r'^show_doc\((.+)\)', cell.source, re.M)
    return found and found[1]


def of_python(cell):
    "Does a cell document a method that Python calls, such as `__len__`?"
    return bool(re.search(r'\.__\w+__$', documents(cell) or ''))


def label_of(path, cell):
    return f"{page_of(path).as_posix()}/{documents(cell)}".replace('/', '.').lower()


class Page:
    "Turns the cells of one notebook from nbdev's Markdown (Quarto's) into MyST's"

    def __init__(self, path, labels, lists, places=()):
        self.path, self.labels, self.lists, self.name = path, labels, lists, page_of(path).as_posix()
        self.places = places
        self.given, self.silent = set(), []
        self.site = get_config(root).doc_url.rstrip('/')
        self.to_root = '../'*(len(path.parts) - 1)

    def adapt(self, cell):
        "The cell as MyST-NB wants it, or None for a cell that does not show"
        cell.metadata.pop('execution', None)
        if cell.cell_type == 'raw': return self.title(cell)
        if documents(cell): return self.reference(cell)
        if cell.cell_type == 'code': return self.code(cell)
        cell.source = self.markdown(cell.source)
        if self.name == 'index' and cell.source.startswith('- **I '): cell.source = f'{{.doors}}\n{cell.source}'
        return None if cell.source.startswith('<!-- WARNING') else cell

    def title(self, cell):
        title, subtitle = front_of([cell])
        if subtitle: subtitle = re.sub(r'^Episode \d\. ', '', subtitle)     # the title says so too
        parts = [f'# {full_title(self.path, title)}', meta(self.name), subtitle and f'{{.subtitle}}\n{subtitle}',
                 self.name != 'index' and self.buttons()]
        return mk_cell('\n\n'.join(filter(None, parts)), 'markdown')

    def buttons(self):
        "Where to run the notebook; Colab reads the copy with the installing cell, from the published site's branch"
        path, copy = f'nbs/{self.path}', f'{copies}/{self.path}'
        if root/path in episodes: path = f'_workshop/{self.path.name}'     # made by .binder/postBuild
        repo = get_config(root).git_url.removeprefix('https://github.com/')
        to = {'Open in Colab': f'https://colab.research.google.com/github/{repo}/blob/{branch}/{copy}',
              'Open in Binder': f'https://mybinder.org/v2/gh/{repo}/main?urlpath=lab/tree/{path}'}
        links = [f'<a href="{to[o]}">{o}</a>' for o in to if o.split()[-1] in self.places]
        links.append(f'<a href="{self.to_root}{copy}" download>Download notebook</a>')
        return f'<p class="notebook-links">{" ".join(links)}</p>'

    def reference(self, cell):
        md = ''.join(cell.outputs[0]['data']['text/markdown'])
        md = re.sub(r'^(\[source\]\(.+\))$', r'\1{.source-link}', md, count=1, flags=re.M)
        md = re.sub(r'^(?=\| Parameter )', '{.parameters}\n', md, flags=re.M)
        # a parameter is not the function of that name
        md = re.sub(r'^\| \[(`\w+`)\]\([^)]+\) \|', r'| \1 |', md, flags=re.M)
        md = re.sub(r'<(factory|lambda)>', '...', md).replace('| NoneType |', '| |')
        label = label_of(self.path, cell)
        target = '' if label in self.given else f'({label})=\n'     # a class and a function may differ in case only
        self.given.add(label)
        return mk_cell(target + self.markdown(md), 'markdown')

    def code(self, cell):
        options = cell.directives
        cell.remove_directives()
        tags = {'echo': 'remove-input', 'output': 'remove-output', 'include': 'remove-cell'}
        tags = [tags[o] for o in tags if options.get(o) == 'false']
        folder, folded = self.path.parent.name, 'code-summary' in options or options.get('code-fold') in ('', 'true')
        long = cell.source.count('\n') > 2
        if folded or folder == 'paper' and long or folder in sections and draws_only(cell): tags.append('hide-input')
        if 'solution' in options: tags.append('hide-cell')
        cell.metadata['tags'] = tags
        cell.outputs = [tidy(o) for o in cell.outputs]
        image = dict(alt=options.get('fig-alt', '').strip('"'))
        if any(width > 410 for width in widths(cell)): image['classes'] = 'wide'
        cell.metadata['mystnb'] = dict(
            code_prompt_show='Solution' if 'solution' in options else 'Show the code',
            code_prompt_hide='Hide', image=image)
        if 'fig-alt' not in options and draws(cell) and not {'remove-cell', 'remove-output'} & {*tags}:
            self.silent.append(f'{self.path}: {cell.source.strip().splitlines()[-1]}')
        return cell

    def markdown(self, md):
        md = callouts(md)
        md = re.sub(r'\[\[(`[^`]+`)\]\([^)]*\)\]\(', r'[\1](', md)      # nbdev links a name inside a link too
        md = re.sub(rf'\]\({re.escape(self.site)}/([^)#]+)\.html(?:#([^)]+))?\)', self.name_link, md)
        return re.sub(r'\]\((?!https?:)([^)#\s]+\.ipynb)(#[^)]+)?\)', self.notebook_link, md)

    def name_link(self, m):
        "nbdev links names to the published site: make that a label, which Sphinx checks"
        page, anchor = m.groups()
        label = f"{page.replace('/', '.')}.{anchor}".lower()
        if anchor and label in self.labels: return f'](#{label})'
        return f"]({self.to_root}{page}.{'md' if f'/{page}' in self.lists else 'ipynb'})"

    def notebook_link(self, m):
        path, anchor = m.groups()
        return f"]({page_of(Path(path)).as_posix()}.ipynb{(anchor or '').lower()})"


def tidy(output):
    """An output less the names of temporary folders and of NumPy's types, and less most epochs of a long training.
    Where columns were printed, words beside them wrap on a phone"""
    data = output.get('data', {})
    for of, kind in ((output, 'text'), (data, 'text/plain')):
        if kind in of: of[kind] = re.sub(r'/tmp/tmp\w{8}/|\bnp\.\w+\d\(([-.\de]+)\)', r'\1', ''.join(of[kind]))
    if 'text' in output: output['text'] = few_epochs(output['text'])
    if 'text/html' in data: data['text/html'] = unbroken(''.join(data['text/html']))
    text = output.get('text') or len(data) == 1 and data.get('text/plain') or ''
    if '\r' in text or output.get('name') == 'stderr' or not has_columns(text): return output     # \r: progress bar
    return dict(output_type='display_data', data={'text/html': in_parts(text)}, metadata={})


def few_epochs(text):
    "Of a long training the first and the last epochs; nobody reads those between"
    epochs = r'((?:^epoch +\d+/\d+ .*\n){2})(?:^epoch .*\n){8,}((?:^epoch .*\n){2})'
    return re.sub(epochs, r'\1...\n\2', text, flags=re.M)


def is_row(line):
    "Two gaps or tabs, or one gap before a number"
    gaps, number = re.findall(r'\S(?: {2,}|\t+)(?=\S)', line), r'\S {2,}[-+]?\d[^ ]*( \(.+\))?$'
    return len(gaps) >= 2 or bool(re.search(number, line))


def has_columns(text): return sum(map(is_row, text.splitlines())) >= 3


def in_parts(text):
    "Paragraphs of columns, which must not wrap, and of words, which may; long lines beside columns are folded"
    whole = lambda line: len(line) <= 76 or is_row(line)
    folded = partial(fill, width=76, break_long_words=False, break_on_hyphens=False)
    pre = lambda kind, lines: f'<pre class="{kind}">{escape(chr(10).join(lines))}</pre>'
    parts = [part.splitlines() for part in re.split(r'\n{2,}', text.strip('\n'))]
    parts = [pre('columns', [line if whole(line) else folded(line) for line in part])
             if any(map(is_row, part)) else pre('words', part) for part in parts]
    return f'<div class="printed">{"".join(parts)}</div>'


def unbroken(html):
    """A table of data whose numbers, names and short headings stay on one line; long names of columns and rows may
    break at _. Words begin at the left of their column, numbers end at its right"""
    if re.match(r'<style[^>]*>\s*</style>', html):     # pandas names each cell for a style, and there is none
        html = re.sub(r'(<t[dh]) id="T_\w*"( class="[^"]*")? ?', r'\1', html)
        html = html.replace('<table', '<table class="dataframe"')
    parts = lambda head: re.sub('>[^<]+<', lambda m: m[0].replace('_', '_<wbr>'), head[0])
    html = re.sub('<thead>.*?</thead>', parts, html, flags=re.S)
    short = r'(?=[^<\s]{1,40}</|[^<]{1,12}</|(?<=h>)[^<]{1,26}</)'
    html = re.sub(rf'<(td|th)((?: rowspan="\d+"| valign="top")*)>{short}', r'<\1\2 class="whole">', html)
    html = re.sub(r'class="whole">(?=[^<]{1,12}</)', 'class="whole short">', html)
    html = re.sub(r'<th class="whole">[^<]*_[^<]*</th>', parts, html)
    return re.sub('<table.*?</table>', words_left, html, flags=re.S)


def is_number(text):
    return bool(re.fullmatch(r'\s*|[-?]|NaN|None|True|False|[-+]?\.?\d.*', re.sub('<[^>]*>', '', text)))


def words_left(table):
    "Mark the cells and the headings of columns that hold words; columns are counted from the right, rows have names"
    row, cell = re.compile('<tr.*?</tr>', re.S), re.compile(r'<(?:td|th)\b[^>]*>')
    cells = [re.findall(r'<td[^>]*>(.*?)</td>', o, re.S)[::-1] for o in row.findall(table[0])]
    wordy = {i for texts in cells for i, text in enumerate(texts) if not is_number(text)}
    def mark(m):
        marked = m[0]
        if 'colspan' in marked: return marked
        for i, o in enumerate(reversed([*cell.finditer(m[0])])):
            tag = o[0].replace('class="', 'class="words ') if 'class="' in o[0] else f'{o[0][:-1]} class="words">'
            if i in wordy: marked = marked[:o.start()] + tag + marked[o.end():]
        return marked
    return row.sub(mark, table[0])


def widths(cell):
    "Pixels, from the heads of the PNG files"
    figures = [o['data']['image/png'] for o in cell.outputs if 'image/png' in o.get('data', {})]
    return [int.from_bytes(b64decode(png[:32])[16:20]) for png in figures]


def draws(cell): return any(o.startswith('image/') for output in cell.outputs for o in output.get('data', {}))


def callouts(md):
    "Quarto's callouts as MyST's admonitions; the title is a heading inside, or the kind"
    def admonition(m):
        colons, kind, title = m.groups()
        return f'{colons}{{admonition}} {title or kind.capitalize()}\n:class: {kind}\n'
    return re.sub(r'^(:::+) *\{\.callout-(\w+)[^}]*\}[ \t]*\n+(?:#+ (.*)\n)?', admonition, md, flags=re.M)


def copy_notebooks(folder):
    "The notebooks to run elsewhere: with a cell that installs the package, and the workshop's without solutions"
    install = mk_cell(f'''# Installs tf_transfer where it is missing, as on Colab
try: import tf_transfer
except ImportError:
    %pip install -q "tf_transfer @ git+{get_config(root).git_url}"''', 'code')
    for path in (root/'nbs').rglob('*.ipynb'):
        if '.ipynb_checkpoints' in path.parts: continue
        nb = learner_copy(path) if path in episodes else read_nb(path)
        nb.cells.insert(1 + next((i for i, c in enumerate(nb.cells) if c.source.startswith('# ')), 0), install)
        to = folder/path.relative_to(root/'nbs')
        to.parent.mkdir(parents=True, exist_ok=True)
        write_nb(nb, to)


def scorer(path):
    "Write the order of what the search finds, with the keywords"
    path.write_text((root/'docs'/'search.js').read_text().replace('{}', json.dumps(keywords), 1))
    return path


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
        sphinx = 'python', '-m', 'sphinx', '-q', '-W', '--keep-going', '-c', root/'docs', '-d', tmp/'doctrees'
        run(*sphinx, '-D', f"html_search_scorer={scorer(tmp/'search.js')}", tmp/'src', tmp/'html')
        copy_notebooks(tmp/'html'/copies)
        shutil.copytree(tmp/'html', out, dirs_exist_ok=True, ignore=shutil.ignore_patterns('_sources'))
    print(f'The site is in {out}')
