"""The parameters of a model with their values: described, measured one block at a time, as tables and pictures.

`fxviz.weights.api.parameters` is the way in. Only `fxviz.weights.modules` needs torch to be imported; files are read by the
``safetensors`` library.
"""
