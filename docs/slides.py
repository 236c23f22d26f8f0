"""Slides of the workshop, from the episodes and their stored outputs.

Each H2 begins a slide; what does not fit goes on the next one, under the same title. A deck is one HTML file that loads nothing.
Keys: arrows, space, Home and End; `f` for the whole screen. On a phone: swipe, or the buttons."""
import base64
import re
from html import escape
from pathlib import Path

from fastcore.nbio import read_nb
from fastcore.script import call_parse
from learner import episodes, flagged, is_challenge, is_check, sections
from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

room = 21      # Lines that fit on a slide
markdown = MarkdownIt('commonmark', dict(html=True)).enable('table')
python, inline = PythonLexer(), HtmlFormatter(style='default', nowrap=True)

style = '''
* { box-sizing: border-box; }
html { font: clamp(16px, 2.1vmin + .5vw, 38px)/1.4 system-ui, sans-serif; color: #1b2733; background: #e8edf2; }
body { margin: 0; }
.slide { display: none; position: fixed; inset: 0 0 2.6rem; overflow: auto; padding: 1.4rem max(1.2rem, calc((100vw - 54rem)/2)); background: #fff; }
.slide.now { display: block; }
h1 { font-size: 2.1em; line-height: 1.15; margin: 18vh 0 .4em; color: #0b4f7d; }
h2 { font-size: 1.45em; line-height: 1.2; margin: 0 0 .6em; color: #0b4f7d; }
h2 small { font-weight: normal; color: #5b6975; }
.challenge h2 { color: #a03c00; }
blockquote { margin: 0; font-size: 1.2em; color: #44525e; }
pre { overflow-x: auto; margin: .6em 0; padding: .6em .8em; font: .7em/1.45 ui-monospace, monospace; background: #f3f6f8; border-radius: .4em; }
pre.out { background: none; border-left: .25em solid #c4d0da; border-radius: 0; }
code { font-family: ui-monospace, monospace; font-size: .92em; }
img { display: block; max-width: 100%; max-height: 58vh; width: auto; min-width: min(55%, 36rem); height: auto; margin: .5em auto; object-fit: contain; }
.frames { text-align: center; }
.frames input { height: 1.6rem; }
img[hidden] { display: none; }
div.wide { overflow-x: auto; }
table, table.dataframe { border: 0; border-collapse: collapse; margin: .6em 0; font-size: .85em; font-variant-numeric: tabular-nums; }
th, td { padding: .2em .8em; border: 0; border-bottom: 1px solid #d5dde4; text-align: left; vertical-align: top; }
nav { position: fixed; inset: auto 0 0; height: 2.6rem; display: flex; align-items: center; gap: .6rem; padding: 0 1rem; font-size: .85rem; background: #0b4f7d; color: #fff; }
nav b { flex: 1; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; font-weight: normal; }
nav button { font: inherit; color: inherit; background: #2c6f9c; border: 0; border-radius: .3rem; padding: .25rem .9rem; cursor: pointer; }
@media print { .slide { display: block; position: static; page-break-after: always; overflow: visible; } nav { display: none; } }
'''

script = '''
const slides = [...document.querySelectorAll('.slide')], at = document.querySelector('nav output');
let now = 0;
function go(i) {
  now = Math.max(0, Math.min(slides.length - 1, i));
  slides.forEach((s, k) => s.classList.toggle('now', k == now));
  at.textContent = (now + 1) + ' / ' + slides.length;
  history.replaceState(null, '', '#' + (now + 1));
  slides[now].scrollTop = 0;
}
const step = {ArrowRight: 1, ArrowDown: 1, PageDown: 1, ' ': 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1};
addEventListener('keydown', e => {
  if (e.target.matches?.('input, button') && e.key != 'PageDown' && e.key != 'PageUp') return;
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.key in step) { e.preventDefault(); go(now + (e.key == ' ' && e.shiftKey ? -1 : step[e.key])); }
  if (e.key == 'Home') go(0);
  if (e.key == 'End') go(slides.length - 1);
  if (e.key == 'f') document.documentElement.requestFullscreen?.();
});
let from = null;
addEventListener('touchstart', e => { from = e.target.closest('input, pre, .wide') ? null : e.touches[0]; });
addEventListener('touchend', e => {
  if (!from) return;
  const dx = e.changedTouches[0].clientX - from.clientX, dy = e.changedTouches[0].clientY - from.clientY;
  if (Math.abs(dx) > 50 && Math.abs(dx) > 2*Math.abs(dy)) go(now + (dx < 0 ? 1 : -1));
});
addEventListener('hashchange', () => go(+location.hash.slice(1) - 1 || 0));
document.querySelector('#back').onclick = () => go(now - 1);
document.querySelector('#on').onclick = () => go(now + 1);
go(+location.hash.slice(1) - 1 || 0);
'''


