"""Hand-made graphs for tests, valid and in milliseconds, without torch: `GraphBuilder` with less to type.

    build = Builder("tiny")
    x = build.input("x", 1, 8)
    with build.module("layers", "ModuleList"):
        for i in range(3):
            with build.module(str(i), "Block"):
                weight = build.parameter("weight", 8, 8)  # layers.0.weight, ...
                x = build.op("add", x, build.op("linear", x, weight))
    graph = build.graph(x)

An operation runs one kernel, ``aten.<op>.default``, unless told otherwise with ``kernel=``; several kernels, with the
tensors that live only between them, are written out:

    with build.node("linear", x, weight) as node:  # outputs=2 where there are several
        turned = node.kernel("aten.t.default", weight, shape=(8, 4), view=True)
        y = node.kernel("aten.mm.default", x, turned, shape=(1, 4), returned=True)
"""

from __future__ import annotations

from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING

from fxviz.ir import GraphBuilder, Role, Source, TensorType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from fxviz.ir import Attribute, Dim, Graph, Value
    from fxviz.ir.builder import NodeBuilder

_CONTAINERS = {"ModuleList", "ModuleDict"}  # without a forward of their own: entered many times, called once


class Builder:
    """Collects operations in execution order; `graph` closes it."""

    def __init__(self, name: str = "graph") -> None:
        self.build = GraphBuilder(name)
        self._given: dict[tuple[Role, str], Value] = {}

    # What the graph is given ------------------------------------------------------------------------------------------

    def input(self, name: str, *shape: Dim, dtype: str = "float32") -> Value:
        return self._once(Role.INPUT, name, lambda: self.build.input(name, TensorType(shape, dtype)))

    def constant(self, name: str, *shape: Dim, dtype: str = "float32") -> Value:
        return self._once(Role.CONSTANT, name, lambda: self.build.constant(name, TensorType(shape, dtype)))

    def parameter(self, name: str, *shape: Dim, dtype: str = "float32", trainable: bool = True) -> Value:
        """The parameter ``name`` of the module that is entered; the same value each time it is asked for."""
        type = TensorType(shape, dtype)
        return self._once(
            Role.PARAMETER, self._path(name), lambda: self.build.parameter(name, type, trainable=trainable)
        )

    def buffer(self, name: str, *shape: Dim, dtype: str = "float32") -> Value:
        return self._once(Role.BUFFER, self._path(name), lambda: self.build.buffer(name, TensorType(shape, dtype)))

    def _once(self, role: Role, name: str, add: Callable[[], Value]) -> Value:
        """The value of that name, which is added the first time."""
        if (role, name) not in self._given:
            self._given[role, name] = add()
        return self._given[role, name]

    def _path(self, name: str) -> str:
        return f"{self.build.scope[-1].path}.{name}" if self.build.scope else name

    # Operations -------------------------------------------------------------------------------------------------------

    def module(self, name: str, kind: str = "Module", *, index: int | None = None) -> AbstractContextManager[None]:
        """Inside a call of the submodule ``name``; calls of one path are counted, containers are only entered."""
        return self.build.module(name, kind, index=0 if index is None and kind in _CONTAINERS else index)

    def op(
        self,
        op: str,
        *inputs: Value,
        shape: tuple[Dim, ...] | None = None,
        dtype: str | None = None,
        view: bool = False,
        kernel: str | None = None,
        names: Sequence[str] = (),
        line: int = 0,
        function: str = "forward",
        **attributes: Attribute,
    ) -> Value:
        """One operation with one output, of the first input's type unless told; ``add_`` works in place."""
        return self.build.op(
            op,
            _named(inputs, names),
            _type(inputs, shape, dtype),
            attributes=attributes,
            kernel=kernel,
            shares=inputs[0] if view or _in_place(op) else None,
            source=_source(line, function),
        )

    @contextmanager
    def node(
        self,
        op: str,
        *inputs: Value,
        outputs: int = 1,
        names: Sequence[str] = (),
        line: int = 0,
        function: str = "forward",
        **attributes: Attribute,
    ) -> Iterator[Kernels]:
        """An operation whose kernels are written out, for several kernels or ``outputs``."""
        named, source = _named(inputs, names), _source(line, function)
        with self.build.node(op, named, outputs=outputs, attributes=attributes, source=source) as node:
            yield Kernels(node)

    @property
    def step(self) -> int:
        """How many kernels there are so far."""
        return self.build.step

    def graph(self, *outputs: Value, **fields: object) -> Graph:
        """The graph of all operations so far; ``fields`` are further fields of `Graph`."""
        return self.build.finish(*outputs, **{"mode": "record", **fields})  # type: ignore[arg-type]


class Kernels:
    """The kernels of one operation."""

    def __init__(self, node: NodeBuilder) -> None:
        self._node = node

    def kernel(
        self,
        op: str,
        *inputs: Value,
        shape: tuple[Dim, ...] | None = None,
        dtype: str | None = None,
        view: bool = False,
        returned: bool = False,
        names: Sequence[str] = (),
        **attributes: Attribute,
    ) -> Value:
        """One kernel with one output; on the first input's storage if ``view``; an output of the node if ``returned``."""
        return self._node.kernel(
            op,
            _named(inputs, names),
            _type(inputs, shape, dtype),
            attributes=attributes,
            shares=inputs[0] if view else None,
            returned=returned,
        )


def _type(inputs: Sequence[Value], shape: tuple[Dim, ...] | None, dtype: str | None) -> TensorType:
    like = inputs[0].type if inputs else None
    if like is None and shape is None:
        raise ValueError("there is no input to take a shape from: give shape=")
    return TensorType(
        like.shape if shape is None and like else shape or (), dtype or (like.dtype if like else "float32")
    )


def _source(line: int, function: str) -> Source | None:
    return Source("model.py", line, function) if line else None


def _in_place(op: str) -> bool:
    return op.endswith("_") and not op.endswith("__")


def _named(inputs: Sequence[Value], names: Sequence[str]) -> Mapping[str, Value]:
    """The inputs by argument name: the names given, else those of most operators."""
    usual = ("input", "weight", "bias", "other") if len(inputs) <= 4 else ()
    every = tuple(names) or (*usual, *(f"tensors.{i}" for i in range(len(inputs))))
    return dict(zip(every, inputs, strict=False))


def encoder(
    layers: int = 12, *, width: int = 8, batch: Dim = 1, extra: Mapping[int, str] = MappingProxyType({})
) -> Graph:
    """A stack of equal residual blocks in a ModuleList between two linears; ``extra`` puts one more op into some layers."""
    build = Builder("encoder")
    x = build.input("x", batch, width)
    with build.module("embed", "Linear"):
        x = build.op("linear", x, build.parameter("weight", width, width))
    with build.module("layers", "ModuleList"):
        for i in range(layers):
            with build.module(str(i), "Block"):
                with build.module("mlp", "Sequential"):
                    h = x
                    for j, op in enumerate(("linear", "gelu", "linear")):
                        with build.module(str(j), op.title()):
                            weights = [build.parameter("weight", width, width)] if op == "linear" else []
                            h = build.op(op, h, *weights)
                if i in extra:
                    h = build.op(extra[i], h)
                x = build.op("add", x, h, names=("input", "other"))
    with build.module("head", "Linear"):
        x = build.op("linear", x, build.parameter("weight", 2, width), shape=(batch, 2))
    return build.graph(x)
