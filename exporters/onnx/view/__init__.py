"""A graph as ONNX to look at in Netron: any model, no weights."""
