"""ONNX: the view for Netron, and the model that runs."""
