"""The graph IR: what a traced model is, how it is checked, printed, and kept in files."""

from fxviz.ir.graph import (
    Attribute,
    Call,
    Category,
    Dim,
    Graph,
    Kernel,
    Node,
    Phase,
    Role,
    Scope,
    Source,
    Storage,
    TensorType,
    Value,
    as_dim,
    format_scope,
)

__all__ = [
    "Attribute",
    "Call",
    "Category",
    "Dim",
    "Graph",
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
