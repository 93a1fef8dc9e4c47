"""Graphs as JSON files: `save` and `dumps` write them, `load` and `loads` read them back."""

from fxviz.ir.reading import load, loads
from fxviz.ir.writing import dumps, save

__all__ = ["dumps", "load", "loads", "save"]
