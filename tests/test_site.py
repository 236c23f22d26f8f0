"The documentation site builds from the stored outputs, holds together, and shows without error in a browser"
import re
import sys
from functools import cache, partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from threading import Thread
from urllib.parse import quote_plus, unquote, urlsplit

import numpy as np
import pandas as pd
import pytest
from browser import Browser, bright_boxes, chromium, cut_blocks, too_pale, too_wide
from fastcore.nbio import read_nb
from nbdev.config import get_config, nbpath2html
from nbdev.doclinks import nbglob
from test_imports import table_of

root = Path(__file__).parent.parent
nbs = root/'nbs'
sys.path.insert(0, str(root/'docs'))
from build import keywords, main as build, tidy, unbroken, wings  # noqa: E402

notebooks = [Path(o).relative_to(nbs) for o in sorted(nbglob(nbs))]
one_of_each_kind = {path.parent: str(nbpath2html(path)) for path in notebooks if path.parent.name not in wings}
one_of_each_kind = ['matrix/states.html', 'reference/index.html', 'genome/index.html', *one_of_each_kind.values()]


looked_for = {     # what a reader types into the search -> a page that must be among the first three
    'own peaks': 'howto/own_peaks', 'few peaks': 'howto/own_peaks', 'narrowPeak': 'howto/own_peaks',
    'mm10': 'howto/own_genome', 'mouse': 'howto/own_genome', 'ChIP-seq': 'howto/build_matrix',
    'SLURM': 'howto/cluster', 'GPU': 'howto/gpu', 'VCF': 'howto/variants', 'SNP': 'howto/variants',
    'own network': 'howto/architecture', 'how to cite': 'howto/cite', 'lr_find': 'howto/fastai',
    'fine-tune': 'tutorials/transfer', 'motif discovery': 'tutorials/looking_inside',
    'glossary': 'explanations/vocabulary', 'AUPRC': 'explanations/auprc', 'negatives': 'explanations/negatives',
    'DNABERT': 'explanations/language_models', 'own sequences': 'howto/own_sequences', 'FASTA': 'howto/own_sequences',
    'labelled sequences': 'howto/own_sequences', 'HOMER': 'explanations/which_tool',
    'compare': 'explanations/which_tool', 'STREME': 'explanations/which_tool', 'bigWig': 'howto/tracks',
    'variants': 'howto/variants', 'indel': 'howto/variants', 'pyfaidx': 'explanations/findings',
    'Windows': 'workshop/set_up', 'install': 'howto/install', 'JASPAR': 'motifs/files',
    'tft-predict': 'commands/predictions', 'how many peaks do I need': 'howto/own_peaks', 'CUT&RUN': 'howto/own_peaks',
    'BAM file': 'howto/own_peaks', 'blacklist': 'howto/own_peaks', 'zebrafish': 'howto/own_genome',
    'ATAC-seq': 'howto/build_matrix', 'mutation': 'howto/variants', 'GWAS': 'howto/variants',
    'SELEX': 'howto/own_sequences', 'scanpy': 'howto/anndata', 'out of memory': 'howto/gpu',
    'BED file': 'genome/formats', 'train test split': 'matrix/splits', 'cofactors': 'matrix/groups',
    'k-mer': 'motifs/kmers', 'save model': 'model/saving', 'UCSC genome browser': 'howto/tracks',
    'overfitting': 'explanations/leakage', 'batch norm': 'explanations/frozen_norm',
    'GC content': 'explanations/negatives', 'ROC curve': 'explanations/auprc',
    'Enformer': 'explanations/language_models', 'download pretrained model': 'explanations/released',
    'reproducible': 'explanations/reliability', 'Colab': 'workshop/set_up',
    'what does the model learn': 'tutorials/looking_inside', 'Docker': 'howto/install', 'uninstall': 'howto/install',
    'upgrade': 'howto/install', 'conda': 'howto/install', 'M1': 'howto/install', 'offline': 'howto/install',
    'changelog': 'howto/install', 'promoter': 'explanations/questions', 'enhancers': 'explanations/questions',
    'cell type specific': 'explanations/questions', 'TF not in list': 'explanations/questions',
    'ONNX': 'explanations/questions', 'cutoff': 'explanations/questions', 'FDR': 'explanations/questions',
    'snakemake': 'explanations/questions', 'Bioconductor': 'explanations/questions',
    'hyperparameters': 'explanations/questions', 'list of TFs': 'explanations/released', 'rsID': 'howto/variants',
    'allele-specific': 'howto/variants', 'T2T': 'howto/own_genome', 'chr prefix': 'howto/own_genome',
    'Drosophila': 'howto/own_genome', 'ENCODE cCRE': 'howto/build_matrix', 'multi GPU': 'howto/gpu',
    'batch size': 'howto/gpu', 'MCC': 'explanations/auprc', 'calibrate': 'explanations/auprc',
    'class imbalance': 'explanations/negatives', 'GC bias': 'explanations/negatives',
    'cross-validation': 'explanations/leakage', 'DeepSEA': 'explanations/language_models',
    'DeepBind': 'explanations/which_tool', 'ATAC footprinting': 'explanations/which_tool',
    'in silico mutagenesis': 'interpret/attribution', 'ISM': 'interpret/attribution', 'SHAP': 'interpret/attribution',
    'cooperativity': 'interpret/experiments', 'heterodimer': 'motifs/modes', 'motif logo': 'motifs/pwm',
    'reverse complement': 'genome/dna', 'command line': 'commands/index', 'API': 'reference/index',
    'IGV': 'howto/tracks', 'seed': 'explanations/reliability', 'runtime': 'explanations/speed', 'bug report': 'index',
    'licence': 'howto/cite', 'data augmentation': 'train/data', 'slides': 'workshop/index',
    'negative sequences': 'explanations/negatives', 'how long does it take': 'explanations/speed',
    'how accurate is it': 'paper/transfer', 'error chromosome names': 'howto/own_genome',
    'number of epochs': 'explanations/questions', '200 bp': 'explanations/questions',
    'transcription factor list': 'explanations/released', 'compare models': 'explanations/which_tool',
    'own fasta': 'howto/own_genome', 'windows install': 'howto/install', 'memory': 'howto/gpu',
    'example data': 'matrix/simulate', 'threshold': 'explanations/questions', 'MACS2 peaks': 'howto/own_peaks',
    'homer motif': 'motifs/files', 'interpret my model': 'tutorials/looking_inside'}


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    "The folder of the built site; a fork of this process builds it, which has imported the package"
    out = tmp_path_factory.mktemp('site')
    building = get_context('fork').Process(target=build, kwargs=dict(out=out))
    building.start()
    building.join()
    assert building.exitcode == 0
    return out


