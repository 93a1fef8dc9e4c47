"""Writing a model in any format: as a file, or as text and bytes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from fxviz.analysis.facts import Facts
from fxviz.analysis.registry import find_analysis
from fxviz.errors import InputError
from fxviz.exporters.base import find_exporter, format_suffix
from fxviz.files import write_file
from fxviz.ir import Graph
from fxviz.plugins import suggest
from fxviz.views.view import View

if TYPE_CHECKING:
    from pathlib import Path

    from fxviz.exporters import Exporter

__all__ = ["READABLE", "SHOWN", "default_view", "export", "is_drawn", "is_whole", "render"]

SHOWN = ("parameters", "flops", "memory")
"""The analyses whose numbers are shown where nobody says otherwise."""

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
        source: A view; of a graph or its facts, `fxviz.output.default_view`: what fits on a page, with its costs.
        path: The file. Its suffix names the format (``model.svg``) unless ``format`` does.
        format: A format name, such as ``"mermaid"``.
        runnable: An ONNX model of standard operators that runs, with the model's weights, instead of a view of it. The
            graph must have been traced in this process, from a model with weights; see `fxviz.exporters.onnx.runnable`.
        options: The options of the format's exporter, such as ``Mermaid``'s fields; of a runnable model those of
            `fxviz.exporters.onnx.runnable.RunnableOptions`, such as ``verify=True``.

    Raises `InputError` for an unknown format or option, or a place that cannot be written to; `ExportError` for a model
    that cannot be lowered, or does not agree with torch.
    """
    if runnable:
        _export_runnable(source, path, format or format_suffix(path), options)
        return
    if format is None and not format_suffix(path):
        raise InputError(f"cannot tell the format of {str(path)!r}: it has no suffix; name one, such as format='svg'")
    format = format or format_suffix(path)
    exporter, view = _exporter(format, options), _view(source, format)
    if write := getattr(exporter, "write", None):  # of a format that may take a second file
        write(view, path)
    else:
        write_file(path, exporter.export(view))


def render(source: View | Facts | Graph, format: str, **options: object) -> str | bytes:
    """The file that `export` would write for ``format``, as str or bytes.

    ``format`` is a format's name or a file suffix (``"mermaid"``, ``"mmd"``, ``".mmd"``); the rest is as in `export`.
    """
    return _exporter(format, options).export(_view(source, format))


def default_view(source: Facts | Graph, format: str) -> View:
    """What is shown of a model where nobody says otherwise: it is folded and has the numbers of `SHOWN`.

    Of a picture, as many things as are `READABLE`; of a format that is whole, everything. Where people look at it, no
    bookkeeping.
    """
    if not isinstance(source, Facts | Graph):
        kind = type(source).__name__
        raise InputError(
            f"expected a View, a Graph or Facts, got {kind}; trace the model first: fxviz.trace(model, args)"
        )
    drawn = is_drawn(format)
    show = tuple(find_analysis(name)() for name in SHOWN)
    return View.of(source, hide=drawn, group=drawn, budget=None if is_whole(format) else READABLE, show=show)


def is_whole(format: str) -> bool:
    """Whether a format holds all of a graph: its reader opens and closes boxes or wants the numbers, not a picture.

    Its exporter has a class attribute ``whole = True``.
    """
    return getattr(find_exporter(format), "whole", False)


def is_drawn(format: str) -> bool:
    """Whether a format is for people to look at, whom bookkeeping hides the rest from: one that is not whole, as a rule.

    The exporter of one that is both has a class attribute ``drawn = True``.
    """
    return getattr(find_exporter(format), "drawn", not is_whole(format))


def _export_runnable(source: View | Facts | Graph, path: str | Path, format: str, options: dict[str, object]) -> None:
    if format.removeprefix(".") != "onnx":
        raise InputError(
            f"only ONNX is runnable, not {format or 'a file without a suffix'!r}: write to a file such as m.onnx"
        )
    from fxviz.exporters.onnx.runnable import RunnableOptions, write_runnable

    view = source if isinstance(source, View) else default_view(source, "onnx")
    known = [field.name for field in dataclasses.fields(RunnableOptions)]
    if unknown := [name for name in options if name not in known]:
        raise InputError(f"a runnable model has no option {unknown[0]!r}{suggest(unknown[0], known)}")
    write_runnable(view, path, RunnableOptions(**options))  # type: ignore[arg-type]  # checked by name, above


def _view(source: View | Facts | Graph, format: str) -> View:
    return source if isinstance(source, View) else default_view(source, format)


def _exporter(format: str, options: dict[str, object]) -> Exporter:
    make = find_exporter(format)
    if dataclasses.is_dataclass(make):
        known = [field.name for field in dataclasses.fields(make)]
        if unknown := [name for name in options if name not in known]:
            raise InputError(f"{format!r} has no option {unknown[0]!r}{suggest(unknown[0], known)}")
    return make(**options)
