"""Nodes, which are operations as the author of the model wrote them, and the kernels that they run."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

from fxviz.ir.scopes import Scope, format_scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fxviz.ir.types import Attribute
    from fxviz.ir.values import Value

__all__ = ["Kernel", "Node", "Phase", "Source"]


class Phase(Enum):
    """The part of a training step that a node belongs to; without training, every node is forward."""

    FORWARD = "forward"
    BACKWARD = "backward"
    RECOMPUTE = "recompute"  # forward operations that the backward pass repeats, for activation checkpointing
    OPTIMIZER = "optimizer"


@dataclass(frozen=True, slots=True)
class Source:
    """The line on which the author wrote an operation.

    ``file`` is relative to the import path, and so the same on every machine.
    """

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}"


@dataclass(frozen=True, slots=True, eq=False)
class _Operation:
    """The part that kernels and nodes share: input tensors by name, output tensors, and all else as attributes.

    ``input_names`` runs parallel to ``inputs``: the argument names of the schema, ``"tensors.0"`` for members of a list.
    """

    op: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    input_names: tuple[str, ...] = ()
    attributes: Mapping[str, Attribute] = field(default_factory=lambda: MappingProxyType({}))

    def input(self, name: str) -> Value | None:
        """Return the input passed as the argument ``name``, or None if that argument is absent or is not a tensor."""
        return next((value for given, value in zip(self.input_names, self.inputs, strict=True) if given == name), None)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Kernel(_Operation):
    """One ATen operator as dispatched, such as ``aten.addmm.default``. Costs are counted on kernels.

    Arguments that have the default of their schema are absent from ``attributes``.
    """

    def __repr__(self) -> str:
        return f"<Kernel {self.op}>"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Node(_Operation):
    """One operation as the author of the model wrote it (``conv2d``, ``linear``, ``add``): the unit that is shown.

    ``name`` is unique in the graph. ``kernels`` ran for it, in order. Tensors that exist only between its kernels are
    neither inputs nor outputs of the node.
    """

    name: str = ""
    kernels: tuple[Kernel, ...] = ()
    scope: Scope = ()
    source: Source | None = None
    phase: Phase = Phase.FORWARD

    def __repr__(self) -> str:
        where = f" in {format_scope(self.scope)}" if self.scope else ""
        return f"<Node {self.name}: {self.op}{where}>"
