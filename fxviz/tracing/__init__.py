"""Tracing: from a PyTorch model to a `fxviz.ir.Graph`. The only part of fxviz that imports torch."""

from fxviz.tracing.api import Mode, trace

__all__ = ["Mode", "trace"]
