"""The summary of a model: its table, and under it a report on the whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from fxviz import models
from fxviz.analysis.facts import Facts
from fxviz.errors import InputError
from fxviz.exporters.table import Markdown, Text
from fxviz.ir import Graph
from fxviz.models.binding import bind_inputs
from fxviz.models.inputs import parse_input
from fxviz.output import default_view
from fxviz.output.report import format_entries, report_entries
from fxviz.passes.roofline import Roofline
from fxviz.text.escaping import escape_markdown

if TYPE_CHECKING:
    from fxviz.views.view import View

__all__ = ["Summary", "summary"]

Source: TypeAlias = Graph | Facts | str | Callable[..., Any]
Shapes: TypeAlias = str | Sequence[int] | Sequence[str | Sequence[int]]


@dataclass(frozen=True, eq=False)
class Summary:
    """The table of a model, its totals, what was not counted: ``print`` writes it as text, a notebook shows Markdown.

    ``view`` is what the table shows; ``entries`` are the lines under it, each a label and its text.
    """

    view: View
    entries: tuple[tuple[str, str], ...]

    @property
    def markdown(self) -> str:
        """Return the same in GitHub's Markdown: a table and a list."""
        lines = (f"- **{escape_markdown(label)}**: {escape_markdown(text)}\n" for label, text in self.entries)
        return "".join((Markdown().export(self.view), "\n", *lines))

    @property
    def lines(self) -> tuple[str, ...]:
        """Return the lines under the table, their texts aligned."""
        return tuple(format_entries(self.entries))

    def __str__(self) -> str:
        return "\n".join((Text().export(self.view), *self.lines))

    def __repr__(self) -> str:
        return f"<Summary of {self.view.graph.name}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/markdown": self.markdown, "text/plain": str(self)}


def summary(
    source: Source,
    inputs: Any = None,
    *,
    input_size: Shapes | None = None,
    input_data: Any = None,
    roofline: Roofline | None = None,
    view: View | None = None,
) -> Summary:
    """Return what ``fxviz summary`` prints of a model, as an object that prints and displays itself.

    Args:
        source: A graph or its facts; or a model, or the name of one as on the command line, which is traced.
        inputs: What a model is traced with: a tensor, a tuple of the positional inputs, or a mapping of inputs by name. Or
            their shapes: ``(1, 3, 224, 224)``, a list of such, or text as on the command line, ``"B,3,224,224"``.
        input_size: The shapes, by torchinfo's name.
        input_data: The inputs themselves, by torchinfo's name.
        roofline: A device: the table and the lines under it have the least time on it, too.
        view: What the table shows; by default as much as fits on a page, with its costs.

    Raises `InputError` for inputs that do not fit, and what `fxviz.trace` raises.

    >>> from torch import nn
    >>> print(summary(nn.Linear(8, 4), input_size=(2, 8)).lines[4])
    FLOPs        136 FLOPs: 128 FLOPs of matrix work (64 multiply-adds), 8 FLOPs of the rest
    """
    if isinstance(inputs, Roofline):  # its place was the second
        inputs, roofline = None, inputs
    given = [each for each in (inputs, input_size, input_data) if each is not None]
    if len(given) > 1:
        raise InputError("give the inputs once: as inputs, or by the names of torchinfo, input_size or input_data")
    facts = _facts(source, *given)
    shown = default_view(facts, "text") if view is None else view
    if roofline is not None:
        shown = replace(shown, metrics=(*shown.metrics, facts[roofline]))
    return Summary(shown, tuple(report_entries(facts, roofline)))


def _facts(source: Source, inputs: Any = None) -> Facts:
    """Return the facts of a graph, or of what is traced with ``inputs``."""
    if isinstance(source, Facts | Graph):
        if inputs is not None:
            raise InputError("a graph has its inputs already: give them with a model")
        return source if isinstance(source, Facts) else Facts(source)
    shapes = _shapes(inputs)
    if isinstance(source, str):
        if shapes is None and inputs is not None:
            raise InputError(f"give shapes as the inputs of {source!r}, such as (1, 3, 224, 224)")
        return Facts(models.trace(source, shapes or ()))
    if shapes is not None:
        specs = [parse_input(shape) for shape in shapes]
        return Facts(bind_inputs(type(source).__name__, source, {}, specs).trace())
    from fxviz.tracing import trace  # loads torch

    if isinstance(inputs, Mapping):
        return Facts(trace(source, (), inputs))
    args = () if inputs is None else tuple(inputs) if isinstance(inputs, list | tuple) else (inputs,)
    return Facts(trace(source, args))


def _shapes(inputs: Any) -> list[str] | None:
    """Return inputs that are shapes as text, as on the command line; None if they are something else."""
    shapes = [inputs] if _is_shape(inputs) else inputs
    if not isinstance(shapes, list | tuple) or not shapes or not all(map(_is_shape, shapes)):
        return None
    return [shape if isinstance(shape, str) else ",".join(map(str, shape)) for shape in shapes]


def _is_shape(value: Any) -> bool:
    """Return whether ``value`` is a shape: text, or sizes."""
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(size, int) and not isinstance(size, bool) for size in value)
    return isinstance(value, str)
