"""Know a PyTorch model before you run it.

`trace` turns a model into a `Graph`; `Facts` answers questions about it; `View` decides what is shown; `export` and
`render` write it. The public names are listed in ``__init__.pyi``. Each is loaded on first use, so that ``import fxviz``
is quick and does not load torch.
"""

import sys

import lazy_loader

from fxviz.moved import MovedModules

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

if not any(isinstance(finder, MovedModules) for finder in sys.meta_path):
    sys.meta_path.append(MovedModules())
