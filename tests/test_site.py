"The documentation site builds from the stored outputs, holds together, and shows without error in a browser"
import shutil
import subprocess
import sys
from functools import cache, partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

import pytest
from nbdev.config import nbpath2html
from nbdev.doclinks import nbglob

root = Path(__file__).parent.parent
nbs = root/'nbs'
notebooks = [Path(o).relative_to(nbs) for o in sorted(nbglob(nbs))]
one_of_each_kind = {path.parent: nbpath2html(path) for path in notebooks}.values()
browser = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    "The folder of the built site"
    out = tmp_path_factory.mktemp('site')
    built = subprocess.run([sys.executable, root/'docs'/'build.py', '--out', out], capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return out


class Page(HTMLParser):
    "What a page is made of: its text, its ids, its links, and what a browser loads for it"

    def __init__(self, path):
        super().__init__()
        self.text, self.ids, self.links, self.loads = '', set(), set(), set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids |= {attrs.get('id')}
        if tag == 'a': self.links |= {attrs.get('href')} - {None}
        if tag == 'link' and attrs['rel'] not in ('search', 'next', 'prev', 'canonical'): self.loads |= {attrs['href']}
        if tag in ('script', 'img', 'iframe'): self.loads |= {attrs.get('src')} - {None}

    def handle_data(self, data): self.text += data


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


def test_no_link_is_broken(site):
    broken = [f'{page.relative_to(site)}: {link}' for page in pages_of(site)
              for link in page_at(page).links | page_at(page).loads if is_broken(link, page)]
    assert not broken


def test_nothing_is_loaded_from_elsewhere(site):
    outside = {link for page in pages_of(site) for link in page_at(page).loads if urlsplit(link).netloc}
    assert not outside


too_wide = '<script>if (document.documentElement.scrollWidth > innerWidth) console.error("wider than the screen")</script>'


class Server(SimpleHTTPRequestHandler):
    "Serves the site, lets its pages load from it only, and keeps what it could not find"

    def log_message(self, *args): pass

    def end_headers(self):
        self.send_header('Content-Security-Policy', "default-src 'self' 'unsafe-inline' data:")
        super().end_headers()

    def send_error(self, *args):
        self.server.not_found.append(self.path)
        super().send_error(*args)


@pytest.fixture(scope='module')
def server(site, tmp_path_factory):
    "Serves a copy of the site whose pages complain where they are wider than the screen"
    copy = tmp_path_factory.mktemp('served')
    shutil.copytree(site, copy, dirs_exist_ok=True)
    for page in pages_of(copy): page.write_text(page.read_text() + too_wide)
    with ThreadingHTTPServer(('127.0.0.1', 0), partial(Server, directory=copy)) as server:
        server.not_found = []
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.skipif(not browser, reason='no Chromium here')
@pytest.mark.parametrize('page', ['matrix.html', *one_of_each_kind], ids=str)
@pytest.mark.parametrize('width', [390, 1280])
def test_page_in_a_browser(server, tmp_path, page, width):
    flags = ['headless', 'no-sandbox', 'disable-gpu', 'disable-quic', 'no-first-run', 'disable-background-networking',
             'disable-component-update', 'disable-sync', f'user-data-dir={tmp_path}', f'window-size={width},900',
             'enable-logging=stderr', 'dump-dom']
    server.not_found.clear()
    shown = subprocess.run([browser, *(f'--{o}' for o in flags), f'http://127.0.0.1:{server.server_port}/{page}'],
                           capture_output=True, text=True, timeout=120)
    complaints = [o for o in shown.stderr.splitlines() if 'CONSOLE' in o and '"[PST]' not in o]   # the theme tells its mode
    assert not complaints
    assert not server.not_found
    assert '<h1>' in shown.stdout
