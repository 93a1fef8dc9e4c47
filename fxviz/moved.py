"""Old import paths: documented modules that have moved are found here for one version more, with a `DeprecationWarning`.

Remove a line when the version after the one that moved it is out; remove the file when the table is empty.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

__all__ = ["MOVED", "MovedModules"]

MOVED = MappingProxyType(
    {
        "fxviz.autograd": "fxviz.integrations.torchviz",
        "fxviz.exporters.dot": "fxviz.exporters.drawing.dot",
        "fxviz.exporters.graphviz": "fxviz.exporters.drawing.graphviz",
        "fxviz.exporters.mermaid": "fxviz.exporters.drawing.mermaid",
        "fxviz.facts": "fxviz.analysis.facts",
        "fxviz.lowering": "fxviz.exporters.onnx.runnable",
        "fxviz.overview": "fxviz.output.summary",
        "fxviz.parallel": "fxviz.output.parallel",
        "fxviz.plot": "fxviz.exporters.figures.memory",
        "fxviz.quantity": "fxviz.text.quantity",
        "fxviz.rules": "fxviz.analysis.rules",
        "fxviz.runs": "fxviz.training",
        "fxviz.serialize": "fxviz.ir.serialize",
        "fxviz.sphinx": "fxviz.integrations.sphinx",
        "fxviz.sweep_plot": "fxviz.exporters.figures.sweep",
        "fxviz.testing": "fxviz.integrations.testing",
        "fxviz.view": "fxviz.views.view",
    }
)
"""Where each module stands now; what is inside a package moved with it."""


class MovedModules(MetaPathFinder, Loader):
    """Finds a moved module by its old name. It is asked last, so it costs nothing where the name exists."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec for a name of `MOVED`, or inside one; None for every other."""
        return ModuleSpec(fullname, self, is_package=True) if _new_name(fullname) else None

    def exec_module(self, module: ModuleType) -> None:
        """Fill the module with what the one at the new place has."""
        new = _new_name(module.__name__)
        assert new, f"{module.__name__} is not among the moved modules"
        warnings.warn(  # noqa: TID251 -- the one warning that users must see where they import
            f"{module.__name__} has moved to {new}; the old name goes with the next version",
            DeprecationWarning,
            stacklevel=2,
        )
        found = import_module(new)
        module.__dict__.update({name: value for name, value in vars(found).items() if not name.startswith("__")})
        module.__doc__ = found.__doc__


def _new_name(name: str) -> str | None:
    old = next((old for old in MOVED if name == old or name.startswith(f"{old}.")), None)
    return old and MOVED[old] + name.removeprefix(old)
