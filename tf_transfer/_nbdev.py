"What nbdev calls when it exports and documents (hand-written: it serves the project, not the analysis)"
import inspect
import re
from configparser import ConfigParser

from fastcore.docments import docments
from nbdev import doclinks
from nbdev.config import get_config, set_version
from nbdev.doclinks import NbdevLookup
from nbdev.process import Processor
from nbdev.showdoc import BasicMarkdownRenderer

empty = inspect.Parameter.empty


def every_cell(path, cells=doclinks._iter_py_cells):
    "The exported cells of a module. nbdev's index of names leaves out notebooks with \"auto\" in their path"
    for cell in cells(path):
        cell.nb = ''
        yield cell


class SyncVersion(Processor):
    "`nbdev-export` copies the version of settings.ini into `__version__`, and lists the names of every notebook"

    def begin(self):
        doclinks._iter_py_cells = every_cell
        cfg, settings = get_config(), ConfigParser(delimiters=['='])
        settings.read(cfg.config_path/'settings.ini')
        set_version(cfg.lib_path, settings['DEFAULT']['version'])


class TableRenderer(BasicMarkdownRenderer):
    "`show_doc` as a heading, a link to the source, the bare signature, the docstring, and a table of parameters"

    def _repr_markdown_(self):
        source = NbdevLookup().code(self.nm)
        parts = [f"{'#'*self.title_level} {self.nm}", source and f'[source]({source})',
                 f'```python\n{signature(self.sym, self.nm)}\n```', self.docs, table(self.sym)]
        return '\n\n'.join(filter(None, parts))


def signature(sym, name, width=90):
    "How `sym` is called: names and defaults, over several lines where one is too long"
    try: params = [p for p in inspect.signature(sym).parameters.values() if p.name not in unsaid(sym)]
    except (TypeError, ValueError): return name
    args, named_only = [], False
    for p in params:
        if p.kind is p.KEYWORD_ONLY and not named_only: args.append('*')
        named_only = p.kind in (p.KEYWORD_ONLY, p.VAR_POSITIONAL)
        arg = str(p.replace(annotation=empty, default=empty))
        args.append(arg if p.default is empty else f'{arg}={shown(p.default)}')
    line = f"{name}({', '.join(args)})"
    return line if len(line) <= width else f'{name}(\n    ' + ',\n    '.join(args) + ',\n)'


def unsaid(sym):
    "Parameters that say nothing: `self`, and the methods that fastai lets every callback take"
    return {'self', *getattr(sym, '_methods', ())}


def table(sym):
    "The parameters that have a comment beside them, as a Markdown table"
    try: docs = docments(sym, full=True, args_kwargs=True)
    except (AttributeError, TypeError, ValueError): return ''
    docs = {name: d for name, d in docs.items() if name not in unsaid(sym) and (name not in ('return', 'args', 'kwargs') or d['docment'])}
    if not any(d['docment'] for d in docs.values()): return ''
    rows = [('Parameter', 'Type', 'Default', 'Meaning')]
    for name, d in docs.items():
        default = shown(d['default'])
        rows.append(('*returns*' if name == 'return' else f'`{name}`', shown(d['anno']), default and f'`{default}`', d['docment'] or ''))
    columns = [i for i in range(4) if i in (0, 3) or any(row[i] for row in rows[1:])]
    lines = [' | '.join(row[i].replace('|', r'\|').replace('\n', ' ') for i in columns) for row in rows]
    return '\n'.join(f'| {line} |' for line in [lines[0], ' | '.join('---' for _ in columns), *lines[1:]])


def shown(value):
    "A type or a default as one writes it, without module names"
    if value is empty: return ''
    if callable(value) and hasattr(value, '__name__'): return value.__name__
    if isinstance(value, dict) and len(repr(value)) > 40: return '{...}'
    return repr(value) if isinstance(value, str) else re.sub(r'\b(?:[a-zA-Z_]\w*\.)+(?=\w)', '', repr(value))
