"""`make_dot`: torchviz's function under its own signature, on `fxviz.trace_autograd` and the exporters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fxviz.errors import InputError
from fxviz.files import write_file
from fxviz.integrations.notebook import mimebundle
from fxviz.output import render
from fxviz.views.view import View

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from fxviz.ir import Graph

__all__ = ["AutogradDot", "make_dot"]

_FORMATS = ("svg", "png")


@dataclass(frozen=True)
class AutogradDot:
    """A drawn autograd graph, used like the ``graphviz.Digraph`` that torchviz returns; shows itself in notebooks."""

    graph: Graph
    format: str = "svg"

    @cached_property
    def view(self) -> View:
        """Return a view of all of the graph: every node of autograd, nothing folded or hidden."""
        return View.of(self.graph, fold=False)

    @cached_property
    def source(self) -> str:
        """Return the DOT text."""
        return str(render(self.view, "dot"))

    def render(
        self, filename: str | Path = "autograd", directory: str | Path | None = None, *, format: str | None = None
    ) -> str:
        """Draw into ``directory/filename.format`` and give that path; the DOT text is not left beside it.

        Raises `InputError` for another format than svg and png.
        """
        wanted = (format or self.format).lower()
        if wanted not in _FORMATS:
            raise InputError(f"cannot draw {wanted!r}; the formats are {', '.join(_FORMATS)}")
        target = Path(directory or "", f"{filename}.{wanted}")
        target.parent.mkdir(parents=True, exist_ok=True)
        write_file(target, render(self.view, wanted))
        return str(target)

    def save(self, filename: str | Path = "autograd.dot", directory: str | Path | None = None) -> str:
        """Write the DOT text and give its path."""
        target = Path(directory or "", filename)
        write_file(target, self.source)
        return str(target)

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        return mimebundle(self.view, include, exclude)

    def __repr__(self) -> str:
        return f"AutogradDot({len(self.graph.nodes)} autograd nodes)"


def make_dot(
    var: Any,
    params: Mapping[str, Any] | None = None,
    show_attrs: bool = False,
    show_saved: bool = False,
    max_attr_chars: int = 50,
) -> AutogradDot:
    """Draw the autograd graph behind ``var``: torchviz's ``make_dot``, so that one changed import moves a program over.

    Args:
        var: a tensor, or any nesting of tensors.
        params: names of leaf tensors, such as ``dict(model.named_parameters())``.
        show_attrs: show what backward functions saved besides tensors.
        show_saved: show the tensors that they saved.
        max_attr_chars: the most characters of an attribute.
    """
    from fxviz.tracing import trace_autograd

    return AutogradDot(
        trace_autograd(var, params, show_attrs=show_attrs, show_saved=show_saved, max_attr_chars=max_attr_chars)
    )
