"""Look at every page of a built site in four forms, and list what is cut: python docs/look.py _docs

Two widths, a desk's and a phone's, bright and dark. On a desk nothing should be wider than its place; on a phone code,
tables and wide figures may scroll. Also listed: a page that is wider than the screen, or longer by night than by day,
pale text, what stays bright at night, a sentence that announces what is not there, and an object shown as Python prints
it."""
import re
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from fastcore.script import call_parse

sys.path.insert(0, str(Path(__file__).resolve().parent.parent/'tests'))
from browser import Browser, bright_boxes, cut_blocks, odd_text, too_pale, too_wide  # noqa: E402

WIDTHS = 390, 1280


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args): pass


def seen(browser, url, width, shots):
    "What is wrong with a page on a screen of this width, by day and by night; `shots` is a folder for screenshots"
    browser.open(url, width=width)
    found = browser.js(cut_blocks) + (browser.js(odd_text) if width == max(WIDTHS) else [])
    found += ['wider than the screen']*browser.js(too_wide)
    heights = []
    for dark in (False, True):
        browser.darken(dark)
        browser.wait_for(f"document.documentElement.dataset.theme == '{'dark' if dark else 'light'}'")
        found += browser.js(too_pale) + (browser.js(bright_boxes) if dark else [])
        heights.append(browser.js("document.querySelector('.bd-article-container').clientHeight"))
        name = '-'.join([*url.split('/')[3:], str(width), 'dark' if dark else 'bright'])
        if shots: browser.screenshot(Path(shots)/f'{name}.png', whole=True)
    if heights[0] != heights[1]: found.append(f'{heights[0]} px long by day, {heights[1]} by night')
    return found


@call_parse
def main(
    site:Path, # Folder of the built site
    only:str='', # Pages whose path matches this
    shots:str='', # Folder to keep screenshots in
):
    "List what is cut"
    pages = sorted(str(o.relative_to(site)) for o in site.rglob('*.html') if '_static' not in o.parts)
    pages = [o for o in pages if re.search(only, o)]
    browser, wrong = Browser(), 0
    with ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=site)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        for page in pages:
            for width in WIDTHS:
                found = seen(browser, f'http://127.0.0.1:{server.server_port}/{page}', width, shots)
                wrong += len(found)
                for o in found: print(f'{page}, {width} px: {o}', flush=True)
        server.shutdown()
    browser.close()
    print(f'{len(pages)} pages in four forms: {wrong} things to mend')
    sys.exit(wrong > 0)
