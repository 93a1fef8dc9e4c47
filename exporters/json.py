"""JSON: the whole graph, losslessly; `fxviz.load` reads it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fxviz.exporters.base import Exporter
from fxviz.ir.serialize import dumps

if TYPE_CHECKING:
    from fxviz.views.view import View

__all__ = ["Json"]


@dataclass(frozen=True)
class Json(Exporter):
    """Writes the graph behind a view, all of it: what is closed or folded in the view is written too."""

    whole = True
    drawn = False
    language = "json"

    def export(self, view: View) -> str:
        """Return the graph as JSON; its schema is described in `fxviz.ir.serialize`."""
        return dumps(view.graph)