def prose(md):
    "Markdown as HTML; links lead nowhere on a slide, so their words stay alone"
    return re.sub(r'</?a\b[^>]*>', '', markdown.render(md).replace('<table>', '<div class="wide"><table>').replace('</table>', '</table></div>'))


def lines(md):
    "About how many lines a text takes"
    return sum(max(1, -(-len(o)//85)) + 0.3 for o in md.splitlines() if o.strip())


def shown(output, alt):
    "(HTML, lines) of a stored output, or None"
    if output.output_type == 'stream': text = ''.join(output.text)
    else:
        data = output.get('data', {})
        html, png = (''.join(data.get(k, '')) for k in ('text/html', 'image/png'))
        if html and ('<table' in html or 'class="frames"' in html):
            return f'<div class="wide">{re.sub(r"<style.*?</style>", "", html, flags=re.S)}</div>', 13 if 'frames' in html else 1.6*html.count('<tr')
        if png:
            width, height = (int.from_bytes(base64.b64decode(png[:64])[i:i+4], 'big') for i in (16, 20))
            return f'<img alt="{escape(alt)}" src="data:image/png;base64,{png.strip()}">', min(13, 3+22*height/max(width, 1))
        if md := ''.join(data.get('text/markdown', '')): return prose(md), 1.4*lines(md)
        text = ''.join(data.get('text/plain', ''))
    rows = text.rstrip().splitlines()
    if len(rows) > 12: rows = [*rows[:5], '...', *rows[-4:]]
    return (f'<pre class="out">{escape(chr(10).join(rows))}</pre>', len(rows) + 1) if rows else None


def blocks(title, cells):
    "(HTML, lines) of what a section shows; None where a new slide is to begin: what is said after a check would give the answer away"
    for c in cells:
        if c.cell_type == 'markdown':
            md = re.sub(r'^#{1,2} +.+\n*', '', c.source)
            for part in re.split(r'\n\n+(?=\*\*)|\n\n(?=\|)', md):
                if part.strip(): yield prose(part), lines(part) + 1
            continue
        if is_check(c): yield None
        if c.cell_type != 'code' or flagged(c, 'hide') or flagged(c, 'solution') or is_check(c): continue
        alt = c.directives.get('fig-alt', 'What the code draws')
        alt = alt if isinstance(alt, str) else ' '.join(alt)
        c.remove_directives()
        if re.match(r'(from|import) ', c.source): continue
        source, drawn = c.source.strip(), [o for o in (shown(o, alt) for o in ([] if is_challenge(title) and 'TODO' in c.source else c.outputs)) if o]
        if len(source.splitlines()) <= 9: yield f'<pre>{highlight(source, python, inline)}</pre>', 0 if 'TODO' in source else 0.75*len(source.splitlines()) + 1
        yield from drawn


def slides_of(path):
    "(title, HTML, is it a challenge?) of each slide"
    nb = read_nb(path)
    for title, cells in sections(nb.cells):
        if not title:
            head = cells[0].source
            yield '', prose(head), False
            title = 'What this episode is about'
            cells = cells[1:]
        pages, height = [[]], 2
        for block in blocks(title, cells):
            html, n = block or ('', room)
            if pages[-1] and height + n > room: pages.append([]); height = 2
            if html: pages[-1].append(html); height += n
        pages = [page for page in pages if page]
        for i, page in enumerate(pages):
            yield title + (f' <small>({i + 1} of {len(pages)})</small>' if len(pages) > 1 else ''), ''.join(page), is_challenge(title)


def deck(path):
    "One HTML page with all slides of an episode"
    slides = list(slides_of(path))
    name = re.search(r'<h1>(.+?)</h1>', slides[0][1])[1]
    colours = ''.join(re.findall(r'^\.\w.*$', HtmlFormatter(style='default').get_style_defs(''), re.M)) or HtmlFormatter(style='default').get_style_defs('pre')
    body = '\n'.join(f'<section class="slide{" challenge" if c else ""}">{f"<h2>{prose(t).strip()[3:-4]}</h2>" if t else ""}{html}</section>' for t, html, c in slides)
    return f'''<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{name}</title>
<link rel="icon" href="data:,"><style>{style}{colours}</style></head><body>
{body}
<nav><b>{name}</b><output></output><button id="back" aria-label="previous slide">&larr;</button><button id="on" aria-label="next slide">&rarr;</button></nav>
<script>{script}</script></body></html>
'''


@call_parse
def main(
    out:str='_workshop/slides', # Folder to write the decks to; made if need be
):
    "Write a deck of slides for each episode of the workshop"
    Path(out).mkdir(exist_ok=True, parents=True)
    for path in episodes: (Path(out)/path.with_suffix('.html').name).write_text(deck(path))
    print(f'{len(episodes)} decks of slides are in {out}')
