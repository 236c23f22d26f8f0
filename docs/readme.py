"README.md from nbs/index.ipynb: prose, code and outputs, links that work elsewhere; figures go to nbs/images"
import re
from base64 import b64decode
from pathlib import Path

from fastcore.nbio import read_nb
from nbdev.config import get_config
from nbdev.doclinks import NbdevLookup
from nbdev.readme_filter import doc_link

images = get_config().nbs_path/'images'
hidden = {'hide', 'exporti', 'default_exp'}
link_in_link = re.compile(r'\[\[(`[^`]+`)\]\([^)]*\)\]\(')     # nbdev links a name inside a link too
file_link = re.compile(r'\]\((?!https?:|#|nbs/)([^)\s]+)\)')


def text_of(output):
    "A text output as a block, if it is one"
    text = output.get('text') or output.get('data', {}).get('text/plain')
    return f"```\n{''.join(text).rstrip()}\n```" if text else ''


def figure_of(output, options):
    "A figure, with its label as the name of its file"
    if not (png := output.get('data', {}).get('image/png')): return ''
    path = images/f"{options['label']}.png"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b64decode(png))
    return f"![{options['fig-alt']}](nbs/images/{path.name})"


def markdown(cells):
    "The blocks of the README, one for each visible cell and output"
    links = NbdevLookup()
    for cell in cells:
        if hidden & cell.directives.keys(): continue
        options = cell.directives
        cell.remove_directives()
        if cell.cell_type == 'markdown': yield links.linkify(cell.source)
        if cell.cell_type == 'code':
            if options.get('echo') != 'false': yield f'```python\n{cell.source}\n```'
            yield from filter(None, (figure_of(o, options) or text_of(o) for o in cell.outputs))


def readme(cfg):
    md = '\n\n'.join(markdown(read_nb(cfg.nbs_path/cfg.readme_nb).cells))
    md = link_in_link.sub(r'[\1](', md)
    md = file_link.sub(lambda m: f']({doc_link(m[1], cfg.doc_url)})', md)
    return f'<!-- Made from nbs/{cfg.readme_nb} by `make readme`: change that. -->\n\n{md}\n'


if __name__ == '__main__':
    cfg = get_config()
    Path(cfg.config_path/'README.md').write_text(readme(cfg))
