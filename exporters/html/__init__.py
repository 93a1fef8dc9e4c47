"""One offline page with a viewer."""

from fxviz.exporters.html.exporter import Html

__all__ = ["Html"]