class Page(HTMLParser):
    "What a page is made of: text, ids, links (those of sidebar and article in order), and what a browser loads for it"

    def __init__(self, path):
        super().__init__()
        self.text, self.ids, self.links, self.loads, self.silent = '', set(), set(), set(), []
        self.title, self.in_title = '', False
        self.part, self.in_part = None, dict(nav=[], article=[])
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids |= {attrs.get('id')}
        self.in_title |= tag == 'title' and not self.title
        if tag == 'article' or tag == 'nav' and 'bd-links' in attrs.get('class', ''): self.part = tag
        if tag == 'a' and 'href' in attrs:
            self.links |= {attrs['href']}
            if self.part: self.in_part[self.part].append(attrs['href'])
        if tag == 'link' and attrs['rel'] not in ('search', 'next', 'prev', 'canonical'): self.loads |= {attrs['href']}
        if tag in ('script', 'img', 'iframe'): self.loads |= {attrs.get('src')} - {None}
        if tag == 'img' and not attrs.get('alt'): self.silent += [attrs.get('src', '')[:80]]

    def handle_endtag(self, tag):
        if tag == self.part: self.part = None
        if tag == 'title': self.in_title = False

    def handle_data(self, data):
        self.text += data
        if self.in_title: self.title += data


page_at = cache(Page)


