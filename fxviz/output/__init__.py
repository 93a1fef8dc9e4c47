"""Write a model in any format: one file, many files at once, a summary, a check against limits."""

from fxviz.output.writing import READABLE, SHOWN, default_spec, default_view, export, render

__all__ = ["READABLE", "SHOWN", "default_spec", "default_view", "export", "render"]
