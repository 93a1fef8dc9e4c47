"""Build a graph of your own, operation by operation."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING

from fxviz.errors import GraphError
from fxviz.ir.flow import Flow
from fxviz.ir.graph import Graph
from fxviz.ir.names import Names
from fxviz.ir.nodes import Kernel, Node, Phase, Source
from fxviz.ir.scopes import Call, Scope
from fxviz.ir.values import CATEGORY_OF_ROLE, Category, Role, Storage, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from torch.fx import GraphModule

    from fxviz.ir.types import Attribute, TensorType

__all__ = ["GraphBuilder", "NodeBuilder"]

_NOTHING: Mapping[str, Attribute] = MappingProxyType({})


class GraphBuilder:
    """Collects a graph in execution order; `finish` returns it.

    Values come from `input`, `parameter`, `buffer` and `constant`, operations from `op` and `node`, inside the calls
    that `module` enters. Their memory gets its category and lifetime from its uses, from the first write to the last
    read. Each step is checked: a `GraphError` names a value that is not defined before it is read, or is defined twice,
    and a name that is already used. `Graph.verify` checks the rest of the rules.

    `declare` and `append` add values and nodes that were made elsewhere; these have storages with known lifetimes.

    >>> from fxviz.ir import GraphBuilder, TensorType
    >>> build = GraphBuilder("tiny")
    >>> x = build.input("x", TensorType((1, 8), "float32"))
    >>> with build.module("fc", "Linear"):
    ...     weight = build.parameter("weight", TensorType((8, 8), "float32"))
    ...     y = build.op("linear", {"input": x, "weight": weight})
    >>> print(build.finish(y))
    graph tiny: 1 node, 1 kernel, 1 parameters and buffers, traced by hand
      %x: float32[1, 8]
    <BLANKLINE>
      fc: Linear
        %linear: float32[1, 8] = linear(%x, weight=@.weight: float32[8, 8])
    <BLANKLINE>
      return %linear
    """

    def __init__(self, name: str = "graph") -> None:
        self.name = name
        self.scope: Scope = ()
        """The module calls around the next operation."""
        self.step = 0
        """The number of kernels so far."""
        self._flow = Flow(name)
        self._calls: Counter[str] = Counter()
        self._declared: dict[Role, dict[str, Value]] = {role: {} for role in CATEGORY_OF_ROLE}
        self._parameters: list[Value] = []  # and buffers, in one order
        self._nodes: dict[str, Node] = {}
        self._values: dict[str, Value] = {}
        self._names = Names()
        self._storages: dict[Storage, None] = {}
        self._last_use: dict[Storage, int] = {}  # the last step so far of each storage from `allocate`
        self._finished = False

    def __contains__(self, value: Value) -> bool:
        """Return whether the next operation can read ``value``."""
        return value in self._flow

    # Values that exist before the run

    def input(self, name: str, type: TensorType | None) -> Value:
        """Add an input of the graph."""
        return self._declare(name, type, Role.INPUT)

    def parameter(self, name: str, type: TensorType | None, *, trainable: bool = True) -> Value:
        """Add a parameter of the module that is entered; the same value where it was added before."""
        return self._declare(self._path(name), type, Role.PARAMETER, trainable)

    def buffer(self, name: str, type: TensorType | None) -> Value:
        """Add a buffer of the module that is entered; the same value where it was added before."""
        return self._declare(self._path(name), type, Role.BUFFER)

    def constant(self, name: str, type: TensorType | None) -> Value:
        """Add a tensor that is neither an input nor a result, such as a number that was written in the code."""
        return self._declare(name, type, Role.CONSTANT)

    def _declare(self, name: str, type: TensorType | None, role: Role, trainable: bool = False) -> Value:
        known = self._declared[role].get(name)
        if known is None or role is Role.INPUT:
            storage = Storage(type.nbytes, CATEGORY_OF_ROLE[role], device=type.device) if type else None
            return self.declare(Value(name, type, role, storage, trainable))
        if known.type != type:
            raise GraphError(
                f"the {role.value} {name!r} of graph {self.name!r} is {known.type}, and was added as {type}"
            )
        return known

    def declare(self, value: Value) -> Value:
        """Add a value as its role says: an input, parameter, buffer or constant."""
        if value.role not in self._declared:
            raise GraphError(f"{value} is a {value.role.value}: a node makes it")
        self._check_open()
        self._flow.declare(value)
        self._add_values((value,), "graph", self.name)
        self._declared[value.role][value.name] = value
        if value.role in (Role.PARAMETER, Role.BUFFER):
            self._parameters.append(value)
        return value

    # Operations

    def fresh_name(self, wanted: str) -> str:
        """Return a name that no value or node has, and reserve it: ``wanted``, else ``wanted_1``, ``wanted_2`` and so on."""
        while (name := self._names(wanted)) in self._values or name in self._nodes:
            pass
        return name

    @contextmanager
    def module(self, name: str, kind: str = "Module", *, index: int | None = None) -> Iterator[None]:
        """Enter the submodule ``name`` of class ``kind``: a call, counted by path unless ``index`` says which it is."""
        path = self._path(name)
        if index is None:
            index = self._calls[path]
            self._calls[path] += 1
        outer, self.scope = self.scope, (*self.scope, Call(path, kind, index))
        try:
            yield
        finally:
            self.scope = outer

    def op(
        self,
        op: str,
        inputs: Mapping[str, Value],
        type: TensorType | None = None,
        *,
        attributes: Mapping[str, Attribute] = _NOTHING,
        kernel: str | None = None,
        shares: Value | None = None,
        source: Source | None = None,
        phase: Phase = Phase.FORWARD,
    ) -> Value:
        """Add an operation of one kernel (``aten.<op>.default`` by default) and return its result.

        ``inputs`` are the tensors by argument name. The result has the type of the first one unless ``type`` is given,
        and memory of its own unless it ``shares`` that of a value: a view, or a tensor that is written in place.
        """
        with self.node(op, inputs, attributes=attributes, source=source, phase=phase) as node:
            return node.kernel(
                kernel or f"aten.{op}.default", inputs, type, attributes=attributes, shares=shares, returned=True
            )

    @contextmanager
    def node(
        self,
        op: str,
        inputs: Mapping[str, Value],
        *,
        outputs: int = 1,
        attributes: Mapping[str, Attribute] = _NOTHING,
        source: Source | None = None,
        phase: Phase = Phase.FORWARD,
    ) -> Iterator[NodeBuilder]:
        """Add an operation whose kernels are added inside the ``with`` block, for several kernels or ``outputs``."""
        node = NodeBuilder(self, self.fresh_name(op), several=outputs > 1)
        yield node
        self.append(
            Node(
                op,
                tuple(inputs.values()),
                tuple(node.outputs),
                tuple(inputs),
                MappingProxyType(dict(attributes)),
                node.name,
                tuple(node.kernels),
                self.scope,
                source,
                phase,
            )
        )

    def allocate(self, type: TensorType | None, step: int | None = None) -> Storage | None:
        """Return new memory for a result of kernel ``step``, the next one by default; None for an unknown type.

        It is freed after the last kernel that reads or writes it, or never if an output of the graph is on it.
        """
        if type is None:
            return None
        born = self.step if step is None else step
        storage = Storage(type.nbytes, Category.TEMPORARY, born, device=type.device)
        self._last_use[storage] = born
        return storage

    def append(self, node: Node) -> Node:
        """Add a node with its kernels and outputs; its inputs must be defined."""
        self._check_open()
        if not node.name or node.name in self._nodes:
            raise GraphError(f"node {node.name!r} ({node.op}) needs a name of its own")
        self._add_values(self._flow.run(node), "node", node.name)
        self._nodes[node.name] = node
        if self._last_use:
            self._record_uses(node)
        self.step += len(node.kernels)
        return node

    def _record_uses(self, node: Node) -> None:
        for step, kernel in enumerate(node.kernels, self.step):
            for value in (*kernel.inputs, *kernel.outputs):
                if value.storage in self._last_use:
                    self._last_use[value.storage] = step

    def _add_values(self, values: Iterable[Value], kind: str, owner: str) -> None:
        for value in values:
            if self._values.setdefault(value.name, value) is not value:
                raise GraphError(f"{kind} {owner!r} has a second value of the name {value.name!r}")
            if value.storage is not None:
                self._storages[value.storage] = None

    def add_storage(self, storage: Storage) -> Storage:
        """List a storage; the storages of values are listed with them."""
        self._storages[storage] = None
        return storage

    # The graph

    def finish(
        self,
        *outputs: Value,
        output_names: Sequence[str] | None = None,
        aliases: Mapping[str, str] = MappingProxyType({}),
        mode: str = "hand",
        guards: Iterable[str] = (),
        notes: Iterable[str] = (),
        complete: bool = True,
        build_module: Callable[[], GraphModule] | None = None,
    ) -> Graph:
        """Return the graph of all that was added, which ends the building; the other arguments are fields of `Graph`."""
        self._check_open()
        for value in outputs:
            self._flow.check_output(value)
        names = _names_of(outputs) if output_names is None else tuple(output_names)
        if len(names) != len(outputs):
            raise GraphError(f"graph {self.name!r} has {len(outputs)} outputs and {len(names)} names for them")
        self._finished = True
        self._close_lifetimes(outputs)
        return Graph(
            name=self.name,
            inputs=tuple(self._declared[Role.INPUT].values()),
            parameters=tuple(self._parameters),
            nodes=tuple(self._nodes.values()),
            outputs=outputs,
            output_names=names,
            constants=tuple(self._declared[Role.CONSTANT].values()),
            storages=tuple(self._storages),
            aliases=MappingProxyType(dict(aliases)),
            mode=mode,
            guards=tuple(guards),
            notes=tuple(notes),
            complete=complete,
            build_module=build_module,
        )

    def _close_lifetimes(self, outputs: Sequence[Value]) -> None:
        """Complete the storages from `allocate`, whose category and end are known only now."""
        last_step = self.step - 1
        kept = {value.storage for value in outputs}
        visible = {value.storage for node in self._nodes.values() for value in node.outputs}
        for storage, last_use in self._last_use.items():
            # Values already refer to these storages, which nobody but this builder has completed.
            object.__setattr__(storage, "born", min(storage.born, last_step))
            if storage not in kept:
                object.__setattr__(storage, "died", min(last_use, last_step) + 1)
            if storage in visible:
                object.__setattr__(storage, "category", Category.ACTIVATION)

    def _check_open(self) -> None:
        if self._finished:
            raise GraphError(f"graph {self.name!r} is finished; begin another GraphBuilder")

    def _path(self, name: str) -> str:
        return f"{self.scope[-1].path}.{name}" if self.scope else name


class NodeBuilder:
    """Collects the kernels and outputs of one operation; from `GraphBuilder.node`."""

    def __init__(self, graph: GraphBuilder, name: str, *, several: bool) -> None:
        self.name = name
        self.kernels: list[Kernel] = []
        self.outputs: list[Value] = []
        self._graph = graph
        self._several = several
        self._inside = 0

    def kernel(
        self,
        op: str,
        inputs: Mapping[str, Value],
        type: TensorType | None = None,
        *,
        attributes: Mapping[str, Attribute] = _NOTHING,
        shares: Value | None = None,
        returned: bool = False,
    ) -> Value:
        """Add a kernel with one result, which is an output of the operation if it is ``returned``.

        Type and memory are as for `GraphBuilder.op`.
        """
        if type is None:
            type = next((value.type for value in inputs.values()), None)
        step = self._graph.step + len(self.kernels)
        storage = shares.storage if shares else self._graph.allocate(type, step)
        value = Value(self._next_name(returned), type, storage=storage)
        self.kernels.append(
            Kernel(op, tuple(inputs.values()), (value,), tuple(inputs), MappingProxyType(dict(attributes)))
        )
        if returned:
            self.outputs.append(value)
        return value

    def _next_name(self, returned: bool) -> str:
        """Return ``relu`` for the only output, ``split.0``, … for several, ``linear:0``, … for a value inside."""
        if not returned:
            self._inside += 1
            return self._graph.fresh_name(f"{self.name}:{self._inside - 1}")
        return self._graph.fresh_name(f"{self.name}.{len(self.outputs)}") if self._several else self.name


def _names_of(outputs: Sequence[Value]) -> tuple[str, ...]:
    return ("output",) if len(outputs) == 1 else tuple(f"output.{position}" for position in range(len(outputs)))
