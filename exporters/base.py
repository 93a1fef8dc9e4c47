"""What an exporter is, and how one is found: by the name of its format, or by a file suffix."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from fxviz.plugins import load_plugin, plugin_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from fxviz.views.view import View

__all__ = ["Exporter", "find_exporter", "format_suffix"]


class Exporter(Protocol):
    """Writes a view in one format. A frozen dataclass with its options as fields; found by name or by file suffix."""

    def export(self, view: View) -> str | bytes:
        """The whole file: the same view gives the same bytes."""
        ...


def find_exporter(name: str) -> Callable[..., Exporter]:
    """The exporter class for a format name (``"mermaid"``), or for a path by its suffix (``"model.mmd"``, ``".mmd"``)."""
    suffix = format_suffix(f"file{name}" if name.startswith(".") else name)
    found = load_plugin("fxviz.exporters", suffix[1:].lower() if suffix else name)
    return cast("Callable[..., Exporter]", found)


def format_suffix(path: str | Path) -> str:
    """The end of a file name that says its format: the longest that is known, else the last; ``""`` where there is none.

    >>> format_suffix("model.v2.svg"), format_suffix("model.explorer.json"), format_suffix("Makefile")
    ('.svg', '.explorer.json', '')
    """
    suffixes = Path(path).suffixes
    known = plugin_names("fxviz.exporters")
    ends = ("".join(suffixes[start:]) for start in range(len(suffixes)))
    return next((end for end in ends if end[1:].lower() in known), suffixes[-1] if suffixes else "")
