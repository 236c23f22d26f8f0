"Chromium, by Playwright: pages as a reader sees them. The system's browser serves; none is downloaded"
import shutil
import time
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

chromium = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)
too_wide = 'document.documentElement.scrollWidth > innerWidth'
too_pale = (Path(__file__).parent/'too_pale.js').read_text()
boxed = """[...document.images].some(o => {  // a figure blends with the page, unless one of its parents is moved
    for (let e = o.parentElement; e !== document.body; e = e.parentElement)
        if (getComputedStyle(e).transform !== 'none') return true })"""
bright_boxes = r"""(() => {    // what stays bright on a page of the site at night; a table's coloured cells may
    const bright = css => {
        const [r, g, b, a = 1] = css.match(/[\d.]+/g).map(Number)
        return a > .5 && (r+g+b)/3 > 128
    }
    const boxes = [...document.querySelectorAll('article :is(div, pre, table, p, details, figure, blockquote)')]
    return boxes.filter(o => o.checkVisibility() && o.clientWidth > 60 && o.clientHeight > 20)
        .filter(o => bright(getComputedStyle(o).backgroundColor))
        .map(o => `bright box at night, ${o.tagName}.${o.className}: ${o.innerText.trim().slice(0, 40)}`) })()"""
cut = "[...document.querySelectorAll('.scroll')].some(o => o.scrollWidth > o.clientWidth+1)"
cut_blocks = """(() => {   // of a page of the site: what is wider than its place; on a phone it may scroll
    const desk = innerWidth > 1200, said = []
    const kinds = 'pre, table, img, svg, math, .cell_output, p, li, h1, h2, td, th'
    for (const o of document.querySelectorAll(`article :is(${kinds})`)) {
        if (!o.checkVisibility() || o.closest('.headerlink, nav')) continue
        const scrolls = /auto|scroll/.test(getComputedStyle(o).overflowX)
        const long = o.scrollWidth-o.clientWidth
        const inner = o.matches('.cell_output') && o.querySelector('pre, table, img')
        if (o.clientWidth && long > 1 && !inner && (desk || !scrolls))
            said.push(`${o.tagName.toLowerCase()}, ${long} px: ${o.innerText.trim().slice(0, 60)}`)
        if (o.matches('table') && long > 1) {    // its first column stays in sight; the others need room
            const first = o.querySelector('tbody tr > :first-child')
            if (first && first.clientWidth > .6*o.clientWidth && getComputedStyle(first).position == 'sticky')
                said.push(`a first column hides the others: ${first.innerText.trim().slice(0, 60)}`)
        }
    }
    return said })()"""
odd_text = r"""(() => {   // of the site: sentences that announce what is not there, and what Python shows of itself
    const said = [], text = o => o.innerText.trim()
    for (const p of document.querySelectorAll('article p')) {
        if (!p.matches('section > p')) continue
        const next = p.nextElementSibling || p.parentElement.nextElementSibling     // a function's section, say
        const gone = !next || next.matches('p') || next.querySelector(':scope > h2')
        if (text(p).endsWith(':') && gone) said.push(`nothing follows: ${text(p).slice(-60)}`)
        if (/^Return (repr|str)\(self\)/.test(text(p))) said.push(`a method of Python's own: ${text(p)}`)
    }
    for (const o of document.querySelectorAll('article .cell_output pre'))
        if (/, dtype: \w+$|object at 0x[0-9a-f]+/.test(text(o))) said.push(`a bare object: ${text(o).slice(-60)}`)
    return said })()"""
flags = ['no-sandbox', 'disable-gpu', 'disable-quic', 'disable-dev-shm-usage']


class Browser:
    "A phone and a desktop. `problems` are those of the page that is open: console errors, exceptions, failed requests"

    def __init__(self):
        self.problems = []
        self.playwright = sync_playwright().start()
        self.chromium = self.playwright.chromium.launch(executable_path=chromium, args=[f'--{o}' for o in flags])
        self.screens = {phone: self.screen(phone) for phone in (True, False)}

    def screen(self, phone):
        page = self.chromium.new_context(is_mobile=phone).new_page()
        note = lambda wrong, say: lambda event: wrong(event) and self.problems.append(say(event))
        page.on('pageerror', note(lambda o: True, str))
        page.on('console', note(lambda o: o.type in ('error', 'assert'), lambda o: f'{o.text} {o.location.get("url")}'))
        page.on('requestfailed', note(lambda o: o.failure != 'net::ERR_ABORTED', lambda o: f'{o.failure} {o.url}'))
        page.on('response', note(lambda o: o.status >= 400, lambda o: f'{o.status} {o.url}'))
        return page

    def open(self, url, width=1280, height=900, dark=False):
        "Load a page on a screen of this width, bright or dark"
        self.page = self.screens[width < 600]
        self.page.set_viewport_size(dict(width=width, height=height))
        self.darken(dark)
        self.problems.clear()
        self.page.goto(url)

    def darken(self, dark): self.page.emulate_media(color_scheme='dark' if dark else 'light')

    def js(self, expression):
        "The value of a JavaScript expression; a promise is waited for"
        return self.page.evaluate(expression)

    def wait_for(self, expression, seconds=20):
        "Until a JavaScript expression is true (Playwright's own wait needs pages that may evaluate strings)"
        end = time.time() + seconds
        while not self.js(expression):
            if time.time() > end: raise TimeoutError(f'never true: {expression}')
            self.page.wait_for_timeout(50)

    def faults(self):
        "What is wrong with a report that is open, its folds opened: wider than the screen, too pale, images cut"
        self.js("document.querySelectorAll('details').forEach(o => { o.open = true })")
        wrong = self.problems + ['wider than the screen']*self.js(too_wide) + self.js(too_pale)
        wrong += self.js('[...document.images].filter(o => !o.naturalWidth || !o.alt).map(o => o.alt)')
        wrong += ['a dark figure is a black box']*self.js(boxed)
        desk = self.js('innerWidth > 1200')
        return wrong + ['a table is cut on a desk']*(desk and self.js(cut))

    def screenshot(self, path, whole=False):
        "Of what is seen, or of the whole page: a long one in pieces, since Chromium paints no more than 16,384 px"
        still = dict(animations='disabled') # for a whole page is painted while the menu beside it slides
        height, size, piece = self.js('document.documentElement.scrollHeight'), self.page.viewport_size, 8000
        if not whole or height <= 2*piece: return self.page.screenshot(path=path, full_page=whole, **still)
        page = Image.new('RGB', (size['width'], height))
        self.page.set_viewport_size(dict(size, height=piece))
        for top in range(0, height, piece):
            self.js(f'scrollTo(0, {top})')
            page.paste(Image.open(BytesIO(self.page.screenshot(**still))), (0, self.js('scrollY')))
        self.page.set_viewport_size(size)
        page.save(path)

    def close(self):
        self.chromium.close()
        self.playwright.stop()
