"""The graph IR: what a traced model is.

A `Graph` is immutable and in execution order. Its `Node`s are operations as the model's author wrote them; each carries
the `Kernel`s (ATen operators) that it ran. `Value`s are tensors; each has a `TensorType` and the `Storage` behind it.
A `Scope` is the stack of module calls around a node. Nothing in here knows an operator, a file format, or torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import sympy

from fxviz.errors import GraphError
from fxviz.ir.dtypes import bits_of
from fxviz.plugins import find_display

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping
    from pathlib import Path

    from torch.fx import GraphModule

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

Dim: TypeAlias = int | sympy.Expr
"""An extent, or a total over extents; an ``int`` whenever it is static."""


def as_dim(number: int | sympy.Expr) -> Dim:
    """``number`` as an ``int`` if it is one: sympy's own integers, and products with zero, are no expressions here.

    >>> type(as_dim(sympy.Integer(3))), as_dim(sympy.Symbol("B"))
    (<class 'int'>, B)
    """
    return int(number) if isinstance(number, sympy.Integer) else number


Attribute: TypeAlias = (
    "bool | int | float | complex | str | sympy.Expr | tuple[Attribute, ...] | Mapping[str, Attribute] | None"
)
"""An argument that is not a tensor. What has no such form (a dtype, a device, a function) is kept as its name."""


@dataclass(frozen=True, slots=True)
class TensorType:
    """Shape, dtype (torch's name, ``"float32"``) and device (``"cpu"``, ``"cuda:0"``) of a tensor."""

    shape: tuple[Dim, ...]
    dtype: str
    device: str = "cpu"

    @property
    def numel(self) -> Dim:
        """The number of elements.

        >>> TensorType((2, 3, 4), "float32").numel
        24
        """
        return as_dim(math.prod(self.shape))

    @property
    def nbytes(self) -> Dim:
        """The bytes that the elements take, packed where the dtype is narrower than a byte.

        >>> TensorType((3, 5), "bfloat16").nbytes, TensorType((3,), "uint4").nbytes
        (30, 2)
        """
        bits = self.numel * bits_of(self.dtype)
        return -(-bits // 8) if isinstance(bits, int) else as_dim(sympy.ceiling(bits / 8))

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


class Role(Enum):
    """What a value is to the graph."""

    INPUT = "input"
    PARAMETER = "parameter"
    BUFFER = "buffer"
    CONSTANT = "constant"  # a tensor that the model holds or makes outside any operation that was seen
    RESULT = "result"


class Phase(Enum):
    """The part of a training step that a node belongs to; without training, all is forward."""

    FORWARD = "forward"
    BACKWARD = "backward"
    RECOMPUTE = "recompute"  # forward operations that the backward pass does again, for activation checkpointing
    OPTIMIZER = "optimizer"


class Category(Enum):
    """What a storage is kept for."""

    INPUT = "input"
    PARAMETER = "parameter"
    BUFFER = "buffer"
    CONSTANT = "constant"
    ACTIVATION = "activation"  # made by one node and read by another, or returned
    SAVED = "saved"  # an activation of the forward pass that the backward pass finds alive
    TEMPORARY = "temporary"  # born and gone within one node
    GRADIENT = "gradient"
    OPTIMIZER = "optimizer"


@dataclass(frozen=True, slots=True, eq=False)
class Storage:
    """The memory behind one or more values, with its observed lifetime.

    Steps count kernels: ``born`` is the index of the kernel that allocated it, -1 if it was there before the run.
    ``died`` is the index of the first kernel that ran without it, None if it outlived the run.
    """

    nbytes: Dim
    category: Category
    born: int = -1
    died: int | None = None
    device: str = "cpu"

    def alive_at(self, step: int) -> bool:
        """Whether the memory is held while kernel ``step`` runs."""
        return self.born <= step and (self.died is None or step < self.died)


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A tensor, told apart by identity. Sizes are not values: an integer computed from shapes is an attribute.

    An in-place operation makes a new value on the same storage. ``type`` and ``storage`` are None where a graph was
    traced without inputs. ``trainable`` is torch's ``requires_grad`` of a parameter.
    """

    name: str
    type: TensorType | None
    role: Role = Role.RESULT
    storage: Storage | None = None
    trainable: bool = False

    def __str__(self) -> str:
        return f"%{self.name}: {self.type or '?'}"


@dataclass(frozen=True, slots=True)
class Source:
    """Where the author wrote an operation. ``file`` is relative to the import path, so equal on every machine."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}"


@dataclass(frozen=True, slots=True)
class Call:
    """A frame of the module call stack: the ``index``-th call (from 0) of the module at ``path``, of class ``kind``."""

    path: str
    kind: str
    index: int = 0

    @property
    def label(self) -> str:
        """The last part of the path, with the call's number where it is not the first.

        >>> Call("layers.0.attn", "Attention", 1).label
        'attn@1'
        """
        name = self.path.rpartition(".")[2]
        return f"{name}@{self.index}" if self.index else name


Scope: TypeAlias = tuple[Call, ...]
"""The module calls around a node, outermost first, the root left out: ``scope[:n]`` is what is seen of it at depth n."""


def format_scope(scope: Scope) -> str:
    """A scope as the path of its innermost module, ``@n`` marking repeated calls; ``""`` for the root.

    >>> format_scope((Call("layers", "ModuleList"), Call("layers.0", "Block", 2)))
    'layers.0@2'
    """
    if not scope:
        return ""
    return f"{scope[-1].path}@{scope[-1].index}" if scope[-1].index else scope[-1].path


@dataclass(frozen=True, slots=True, eq=False)
class _Operation:
    """What kernels and nodes have in common: tensors in by name, tensors out, and everything else as attributes.

    ``input_names`` runs parallel to ``inputs``: the schema's argument names, ``"tensors.0"`` for members of a list.
    """

    op: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    input_names: tuple[str, ...] = ()
    attributes: Mapping[str, Attribute] = field(default_factory=lambda: MappingProxyType({}))

    def input(self, name: str) -> Value | None:
        """The input passed as the argument ``name``, or None if that argument is absent or no tensor."""
        return next((value for given, value in zip(self.input_names, self.inputs, strict=True) if given == name), None)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Kernel(_Operation):
    """One ATen operator as dispatched, e.g. ``aten.addmm.default``: what costs are counted on.

    Arguments left at their schema's default are absent from ``attributes``.
    """

    def __repr__(self) -> str:
        return f"<Kernel {self.op}>"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Node(_Operation):
    """One operation as the model's author wrote it (``conv2d``, ``linear``, ``add``): what people look at.

    ``name`` is unique in the graph. ``kernels`` ran for it, in order. Tensors that live only between its kernels are
    no inputs or outputs of it.
    """

    name: str = ""
    kernels: tuple[Kernel, ...] = ()
    scope: Scope = ()
    source: Source | None = None
    phase: Phase = Phase.FORWARD

    def __repr__(self) -> str:
        where = f" in {format_scope(self.scope)}" if self.scope else ""
        return f"<Node {self.name}: {self.op}{where}>"


@dataclass(frozen=True, eq=False)
class Graph:
    """A traced model: immutable, in execution order, each value defined once and before its uses.

    ``parameters`` holds every parameter and buffer of the model, used or not, once each; ``aliases`` maps further names
    of shared ones to the name that the value bears. ``guards`` are the conditions on symbolic sizes under which the
    trace holds. ``notes`` say what a reader must know of how it was traced. ``complete`` is false for a partial trace.
    """

    name: str
    inputs: tuple[Value, ...]
    parameters: tuple[Value, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Value, ...]
    output_names: tuple[str, ...] = ()
    constants: tuple[Value, ...] = ()
    storages: tuple[Storage, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    mode: str = "record"
    guards: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    complete: bool = True
    build_module: Callable[[], GraphModule] | None = field(default=None, repr=False)

    @cached_property
    def kernels(self) -> tuple[Kernel, ...]:
        """All kernels in execution order; a storage's ``born`` and ``died`` index into them."""
        return tuple(kernel for node in self.nodes for kernel in node.kernels)

    @cached_property
    def producers(self) -> Mapping[Value, Node]:
        """The node that makes each result."""
        return MappingProxyType({value: node for node in self.nodes for value in node.outputs})

    @cached_property
    def users(self) -> Mapping[Value, tuple[Node, ...]]:
        """The nodes that read each value, in order, each once; values that no node reads are absent."""
        users: dict[Value, dict[Node, None]] = {}
        for node in self.nodes:
            for value in node.inputs:
                users.setdefault(value, {})[node] = None
        return MappingProxyType({value: tuple(nodes) for value, nodes in users.items()})

    @cached_property
    def scopes(self) -> tuple[Scope, ...]:
        """Every scope that holds a node, with its parents, in order of first use; the root ``()`` comes first."""
        seen: dict[Scope, None] = {(): None}
        for scope in dict.fromkeys(node.scope for node in self.nodes):
            for depth in range(1, len(scope) + 1):
                seen[scope[:depth]] = None
        return tuple(seen)

    @cached_property
    def nodes_within(self) -> Mapping[Scope, tuple[Node, ...]]:
        """The nodes of each scope and of the scopes inside it, in execution order; the root ``()`` has them all."""
        within: dict[Scope, list[Node]] = {scope: [] for scope in self.scopes}
        around = {
            scope: [within[scope[:depth]] for depth in range(len(scope) + 1)]
            for scope in dict.fromkeys(node.scope for node in self.nodes)
        }
        for node in self.nodes:
            for nodes in around[node.scope]:
                nodes.append(node)
        return MappingProxyType({scope: tuple(nodes) for scope, nodes in within.items()})

    @cached_property
    def symbols(self) -> tuple[sympy.Symbol, ...]:
        """The free symbols in the shapes of the inputs, sorted by name."""
        found = {
            symbol
            for value in self.inputs
            if value.type
            for extent in value.type.shape
            if isinstance(extent, sympy.Expr)
            for symbol in extent.free_symbols
        }
        return tuple(sorted(found, key=str))

    @cached_property
    def module(self) -> GraphModule:
        """The runnable ``torch.fx.GraphModule`` of this trace, on the model's own weights."""
        if self.build_module is None:
            raise GraphError(
                f"graph {self.name!r} has no module: it was loaded from a file or traced in part; trace the model again"
            )
        return self.build_module()

    def node(self, name: str) -> Node:
        """The node called ``name``."""
        if (found := self._by_name.get(name)) is None:
            raise GraphError(f"graph {self.name!r} has no node {name!r}")
        return found

    @cached_property
    def _by_name(self) -> Mapping[str, Node]:
        return {node.name: node for node in self.nodes}

    def verify(self) -> None:
        """Check the rules of the IR; a `GraphError` names the node and the value that break one."""
        from fxviz.ir.verify import verify

        verify(self)

    def save(self, path: str | Path) -> None:
        """Write the graph as JSON, losslessly but for ``module``; `fxviz.load` reads it back."""
        from fxviz.ir.serialize import save

        save(self, path)

    def walk(self) -> Iterator[tuple[Node, Kernel]]:
        """Every kernel beside the node that ran it, in execution order."""
        return ((node, kernel) for node in self.nodes for kernel in node.kernels)

    def __str__(self) -> str:
        from fxviz.ir.printer import format_graph

        return format_graph(self)

    def __repr__(self) -> str:
        return f"<Graph {self.name}: {len(self.nodes)} nodes>"

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        return find_display("notebook")(self, include, exclude)
