"""Write a model in any format: as a file, or as text or bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.facts import Facts
from fxviz.errors import InputError
from fxviz.exporters.base import find_exporter, format_suffix, make_exporter, runnable_form
from fxviz.ir import Graph
from fxviz.views.spec import ViewSpec
from fxviz.views.view import View

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["READABLE", "SHOWN", "default_spec", "default_view", "export", "render"]

SHOWN = ("parameters", "flops", "memory")
"""The analyses whose numbers are shown by default."""

READABLE = 40
"""The boxes and operations that a page holds, and as many edges."""


def export(
    source: View | Facts | Graph,
    path: str | Path,
    format: str | None = None,
    *,
    runnable: bool = False,
    **options: object,
) -> None:
    """Write ``source`` to a file, whole or not at all.

    Args:
        source: A view; or a graph or its facts, of which `fxviz.output.default_view` is written.
        path: The file. Its suffix names the format (``model.svg``) unless ``format`` does.
        format: A format name, such as ``"mermaid"``.
        runnable: Write a model that runs, of standard operators and with its weights, instead of a view: ONNX as
            `fxviz.exporters.onnx.runnable.RunnableOnnx` writes it, the format ``"onnx-runnable"``.
        options: The options of the format: the fields of its exporter, such as ``direction`` of ``Mermaid``.

    Raises `InputError` for an unknown format or option, or a file that cannot be written; `ExportError` for a model
    that cannot be lowered, or does not agree with torch.
    """
    format = format or format_suffix(path)
    if not format:
        raise InputError(f"cannot tell the format of {str(path)!r}: it has no suffix; name one, such as format='svg'")
    format = runnable_form(format) if runnable else format
    make_exporter(format, options).write(_view(source, format), path)


def render(source: View | Facts | Graph, format: str, **options: object) -> str | bytes:
    """Return the file that `export` would write for ``format``, as str or bytes.

    ``format`` is a format's name or a file suffix (``"mermaid"``, ``"mmd"``, ``".mmd"``); the rest is as in `export`.
    """
    return make_exporter(format, options).export(_view(source, format))


def default_view(source: Facts | Graph, format: str) -> View:
    """Return the view of a model that is written by default: the one of `default_spec`."""
    if not isinstance(source, Facts | Graph):
        kind = type(source).__name__
        raise InputError(
            f"expected a View, a Graph or Facts, got {kind}; trace the model first: fxviz.trace(model, args)"
        )
    facts = source if isinstance(source, Facts) else Facts(source)
    return View.from_spec(facts, default_spec(format))


def default_spec(format: str) -> ViewSpec:
    """Return which view of a model is written by default: folded, with the numbers of `SHOWN`.

    A format that holds the whole graph shows everything, any other as many things as are `READABLE`. One that people
    look at shows no layout operators.
    """
    exporter = find_exporter(format)
    budget = None if exporter.whole else READABLE
    return ViewSpec(hide=exporter.drawn, group=exporter.drawn, budget=budget, show=SHOWN)


def _view(source: View | Facts | Graph, format: str) -> View:
    return source if isinstance(source, View) else default_view(source, format)
