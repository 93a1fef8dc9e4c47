"""The graph: what a traced model is, with what can be done with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from fxviz.errors import GraphError
from fxviz.ir.data import GraphData
from fxviz.ir.printer import format_graph
from fxviz.ir.verify import verify
from fxviz.ir.writing import save
from fxviz.plugins import DisplayedInNotebooks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch.fx import GraphModule

__all__ = ["Graph"]


@dataclass(frozen=True, eq=False, repr=False)
class Graph(GraphData, DisplayedInNotebooks):
    """A traced model: immutable, in execution order, each value defined once and before its uses.

    ``parameters`` holds every parameter and buffer of the model, used or not, once each; ``aliases`` maps further names
    of shared ones to the name that the value has. ``guards`` are the conditions on symbolic sizes under which the trace
    holds. ``notes`` say what a reader must know about how it was traced. ``complete`` is false for a partial trace.
    """

    build_module: Callable[[], GraphModule] | None = None

    @cached_property
    def module(self) -> GraphModule:
        """The runnable ``torch.fx.GraphModule`` of this trace, on the model's own weights."""
        if self.build_module is None:
            raise GraphError(
                f"graph {self.name!r} has no module: it was loaded from a file or traced in part; trace the model again"
            )
        return self.build_module()

    def verify(self) -> None:
        """Check the rules of the IR; a `GraphError` names the node and the value that break one."""
        verify(self)

    def save(self, path: str | Path) -> None:
        """Write the graph as JSON, losslessly but for ``module``; `fxviz.load` reads it back."""
        save(self, path)

    def __str__(self) -> str:
        return format_graph(self)
