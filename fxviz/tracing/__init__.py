"""Tracing: from a PyTorch model to a `fxviz.ir.Graph`. The only part of fxviz that imports torch."""

from fxviz.tracing.api import Mode, trace
from fxviz.tracing.autograd import trace_autograd
from fxviz.tracing.training import trace_training

__all__ = ["Mode", "trace", "trace_autograd", "trace_training"]
