"""Reading models that others saved: from an ONNX file to a graph. No torch is needed."""

from fxviz.importers.onnx.graph import read_onnx

__all__ = ["read_onnx"]
