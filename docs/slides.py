"""Slides of the workshop, from the episodes and their stored outputs.

Each H2 begins a slide; what does not fit goes on the next one, under the same title. A deck is one HTML file that
loads nothing; it holds slides.css and slides.js.
Keys: arrows, space, Home and End; `f` for the whole screen. On a phone: swipe, or the buttons."""
import base64
import re
from html import escape
from pathlib import Path

from fastcore.nbio import read_nb
from fastcore.script import call_parse
from learner import episodes, flagged, is_challenge, is_check, is_code, sections
from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

room = 21      # Lines that fit on a slide
markdown = MarkdownIt('commonmark', dict(html=True)).enable('table')
python, inline = PythonLexer(), HtmlFormatter(style='default', nowrap=True)
style, script = (Path(__file__).with_suffix(o).read_text() for o in ('.css', '.js'))


def prose(md):
    "Markdown as HTML; links lead nowhere on a slide, so their words stay alone"
    html = re.sub(r'</?a\b[^>]*>', '', markdown.render(md))
    return html.replace('<table>', '<div class="wide"><table>').replace('</table>', '</table></div>')


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
            bare = re.sub(r'<style.*?</style>', '', html, flags=re.S)
            return f'<div class="wide">{bare}</div>', 16 if 'frames' in html else 1.6*html.count('<tr')
        if png:
            width, height = (int.from_bytes(base64.b64decode(png[:64])[i:i+4], 'big') for i in (16, 20))
            img = f'<img alt="{escape(alt)}" src="data:image/png;base64,{png.strip()}">'
            return img, min(13, 3 + 22*height/max(width, 1))
        if md := ''.join(data.get('text/markdown', '')): return prose(md), 1.4*lines(md)
        text = ''.join(data.get('text/plain', ''))
    rows = text.rstrip().splitlines()
    if len(rows) > 12: rows = [*rows[:5], '...', *rows[-4:]]
    return (f'<pre class="out">{escape(chr(10).join(rows))}</pre>', len(rows) + 1) if rows else None


def blocks(title, cells):
    "(HTML, lines) of what a section shows; None where a new slide begins, for what follows a check tells the answer"
    for c in cells:
        if c.cell_type == 'markdown':
            md = re.sub(r'^#{1,2} +.+\n*', '', c.source)
            for part in re.split(r'\n\n+(?=\*\*)|\n\n(?=\|)', md):
                if part.strip(): yield prose(part), lines(part) + 1
            continue
        if is_check(c): yield None
        if not is_code(c) or flagged(c, 'solution') or is_check(c): continue
        alt = c.directives.get('fig-alt', 'What the code draws')
        alt = alt if isinstance(alt, str) else ' '.join(alt)
        c.remove_directives()
        if re.match(r'(from|import) ', c.source): continue
        source, to_do = c.source.strip(), 'TODO' in c.source
        n = len(source.splitlines())
        if n <= 9: yield f'<pre>{highlight(source, python, inline)}</pre>', 0 if to_do else 0.75*n + 1
        if not (is_challenge(title) and to_do): yield from filter(None, (shown(o, alt) for o in c.outputs))


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
            place = f' <small>({i + 1} of {len(pages)})</small>' if len(pages) > 1 else ''
            yield title + place, ''.join(page), is_challenge(title)


def section(title, html, challenge):
    heading = f'<h2>{prose(title).strip()[3:-4]}</h2>' if title else ''
    return f'<section class="slide{" challenge" if challenge else ""}">{heading}{html}</section>'


def deck(path):
    "One HTML page with all slides of an episode"
    slides = list(slides_of(path))
    name = re.search(r'<h1>(.+?)</h1>', slides[0][1])[1]
    colours = ''.join(re.findall(r'^\.\w.*$', inline.get_style_defs(''), re.M)) or inline.get_style_defs('pre')
    body = '\n'.join(map(section, *zip(*slides)))
    return f'''<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><style>{style}{colours}</style></head><body>
{body}
<nav><b>{name}</b><output></output>
<button id="back" aria-label="previous slide">&larr;</button>
<button id="on" aria-label="next slide">&rarr;</button></nav>
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
