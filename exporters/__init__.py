"""The exporters of fxviz, one format a file: each writes a `fxviz.View` as text or bytes and knows nothing else."""

if __name__ != "fxviz.exporters":
    raise ImportError("this folder is the package fxviz.exporters; import it by that name")

from typing import Protocol

from fxviz.views.view import View

__all__ = ["Exporter"]


class Exporter(Protocol):
    """Writes a view in one format. A frozen dataclass with its options as fields; found by name or by file suffix."""

    def export(self, view: View) -> str | bytes:
        """The whole file: the same view gives the same bytes."""
        ...
