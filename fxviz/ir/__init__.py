"""The graph IR: what a traced model is, how it is built, checked, printed, and kept in files.

A `Graph` is immutable and in execution order. Its `Node`s are operations as the model's author wrote them; each carries
the `Kernel`s (ATen operators) that it ran. `Value`s are tensors; each has a `TensorType` and the `Storage` behind it.
A `Scope` is the stack of module calls around a node. Nothing in here knows an operator, a file format, or torch.
"""

from fxviz.ir.builder import GraphBuilder
from fxviz.ir.graph import Graph
from fxviz.ir.nodes import Kernel, Node, Phase, Source
from fxviz.ir.scopes import Call, Scope, format_scope
from fxviz.ir.types import Attribute, Dim, TensorType, as_dim
from fxviz.ir.values import Category, Role, Storage, Value

__all__ = [
    "Attribute",
    "Call",
    "Category",
    "Dim",
    "Graph",
    "GraphBuilder",
    "Kernel",
    "Node",
    "Phase",
    "Role",
    "Scope",
    "Source",
    "Storage",
    "TensorType",
    "Value",
    "as_dim",
    "format_scope",
]
