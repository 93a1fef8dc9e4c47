"""Writing a model in any format: as a file, or as text and bytes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from fxviz.errors import InputError
from fxviz.facts import Facts
from fxviz.files import write_file
from fxviz.ir import Graph
from fxviz.plugins import find_analysis, find_exporter, suggest
from fxviz.view import View

__all__ = ["SHOWN", "export", "render", "view_of"]

SHOWN = ("parameters", "flops", "memory")
"""The analyses whose numbers are shown where nobody says otherwise."""


def export(source: View | Facts | Graph, path: str | Path, format: str | None = None, **options: object) -> None:
    """Write ``source`` to a file, whole or not at all.

    Args:
        source: A view; a graph or its facts are shown with parameters, FLOPs and memory.
        path: The file. Its suffix names the format (``model.svg``) unless ``format`` does.
        format: A format name, such as ``"mermaid"``.
        options: The options of the format's exporter, such as ``Mermaid``'s fields.

    Raises `InputError` for an unknown format or option, or a place that cannot be written to.
    """
    if format is None and not Path(path).suffix:
        raise InputError(f"cannot tell the format of {str(path)!r}: it has no suffix; name one, such as format='svg'")
    write_file(path, _render(source, format or Path(path).suffix, options))


def render(source: View | Facts | Graph, format: str, **options: object) -> str | bytes:
    """The file that `export` would write for ``format``, as str or bytes.

    ``format`` is a format's name or a file suffix (``"mermaid"``, ``"mmd"``, ``".mmd"``); the rest is as in `export`.
    """
    return _render(source, format, options)


def view_of(source: View | Facts | Graph) -> View:
    """``source`` if it is a view, else the view of all of it with the numbers that are shown by default."""
    if isinstance(source, View):
        return source
    if not isinstance(source, Facts | Graph):
        raise InputError(
            f"expected a View, a Graph or Facts, got {type(source).__name__}; trace the model first: fxviz.trace(model, args)"
        )
    return View.of(source, show=tuple(find_analysis(name)() for name in SHOWN))


def _render(source: View | Facts | Graph, format: str, options: dict[str, object]) -> str | bytes:
    exporter = find_exporter(format)
    if dataclasses.is_dataclass(exporter):
        known = [field.name for field in dataclasses.fields(exporter)]
        if unknown := [name for name in options if name not in known]:
            raise InputError(f"{format!r} has no option {unknown[0]!r}{suggest(unknown[0], known)}")
    return exporter(**options).export(view_of(source))
