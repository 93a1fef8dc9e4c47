"""Lowering: from a traced `Graph` to an ONNX file of standard operators that runs, with our numbers on its nodes.

The trace's own module goes through ``torch.export`` and ``torch.onnx``; what each ONNX node was made from is carried
along, so that the numbers are put where they belong without guessing. Needs ``pip install 'fxviz[onnx]'``.
"""

from fxviz.exporters.onnx.runnable.exporter import Runnable, RunnableOnnx

__all__ = ["Runnable", "RunnableOnnx"]
