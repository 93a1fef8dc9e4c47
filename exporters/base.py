"""What an exporter is, and how to find one by the name of its format or by a file suffix."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from fxviz.errors import InputError, PluginError
from fxviz.files import write_file
from fxviz.plugins import load_plugin, plugin_names, suggest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fxviz.views.view import View

__all__ = [
    "Embedding",
    "Exporter",
    "Written",
    "exporter_options",
    "find_exporter",
    "format_suffix",
    "make_exporter",
    "runnable_form",
]

Embedding: TypeAlias = Literal["code", "markdown", "picture", "link"]
"""How a format stands on a Markdown page: as a code block, as Markdown, or as a file beside it, shown or linked."""


@dataclass(frozen=True)
class Written:
    """The file that an exporter wrote, and the files that it needs beside it. Its ``str`` says so in words."""

    path: Path
    beside: tuple[Path, ...] = ()

    def __str__(self) -> str:
        return " and ".join(map(str, (self.path, *self.beside)))


class Exporter(ABC):
    """Writes a view in one format: a frozen dataclass, whose fields are the options of the format.

    The class variables declare what others must know of the format before there is a view of a model. Its names and
    suffixes are its entry points in the group ``fxviz.exporters``.
    """

    whole: ClassVar[bool] = False
    """Holds all of a graph, for readers that open and close boxes or want every number; else what fits on a page."""
    drawn: ClassVar[bool] = True
    """Is for people to look at, so layout operators are left out; False for a format that is for programs."""
    binary: ClassVar[bool] = False
    """Is bytes; else text."""
    embedding: ClassVar[Embedding] = "code"
    """How the format stands on a Markdown page."""
    language: ClassVar[str] = "text"
    """The language of its code block on a page."""
    runnable: ClassVar[str | None] = None
    """The name of the format that holds the same model so that it runs."""

    @abstractmethod
    def export(self, view: View) -> str | bytes:
        """Return the whole file: the same view gives the same bytes."""

    def write(self, view: View, path: str | Path) -> Written:
        """Write the file ``path``, whole or not at all; a format that may need files beside it overrides this."""
        write_file(path, self.export(view))
        return Written(Path(path))


def find_exporter(name: str) -> type[Exporter]:
    """Return the exporter class for a format name (``"mermaid"``), or for a path by its suffix (``"m.mmd"``, ``".mmd"``).

    The class of a plugin that has ``export`` and declares nothing is completed with the defaults of `Exporter`.
    """
    suffix = format_suffix(f"file{name}" if name.startswith(".") else name)
    format = suffix[1:].lower() if suffix else name
    plugin = load_plugin("fxviz.exporters", format)
    if not isinstance(plugin, type) or "export" not in dir(plugin):
        raise PluginError(f"the format {format!r} is {plugin!r}, which is not a class with a method export(view)")
    return plugin if issubclass(plugin, Exporter) else type(plugin.__name__, (plugin, Exporter), {})


def make_exporter(format: str, options: Mapping[str, object]) -> Exporter:
    """Return the exporter of a format with these options; raise `InputError` for an option that it does not have."""
    kind = find_exporter(format)
    known = exporter_options(kind)
    if unknown := [name for name in options if name not in known]:
        name = format.removeprefix(".")
        raise InputError(f"{name!r} has no option {unknown[0]!r}{suggest(unknown[0], known)}")
    return kind(**options)


def exporter_options(kind: type[Exporter]) -> tuple[str, ...]:
    """Return the names of the options of an exporter class: the fields of its dataclass."""
    return tuple(inspect.signature(kind).parameters)


def runnable_form(format: str) -> str:
    """Return the name of the format that holds a model of ``format`` so that it runs: ``onnx-runnable`` for ``onnx``."""
    if (name := find_exporter(format).runnable) is None:
        raise InputError(f"only ONNX is runnable, not {format.removeprefix('.')!r}: write to a file such as m.onnx")
    return name


def format_suffix(path: str | Path) -> str:
    """Return the end of a file name that names a format: the longest known one, else the last; ``""`` if there is none.

    >>> format_suffix("model.v2.svg"), format_suffix("model.explorer.json"), format_suffix("Makefile")
    ('.svg', '.explorer.json', '')
    """
    suffixes = Path(path).suffixes
    known = plugin_names("fxviz.exporters")
    ends = ("".join(suffixes[start:]) for start in range(len(suffixes)))
    return next((end for end in ends if end[1:].lower() in known), suffixes[-1] if suffixes else "")
