"""The graph while it is being recorded: mutable records, frozen into the IR by `Draft.freeze`. Knows no torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import sympy

from fxviz.ir import Category, GraphBuilder, Kernel, Node, Phase, Role, Storage, TensorType, Value, as_dim
from fxviz.ir.values import CATEGORY_OF_ROLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from torch.fx import GraphModule

    from fxviz.ir import Attribute, Dim, Graph, Scope, Source

__all__ = ["Draft", "KernelRecord", "NodeRecord", "StorageRecord", "ValueRecord"]


_NOTHING: Mapping[str, Attribute] = MappingProxyType({})


@dataclass(slots=True, eq=False)
class StorageRecord:
    """Memory as watched: ``mutations`` counts the in-place writes to it, ``writer`` made the last one.

    ``latest`` is the last value of each type on it, by which a tensor is known that autograd kept and hands out anew.
    """

    nbytes: Dim
    device: str
    born: int
    died: int | None = None
    category: Category | None = None
    mutations: int = 0
    writer: NodeRecord | None = None
    latest: dict[TensorType | None, ValueRecord] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class ValueRecord:
    """A tensor as it was after the ``version``-th in-place write to its storage.

    ``within`` is the node whose kernel made it, as long as nothing outside of that node has asked for it.
    """

    type: TensorType | None
    storage: StorageRecord | None
    role: Role = Role.RESULT
    name: str = ""
    trainable: bool = False
    version: int = 0
    within: NodeRecord | None = None


@dataclass(slots=True, eq=False)
class KernelRecord:
    """One dispatched operator."""

    op: str
    inputs: Sequence[ValueRecord]
    input_names: Sequence[str]
    outputs: Sequence[ValueRecord]
    attributes: Mapping[str, Attribute]
    writes: int = 0  # how many of its outputs, the first ones, are tensors that it was given and wrote to


@dataclass(slots=True, eq=False)
class NodeRecord:
    """One call that the author wrote, with what ran under it."""

    op: str
    scope: Scope
    source: Source | None
    inputs: list[ValueRecord] = field(default_factory=list)
    input_names: list[str] = field(default_factory=list)
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    outputs: list[ValueRecord] = field(default_factory=list)
    kernels: list[KernelRecord] = field(default_factory=list)
    phase: Phase = Phase.FORWARD


@dataclass(slots=True, eq=False)
class Draft:
    """Everything recorded so far, in execution order."""

    name: str
    inputs: list[ValueRecord] = field(default_factory=list)
    parameters: list[ValueRecord] = field(default_factory=list)
    constants: list[ValueRecord] = field(default_factory=list)
    nodes: list[NodeRecord] = field(default_factory=list)
    outputs: list[ValueRecord] = field(default_factory=list)
    output_names: list[str] = field(default_factory=list)
    storages: list[StorageRecord] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)
    step: int = 0  # how many kernels have run
    backward_step: int | None = None  # at which the backward pass of a training step begins

    def read(self, value: ValueRecord) -> ValueRecord:
        """``value`` as something outside of the node that made it sees it, which makes it an output of that node.

        Where another alias of its storage has been written to since, that is the result of the write.
        """
        storage = value.storage
        if storage is not None and value.version != storage.mutations and storage.writer is not None:
            value = ValueRecord(value.type, storage, version=storage.mutations, within=storage.writer)
        if value.within is not None:
            value.within.outputs.append(value)
            value.within = None
        return value

    def freeze(
        self,
        *,
        mode: str,
        guards: Iterable[str] = (),
        notes: Iterable[str] = (),
        complete: bool = True,
        build_module: Callable[[], GraphModule] | None = None,
        pinned: Mapping[sympy.Symbol, int] = MappingProxyType({}),
    ) -> Graph:
        """Return the immutable graph, named in execution order. Symbols that are ``pinned`` become numbers."""
        if pinned:
            self._pin(pinned)
        self._categorise()
        freezer = _Freezer(self)
        return freezer.build.finish(
            *(freezer.values[record] for record in self.outputs),
            output_names=self.output_names,
            aliases=self.aliases,
            mode=mode,
            guards=guards,
            notes=notes,
            complete=complete,
            build_module=build_module,
        )

    def _pin(self, pinned: Mapping[sympy.Symbol, int]) -> None:
        """Put sizes in the place of symbols wherever these were written down before they were known to be fixed."""

        def pin(part: Any) -> Any:
            if isinstance(part, sympy.Expr):
                return as_dim(part.subs(pinned))
            if isinstance(part, tuple):
                return tuple(pin(member) for member in part)
            if isinstance(part, Mapping):
                return {name: pin(member) for name, member in part.items()}
            return part

        operations: list[NodeRecord | KernelRecord] = []
        for node in self.nodes:
            operations += [node, *node.kernels]
        made = [record for operation in operations for record in operation.outputs]
        for record in dict.fromkeys([*self.inputs, *self.parameters, *self.constants, *made]):
            if record.type is not None:
                record.type = TensorType(pin(record.type.shape), record.type.dtype, record.type.device)
        for storage in self.storages:
            storage.nbytes = pin(storage.nbytes)
        for operation in operations:
            operation.attributes = pin(operation.attributes)

    def _categorise(self) -> None:
        """Memory that existed before the run is what its value is; what leaves its node is an activation, else temporary."""
        for record in [*self.inputs, *self.parameters, *self.constants]:
            if record.storage and record.storage.category is None:
                record.storage.category = CATEGORY_OF_ROLE[record.role]
        for node in self.nodes:
            for record in node.outputs:
                if record.storage and record.storage.category is None:
                    record.storage.category = self._activation(record.storage)
        for storage in self.storages:
            storage.category = storage.category or Category.TEMPORARY

    def _activation(self, storage: StorageRecord) -> Category:
        begin = self.backward_step
        if begin is None:
            return Category.ACTIVATION
        if storage.born >= begin:
            return (
                Category.TEMPORARY
            )  # a gradient on its way; those that stay, of parameters, have their category already
        return Category.SAVED if storage.died is None or storage.died > begin else Category.ACTIVATION


class _Freezer:
    """The records of a draft as values and nodes of the IR, in ``build``."""

    def __init__(self, draft: Draft) -> None:
        self.build = GraphBuilder(draft.name)
        self.values: dict[ValueRecord, Value] = {}
        self._storages = {record: self.build.add_storage(_storage(record)) for record in draft.storages}
        for record in (*draft.inputs, *draft.parameters, *draft.constants):
            self.build.declare(self._value(record, self.build.fresh_name(record.name)))
        for node in draft.nodes:
            self._add_node(node)

    def _value(self, record: ValueRecord, name: str) -> Value:
        storage = self._storages[record.storage] if record.storage else None
        self.values[record] = value = Value(name, record.type, record.role, storage, record.trainable)
        return value

    def _values(self, records: Iterable[ValueRecord]) -> tuple[Value, ...]:
        return tuple(map(self.values.__getitem__, records))

    def _add_node(self, node: NodeRecord) -> None:
        name = self.build.fresh_name(_slug(node.op))
        self._name_results(node, name)
        kernels = tuple(
            Kernel(
                kernel.op,
                self._values(kernel.inputs),
                self._values(kernel.outputs),
                tuple(kernel.input_names),
                _frozen(kernel.attributes),
            )
            for kernel in node.kernels
        )
        self.build.append(
            Node(
                op=node.op,
                inputs=self._values(node.inputs),
                outputs=self._values(node.outputs),
                input_names=tuple(node.input_names),
                attributes=_frozen(node.attributes),
                name=name,
                kernels=kernels,
                scope=node.scope,
                source=node.source,
                phase=node.phase,
            )
        )

    def _name_results(self, node: NodeRecord, name: str) -> None:
        """Make the values of a node: ``relu``; ``split.0``, … for several outputs; ``linear:0``, … inside the node."""
        single = len(node.outputs) == 1
        for position, record in enumerate(node.outputs):
            self._value(record, name if single else self.build.fresh_name(f"{name}.{position}"))
        inside = 0
        for kernel in node.kernels:
            for record in kernel.outputs:
                if record not in self.values:
                    self._value(record, self.build.fresh_name(f"{name}:{inside}"))
                    inside += 1


def _frozen(attributes: Mapping[str, Attribute]) -> Mapping[str, Attribute]:
    return MappingProxyType(dict(attributes)) if attributes else _NOTHING


def _storage(record: StorageRecord) -> Storage:
    return Storage(record.nbytes, record.category or Category.ACTIVATION, record.born, record.died, record.device)


def _slug(op: str) -> str:
    word = op if op.isidentifier() else re.sub(r"\W+", "_", op)
    return word.strip("_") or "op"
