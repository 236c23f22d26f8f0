"Sphinx's configuration; docs/build.py prepares the pages and runs it"
from configparser import ConfigParser
from functools import cache
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.search.en import SearchEnglish

settings = ConfigParser(delimiters=['='])
settings.read(Path(__file__).parent.parent/'settings.ini')
settings = settings['DEFAULT']

project, author, version = settings['lib_name'], settings['author'], settings['version']
extensions = ['myst_nb', 'sphinx_copybutton', 'sphinx.ext.githubpages']
nb_execution_mode = 'off'
nb_merge_streams = True
nb_render_markdown_format = 'myst'
myst_enable_extensions = ['attrs_block', 'attrs_inline', 'colon_fence', 'deflist', 'dollarmath']
myst_heading_anchors = 4
suppress_warnings = ['myst.header']      # a page may step from H1 to H3

smartquotes = False
html_theme = 'sphinx_book_theme'
html_title = project
html_theme_options = dict(
    repository_url=settings['git_url'], use_repository_button=True, use_download_button=False,
    navbar_persistent=[], show_toc_level=2,
    collapse_navbar=True)     # the sidebar shows the branch of the page: it is quick to build, and short on a phone
html_context = dict(default_mode='auto')
html_static_path = ['_static']
html_favicon = '_static/favicon.svg'
html_css_files = ['site.css']
html_copy_source = False
html_use_index = False     # it would be empty: the reference lists the names
html_show_copyright = False

# Formulas become MathML, which browsers show by themselves
html_math_renderer = 'mathml'


def visit_math(writer, node):
    block = isinstance(node, nodes.math_block)
    writer.body.append(tex2mathml(node.astext(), as_block=block))
    raise nodes.SkipNode


def setup(app):
    SearchEnglish.stopwords -= {'few', 'own', 'same', 'when', 'which', 'why'}      # words of our titles
    SearchEnglish.stem = staticmethod(cache(SearchEnglish({}).stem))      # Sphinx finds stems anew for each page
    app.add_html_math_renderer('mathml', (visit_math, None), (visit_math, None))