def pages_of(site):
    return [o for o in site.rglob('*.html') if '_static' not in o.parts]


def is_broken(link, page):
    "Does a link within the site lead nowhere?"
    url = urlsplit(link)
    if url.scheme or url.netloc: return False
    target = (page.parent/unquote(url.path)).resolve() if url.path else page
    if not target.is_file(): return True
    return target.suffix == '.html' and url.fragment and unquote(url.fragment) not in page_at(target).ids


@pytest.mark.parametrize('notebook', notebooks, ids=str)
def test_every_notebook_is_a_page(site, notebook):
    title = next(line for line in (nbs/notebook).read_text().split('"') if line.startswith('# ')).strip('# \\n')
    assert title in page_at(site/nbpath2html(notebook)).text


def test_titles_are_unique_and_say_their_kind(site):
    titles = [page_at(o).title.strip() for o in pages_of(site)]
    assert sorted({o for o in titles if titles.count(o) > 1}) == []
    kinds = '(Tutorial|Episode) \\d: |Paper \\d: |How-to: |Explanation: |Workshop: |Reference: '
    lessons = [site/nbpath2html(o) for o in notebooks if o.stem != 'index']
    assert [o for o in lessons if not re.match(kinds, page_at(o).title.strip())] == []


def test_keywords_are_of_pages(site):
    assert [name for name in keywords if not (site/f'{name}.html').exists()] == []


def test_no_link_is_broken(site):
    broken = [f'{page.relative_to(site)}: {link}' for page in pages_of(site)
              for link in page_at(page).links | page_at(page).loads if is_broken(link, page)]
    assert not broken


def test_no_link_is_left_as_text(site):
    left = re.compile(r'\]\(\S+\.(ipynb|html|md)\)')
    assert [str(page.relative_to(site)) for page in pages_of(site) if left.search(page_at(page).text)] == []


def test_a_command_that_stands_alone_can_be_copied():
    "It is a block, not a paragraph"
    alone = re.compile(r'^`[^`]+ [^`]+`$', re.M)
    cells = {o: [c.source for c in read_nb(nbs/o).cells if c.cell_type == 'markdown'] for o in notebooks}
    assert [(str(o), m) for o, texts in cells.items() for t in texts for m in alone.findall(t)] == []


def test_directives_are_known():
    "One that nobody knows does nothing: the code that was to be hidden shows"
    known = {'export', 'exporti', 'hide', 'fig-alt', 'default_exp', 'realdata', 'code-fold', 'code-summary', 'solution',
             'lead', 'slow', 'echo', 'cuda', 'label', 'eval', 'output', 'include'}
    used = {(str(o), name) for o in notebooks for c in read_nb(nbs/o).cells if c.cell_type == 'code'
            for name in c.directives}
    assert {(o, name) for o, name in used if name not in known} == set()


def test_words_beside_columns_may_wrap():
    text = 'a long verdict & more\n\n name   auprc   low\n scan   0.9     0.8\n this   0.95    0.9\n'
    html = tidy(dict(output_type='stream', name='stdout', text=text))['data']['text/html']
    assert html.count('<pre class="words">a long verdict &amp; more</pre><pre class="columns"> name') == 1
    assert tidy(dict(output_type='stream', name='stdout', text='words\n'))['text'] == 'words\n'


def test_columns_of_tabs_and_of_two_are_columns():
    "They scroll on a phone; a name and its sentence wrap"
    for row in ('pre-trained\t0.8\t0.79-0.82', 'pre-trained    0.8 (0.79-0.82)'):
        printed = tidy(dict(output_type='stream', name='stdout', text=f'{row}\n'*3))
        assert 'class="columns"' in printed['data']['text/html']
    text = 'buried    Are a few lost?\ngroups    Which TFs?\nfreezing  Which layers?\n'
    assert tidy(dict(output_type='stream', name='stdout', text=text))['text'] == text


