"Transfer learning for transcription factor binding prediction: `from tf_transfer.all import *`"
import sys as _sys
import warnings as _warnings
from importlib import import_module as _import

__version__ = "0.1.0"

# fastai calls what torch will drop, and its users can do nothing about it; who asks Python for warnings sees this one
if not _sys.warnoptions: _warnings.filterwarnings('ignore', '`torch.jit.script` is deprecated')


def __getattr__(name):
    "A public name of any module, from where it stands: `import tf_transfer as tft; tft.fit_peaks`"
    if name.startswith('_'): raise AttributeError(name)
    if name == 'all': return _import('tf_transfer.all')
    if name in (where := _rooms()): return getattr(_import(where[name]), name)
    everything = _import('tf_transfer.all')
    if name in everything.__all__: return getattr(everything, name)
    if name in globals(): return globals()[name]
    raise AttributeError(f'tf_transfer has no {name}')


def __dir__():
    return sorted({*globals(), *_rooms()})


def _rooms():
    "The module of each public function and class, from nbdev's index"
    syms = _import('tf_transfer._modidx').d['syms']
    return {name.removeprefix(f'{module}.'): module for module, names in syms.items() for name in names
            if '.' not in (own := name.removeprefix(f'{module}.')) and not own.startswith('_')}
