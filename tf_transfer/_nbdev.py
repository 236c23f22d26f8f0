"What nbdev calls when it exports and documents (hand-written: it serves the project, not the analysis)"
import re
from configparser import ConfigParser

from fastcore.docments import DocmentTbl
from nbdev.config import get_config, set_version
from nbdev.process import Processor
from nbdev.showdoc import BasicMarkdownRenderer


class SyncVersion(Processor):
    "`nbdev-export` copies the version of settings.ini into `__version__`"

    def begin(self):
        cfg, settings = get_config(), ConfigParser(delimiters=['='])
        settings.read(cfg.config_path/'settings.ini')
        set_version(cfg.lib_path, settings['DEFAULT']['version'])


class TableRenderer(BasicMarkdownRenderer):
    "`show_doc` as a plain signature, the summary, and a table of parameters"

    def _repr_markdown_(self):
        md = super()._repr_markdown_()
        try: table = DocmentTbl(self.sym)._repr_markdown_()
        except (AttributeError, TypeError, ValueError): return md   # nothing callable to make a table of
        if not table: return md
        commented = str(self.dm)
        plain = re.sub(r'(,?)[ \t]*#[^\n]*', r'\1', commented)
        return f'{md.replace(commented, plain)}\n\n{table}'
