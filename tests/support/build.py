"""Hand-made graphs for tests, valid and in milliseconds, without torch.

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

Storages get their category and lifetime from their uses, as the tracer observes them.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING

from fxviz.ir import (
    Attribute,
    Call,
    Category,
    Dim,
    Graph,
    Kernel,
    Node,
    Role,
    Scope,
    Source,
    Storage,
    TensorType,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_CONTAINERS = {"ModuleList", "ModuleDict"}  # without a forward of their own: entered many times, called once
_CATEGORIES = {
    Role.INPUT: Category.INPUT,
    Role.PARAMETER: Category.PARAMETER,
    Role.BUFFER: Category.BUFFER,
    Role.CONSTANT: Category.CONSTANT,
}


class Builder:
    """Collects operations in execution order; `graph` closes it."""

    def __init__(self, name: str = "graph") -> None:
        self.name = name
        self.nodes: list[Node] = []
        self.step = 0  # kernels so far
        self._given: dict[Role, dict[str, Value]] = {role: {} for role in Role}
        self._scope: Scope = ()
        self._calls: Counter[str] = Counter()
        self._names: Counter[str] = Counter()
        self._born: dict[Storage, None] = {}
        self._last_use: dict[Storage, int] = {}

    # What the graph is given ------------------------------------------------------------------------------------------

    def input(self, name: str, *shape: Dim, dtype: str = "float32") -> Value:
        return self._give(name, shape, dtype, Role.INPUT)

    def constant(self, name: str, *shape: Dim, dtype: str = "float32") -> Value:
        return self._give(name, shape, dtype, Role.CONSTANT)

    def parameter(self, name: str, *shape: Dim, dtype: str = "float32", trainable: bool = True) -> Value:
        """The parameter ``name`` of the module that is entered; the same value each time it is asked for."""
        return self._give(self._path(name), shape, dtype, Role.PARAMETER, trainable)

    def buffer(self, name: str, *shape: Dim, dtype: str = "float32") -> Value:
        return self._give(self._path(name), shape, dtype, Role.BUFFER)

    def _give(self, name: str, shape: tuple[Dim, ...], dtype: str, role: Role, trainable: bool = False) -> Value:
        if (known := self._given[role].get(name)) is not None:
            return known
        type = TensorType(shape, dtype)
        storage = Storage(type.nbytes, _CATEGORIES[role])
        self._born[storage] = None
        return self._given[role].setdefault(name, Value(name, type, role, storage, trainable))

    # Where operations happen ------------------------------------------------------------------------------------------

    @contextmanager
    def module(self, name: str, kind: str = "Module", *, index: int | None = None) -> Iterator[None]:
        """Inside a call of the submodule ``name``; calls of one path are counted, containers are only entered."""
        path = self._path(name)
        if index is None:
            index = 0 if kind in _CONTAINERS else self._calls[path]
            self._calls[path] += 1
        outer, self._scope = self._scope, (*self._scope, Call(path, kind, index))
        try:
            yield
        finally:
            self._scope = outer

    def _path(self, name: str) -> str:
        return f"{self._scope[-1].path}.{name}" if self._scope else name

    # Operations -------------------------------------------------------------------------------------------------------

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
        with self.node(op, *inputs, names=names, line=line, function=function, **attributes) as node:
            return node.kernel(
                kernel or f"aten.{op}.default",
                *inputs,
                shape=shape,
                dtype=dtype,
                view=view or _in_place(op),
                names=names,
                returned=True,
                **attributes,
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
    ) -> Iterator[NodeBuilder]:
        """An operation whose kernels are written out, for several kernels or ``outputs``."""
        count = self._names[op]
        self._names[op] += 1
        node = NodeBuilder(self, f"{op}_{count}" if count else op, outputs > 1)
        yield node
        self.nodes.append(
            Node(
                op,
                inputs,
                tuple(node.outputs),
                _names(inputs, names),
                MappingProxyType(attributes),
                node.name,
                tuple(node.kernels),
                self._scope,
                Source("model.py", line, function) if line else None,
            )
        )

    def graph(self, *outputs: Value, **fields: object) -> Graph:
        """The graph of all operations so far; ``fields`` are further fields of `Graph`."""
        readers: dict[Value, set[str]] = {}
        for node in self.nodes:
            for value in node.inputs:
                readers.setdefault(value, set()).add(node.name)
        shared = {value.storage for value in outputs} | {value.storage for value in readers}
        kept = {value.storage for value in outputs}
        for storage in self._born:
            if storage.born < 0:
                continue
            # Lifetimes are known only now, and values already point to their storage.
            if storage not in kept:
                object.__setattr__(storage, "died", self._last_use[storage] + 1)
            if storage not in shared:
                object.__setattr__(storage, "category", Category.TEMPORARY)
        given = self._given
        return Graph(
            name=self.name,
            inputs=tuple(given[Role.INPUT].values()),
            parameters=(*given[Role.PARAMETER].values(), *given[Role.BUFFER].values()),
            nodes=tuple(self.nodes),
            outputs=outputs,
            output_names=tuple(f"output.{i}" for i in range(len(outputs)))
            if len(outputs) > 1
            else ("output",) * len(outputs),
            constants=tuple(given[Role.CONSTANT].values()),
            storages=tuple(self._born),
            **fields,  # type: ignore[arg-type]
        )


class NodeBuilder:
    """The kernels of one operation."""

    def __init__(self, builder: Builder, name: str, several: bool) -> None:
        self.name = name
        self._several = several
        self.kernels: list[Kernel] = []
        self.outputs: list[Value] = []
        self._builder = builder
        self._inner = 0

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
        builder = self._builder
        like = inputs[0].type if inputs else None
        if like is None and shape is None:
            raise ValueError(f"{op} has no input to take its type from: give shape=")
        type = TensorType(
            like.shape if shape is None and like else shape or (), dtype or (like.dtype if like else "float32")
        )
        storage = inputs[0].storage if view else Storage(type.nbytes, Category.ACTIVATION, builder.step)
        assert storage is not None
        builder._born[storage] = None
        value = Value(self._next_name(returned), type, storage=storage)
        for used in (*inputs, value):
            builder._last_use[used.storage] = builder.step  # type: ignore[index]
        self.kernels.append(Kernel(op, inputs, (value,), _names(inputs, names), MappingProxyType(attributes)))
        builder.step += 1
        if returned:
            self.outputs.append(value)
        return value

    def _next_name(self, returned: bool) -> str:
        """As the tracer has it: ``relu``; ``split.0``, … for several outputs; ``linear:0``, … for what stays inside."""
        if returned:
            return f"{self.name}.{len(self.outputs)}" if self._several else self.name
        self._inner += 1
        return f"{self.name}:{self._inner - 1}"


def _in_place(op: str) -> bool:
    return op.endswith("_") and not op.endswith("__")


def _names(inputs: Sequence[Value], names: Sequence[str]) -> tuple[str, ...]:
    """Argument names: those given, else what most operators call theirs."""
    usual = ("input", "weight", "bias", "other") if len(inputs) <= 4 else ()
    return tuple(names) or (*usual, *(f"tensors.{i}" for i in range(len(inputs))))[: len(inputs)]


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
