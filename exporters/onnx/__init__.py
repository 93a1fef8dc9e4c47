"""ONNX: the view for Netron, and the model that runs."""

from fxviz.exporters.onnx.view.exporter import Onnx

__all__ = ["Onnx"]
