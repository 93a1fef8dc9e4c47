"""The exporters of fxviz, one format a file: each writes a `fxviz.View` as text or bytes and knows nothing else."""

if __name__ != "fxviz.exporters":
    raise ImportError("this folder is the package fxviz.exporters; import it by that name")

from fxviz.exporters.base import Exporter, Written, find_exporter, format_suffix

__all__ = ["Exporter", "Written", "find_exporter", "format_suffix"]