def test_a_long_training_is_short():
    printed = ''.join(f'epoch {i:2}/15  train loss 0.5  valid loss 0.4\n' for i in range(1, 16))
    shown = str(tidy(dict(output_type='stream', name='stdout', text=f'{printed}kept epoch 3\n')))
    assert re.findall(r'(?<=epoch )[ \d]+(?=/)|\.{3}', shown) == [' 1', ' 2', '...', '14', '15']


def test_words_begin_at_the_left():
    "Of their column, long or short; numbers end at the right"
    table = pd.DataFrame({'task': ['best hits', 'a very long task'], 'time': ['9 s', '12 s'], 'n': [1, np.nan]})
    html = unbroken(table.rename_axis('row').to_html())
    assert re.findall('words[^>]*>([^<]*)<', html) == ['task', '', 'best hits', 'a very long task']


def test_a_table_without_a_style_looks_as_others_do():
    "pandas's Styler"
    html = pd.DataFrame({'n': [1]}).style.hide().to_html()
    assert '<table class="dataframe"' in unbroken(html) and '<td class="whole short">1<' in unbroken(html)
    coloured = pd.DataFrame({'n': [1]}).style.set_properties(color='red').to_html()
    assert 'row0_col0' in unbroken(coloured)


def test_nothing_is_loaded_from_elsewhere(site):
    outside = {link for page in pages_of(site) for link in page_at(page).loads if urlsplit(link).netloc}
    assert not outside


def test_numbers_look_like_numbers(site):
    bare = re.compile(r'np\.float\d+\(\d')
    assert [str(page.relative_to(site)) for page in pages_of(site) if bare.search(page_at(page).text)] == []


def test_every_figure_has_alt_text(site):
    silent = {str(page.relative_to(site)): page_at(page).silent for page in pages_of(site) if page_at(page).silent}
    assert not silent


def test_pages_are_small(site):
    large = {str(page.relative_to(site)): size for page in pages_of(site) if (size := page.stat().st_size) > 1_000_000}
    assert not large


def shown_in(page, part):
    "The pages that a page links to in its sidebar (nav) or its article, in order"
    targets = [(page.parent/urlsplit(o).path).resolve() for o in page_at(page).in_part[part] if not urlsplit(o).netloc]
    return [o for o in targets if o.suffix == '.html' and o != page]


def test_the_sidebar_shows_every_section(site):
    "Every page stands in the article of one of them, and in the sidebar of its own section"
    titles = ['Tutorials', 'How-to', 'Explanations', 'Reference', 'Workshop', 'Paper']
    sections = shown_in(site/'index.html', 'nav')
    assert [page_at(o).text.strip().split(' \N{EM DASH}')[0] for o in sections] == titles
    listed = {page: section for section in sections for page in shown_in(section, 'article')}
    pages = {site/nbpath2html(o) for o in notebooks}
    assert sorted(pages - {site/'index.html', *sections} - listed.keys()) == []
    assert [o for o in pages & listed.keys() if not {o, *sections} - {listed[o]} <= {o, *shown_in(o, 'nav')}] == []


def test_the_reference_follows_the_wings(site):
    "One page per wing, in the order of explanations/architecture, with its rooms in the order of their numbers"
    table = {wing: paths for wing, paths in table_of(nbs).items() if (nbs/wing).is_dir()}
    assert list(wings) == list(table)
    parts = [site/wing/'index.html' for wing in wings]
    assert [o for o in shown_in(site/'reference'/'index.html', 'article') if o.name == 'index.html'] == parts
    for part, (wing, paths) in zip(parts, table.items()):
        assert wings[wing] in page_at(part).text
        assert import_module(f'tf_transfer.{wing}').__doc__.replace('`', '') in page_at(part).text
        assert shown_in(part, 'article') == [site/nbpath2html(o.relative_to(nbs)) for o in paths]


