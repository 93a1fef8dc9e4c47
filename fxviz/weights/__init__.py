"""The parameters and buffers of a model with statistics of their values, as tables and pictures.

`fxviz.weights.api.parameters` makes the table. Only `fxviz.weights.modules` imports torch; files are read with
``safetensors``, one block at a time.
"""