def test_names_are_linked(site):
    "A name in the prose leads to the place that documents it"
    links = page_at(site/'tutorials'/'first_model.html').links
    assert [o for o in links if re.fullmatch(r'\.\./model/networks\.html#model-networks-\w+', o)]


@pytest.mark.parametrize('notebook', [o for o in notebooks if o.as_posix() != 'index.ipynb'], ids=str)
def test_a_page_opens_elsewhere(site, notebook):
    """Its buttons name the repository of settings.ini and lead where it runs: Colab lacks the repository's
    files, Binder the real data. Its copy begins with a cell that installs the package"""
    repo = get_config(root).git_url.removeprefix('https://github.com/')
    page = site/nbpath2html(notebook)
    links = page_at(page).links
    episode = re.match(r'workshop/[1-6]_', notebook.as_posix())
    place = f'_workshop/{notebook.name}' if episode else f'nbs/{notebook.as_posix()}'
    code = [c for c in read_nb(nbs/notebook).cells if c.cell_type == 'code']
    real = not code or any('realdata' in c.directives for c in code)
    colab = f'https://colab.research.google.com/github/{repo}/blob/gh-pages/_notebooks/{notebook.as_posix()}'
    assert (colab in links) == (not real and not any('bench/' in c.source or '../../' in c.source for c in code))
    assert (f'https://mybinder.org/v2/gh/{repo}/main?urlpath=lab/tree/{place}' in links) == (not real)
    copy, = [o for o in links if o.endswith(f'_notebooks/{notebook.as_posix()}') and not urlsplit(o).netloc]
    cells = [c for c in read_nb(page.parent/copy).cells if c.cell_type == 'code']
    assert any(f'%pip install -q "tf_transfer @ git+https://github.com/{repo}"' in o.source for o in cells[:2])
    assert not any('solution' in o.directives for o in cells)


def test_the_branch_of_the_site_is_served_as_it_is(site):
    assert (site/'.nojekyll').exists(), 'without it, folders that begin with _ are left out'


class Server(SimpleHTTPRequestHandler):
    "Serves the site, and lets its pages load from it only; a browser keeps its connection, and what all pages share"
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args): pass

    def end_headers(self):
        if self.path.startswith('/_static/') and '.html' not in self.path:
            self.send_header('Cache-Control', 'max-age=3600')
        self.send_header('Content-Security-Policy', "default-src 'self' 'unsafe-inline' data:")
        super().end_headers()


@pytest.fixture(scope='module')
def address(site):
    with ThreadingHTTPServer(('127.0.0.1', 0), partial(Server, directory=site)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}'
        server.shutdown()


@pytest.fixture(scope='module')
def browser():
    if not chromium: pytest.skip('no Chromium here')
    browser = Browser()
    yield browser
    browser.close()


unseen = """[...document.images].filter(o => o.closest('article') && o.checkVisibility())
    .filter(o => o.loading != 'lazy' && !o.naturalWidth).map(o => o.src)"""


def look(browser, url, width, darks):
    "What is wrong with a page on a screen of this width, bright or dark or both"
    browser.open(url, width=width, dark=darks[0])
    assert browser.js("Boolean(document.querySelector('h1'))")
    wrong = browser.problems + ['wider than the screen']*browser.js(too_wide) + browser.js(unseen)
    wrong += browser.js(cut_blocks)
    for dark in darks:
        browser.darken(dark)
        browser.wait_for(f"document.documentElement.dataset.theme == '{'dark' if dark else 'light'}'")
        wrong += browser.js(too_pale) + (browser.js(bright_boxes) if dark else [])
    return wrong


@pytest.mark.parametrize('page', one_of_each_kind)
@pytest.mark.parametrize('width', [390, 1280])
def test_page_in_a_browser(browser, address, page, width):
    "Bright and dark"
    assert not look(browser, f'{address}/{page}', width, [False, True])


def test_every_page_in_a_browser(browser, address, site):
    "The others on a phone at night or on a desktop by day, page by page in turn"
    wrong = {}
    for i, page in enumerate(sorted({str(o.relative_to(site)) for o in pages_of(site)} - {*one_of_each_kind})):
        wrong[page] = look(browser, f'{address}/{page}', width=[390, 1280][i % 2], darks=[i % 2 == 0])
    assert not {page: found for page, found in wrong.items() if found}


@pytest.mark.parametrize('html, words', [
    ('<img src="no.png" alt="">', '404'), ('<img src="https://example.com/x.png" alt="">', 'Content Security Policy'),
    ('<script>console.error("said")</script>', 'said'), ('<script>throw new Error("thrown")</script>', 'thrown'),
    ('<p style="width: 3000px">wide</p>', 'wider'), ('<p style="color: #aaa">pale</p>', ': pale'),
    ('<table><tr><td style="max-width: 3em">whole_long_name<td>1</table>', 'td, ')])
def test_what_is_wrong_is_seen(browser, address, site, html, words):
    head = '<!doctype html><html data-theme="light"><link rel="icon" href="data:,">'
    page = site/'_static'/f'wrong-{words.strip(": ,")}.html'
    page.write_text(f'{head}<h1>Wrong</h1><article>{html}</article>')
    assert words in str(look(browser, f'{address}/_static/{page.name}', 1280, [False]))


def test_figures_appear(browser, address):
    browser.open(f'{address}/matrix/simulate.html')
    assert browser.js("[...document.querySelectorAll('article img')].every(o => { o.loading = 'eager'; return o.alt })")
    browser.js("window.figures = [...document.querySelectorAll('article img')]; 0")
    browser.wait_for("figures.length > 1 && figures.every(o => o.naturalWidth > 100)")


@pytest.mark.parametrize('scheme', ['http', 'file'])
def test_search(browser, address, site, scheme):
    start = address if scheme == 'http' else site.as_uri()
    browser.open(f'{start}/search.html?q=fine_tune')
    found = "[...document.querySelectorAll('#search-results li a')]"
    browser.wait_for(f"{found}.some(o => o.href.includes('/train/learners.html'))")
    if scheme == 'http': assert not browser.problems
    browser.open('about:blank')      # a file may not fetch others; what it says of that is not about the next page


@pytest.fixture(scope='module')
def search(browser, address):
    "A function of a query: the pages that the site's search shows for it, first ones first"
    browser.open(f'{address}/search.html')
    browser.wait_for("typeof Search === 'object' && Search._index")
    page = browser.page
    yield lambda query: page.evaluate("""query => {
        document.querySelector('input[name=q]').value = query
        return Search._performSearch(...Search._parseQuery(query)).reverse().map(o => o[0]) }""", query)


@pytest.mark.parametrize('query', looked_for)
def test_search_finds_the_page(search, query):
    assert looked_for[query] in search(query)[:3]


def test_search_shows_what_it_finds(browser, address):
    "Here no page has both words"
    browser.open(f'{address}/search.html?q={quote_plus("mm10 xylophone")}')
    found = "[...document.querySelectorAll('#search-results li a')]"
    browser.wait_for(f"{found}.length")
    assert browser.js(f"new URL({found}[0].href).pathname") == '/howto/own_genome.html'


def test_a_solution_unfolds(browser, address, site):
    pages = sorted(page for page in pages_of(site) if re.search('>Solution</', page.read_text()))
    browser.open(f'{address}/{pages[0].relative_to(site)}')
    folded = "[...document.querySelectorAll('details')]"
    browser.js(f"window.solution = {folded}.find(o => o.querySelector('summary').innerText.includes('Solution')); 0")
    state = "[solution.open, solution.querySelector('.highlight').checkVisibility()]"
    assert browser.js(state) == [False, False]
    browser.js("solution.querySelector('summary').click()")
    assert browser.js(state) == [True, True]
    assert not browser.problems
