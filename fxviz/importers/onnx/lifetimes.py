"""From operations in order to a graph: when the memory of each result is there, from the first write to the last read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from fxviz.ir import Category, Graph, Kernel, Node, Role, Storage, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fxviz.importers.onnx.operation import Known, Step

__all__ = ["Draft", "freeze"]

_SHARES = frozenset(("aten.alias.default", "aten.view.default", "aten.transpose.int"))
"""The kernels whose result is the tensor that they read; a runtime copies for any other."""

_TORCH_SHARES = _SHARES | {
    f"aten.{op}"
    for op in (
        *(
            "permute.default",
            "select.int",
            "slice.Tensor",
            "expand.default",
            "split_with_sizes.default",
            "split.Tensor",
        ),
        *("t.default", "unsqueeze.default", "squeeze.dim", "squeeze.dims", "_unsafe_view.default", "unbind.int"),
        *("detach.default", "_reshape_alias.default", "as_strided.default"),
    )
}
_CATEGORIES = {
    Role.INPUT: Category.INPUT,
    Role.PARAMETER: Category.PARAMETER,
    Role.BUFFER: Category.BUFFER,
    Role.CONSTANT: Category.CONSTANT,
}


@dataclass
class Draft:
    """What was read so far; values have no storage yet, and kernels are steps."""

    inputs: list[Value] = field(default_factory=list)
    parameters: list[Value] = field(default_factory=list)
    constants: list[Value] = field(default_factory=list)
    nodes: list[tuple[Node, tuple[Step, ...]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    made_of_numbers: dict[Known, Value] = field(default_factory=dict)


def freeze(
    draft: Draft, name: str, outputs: Sequence[Value], output_names: Sequence[str], notes: Sequence[str], torch: bool
) -> Graph:
    """The graph of all that was read; ``torch`` says whether it was torch that ran, whose views share memory."""
    final = _Memory(draft, set(outputs), _TORCH_SHARES if torch else _SHARES).values()
    nodes = [_node(node, steps, final) for node, steps in draft.nodes]
    graph = Graph(
        name,
        tuple(final[value] for value in draft.inputs),
        tuple(final[value] for value in draft.parameters),
        tuple(nodes),
        tuple(final[value] for value in outputs),
        tuple(output_names),
        tuple(final[value] for value in draft.constants),
        tuple(dict.fromkeys(value.storage for value in final.values() if value.storage is not None)),
        mode="onnx",
        notes=tuple(dict.fromkeys(notes)),
    )
    graph.verify()
    return graph


def _node(node: Node, steps: tuple[Step, ...], final: dict[Value, Value]) -> Node:
    kernels = tuple(
        Kernel(
            step.op,
            tuple(final[value] for value in step.inputs),
            tuple(final[value] for value in step.outputs),
            step.input_names,
            MappingProxyType(dict(step.attributes)),
        )
        for step in steps
    )
    inputs, outputs = (tuple(final[value] for value in values) for values in (node.inputs, node.outputs))
    return replace(node, inputs=inputs, outputs=outputs, kernels=kernels)


class _Memory:
    """Which values share memory, and from which step to which it is needed."""

    def __init__(self, draft: Draft, returned: set[Value], shares: frozenset[str]) -> None:
        self._draft = draft
        self._given = [*draft.inputs, *draft.parameters, *draft.constants]
        self._base: dict[Value, Value] = {value: value for value in self._given}
        self._born: dict[Value, int] = dict.fromkeys(self._given, -1)
        self._last: dict[Value, int] = {}
        self._names: dict[Value, str] = {}
        self._follow(shares)
        self._kept = {self._base[value] for value in returned} | set(self._given)
        self._returned = returned

    def _follow(self, shares: frozenset[str]) -> None:
        at, last = 0, max(sum(len(steps) for _, steps in self._draft.nodes) - 1, -1)
        for node, steps in self._draft.nodes:
            inside = 0
            if not steps:
                self._hand_on(node, min(at, last))
            for step in steps:
                for value in step.inputs:
                    self._last[self._base[value]] = at
                source = self._base[step.inputs[0]] if step.op in shares and step.inputs else None
                for value in step.outputs:
                    shared = source is not None and value.type is not None and source.type is not None
                    self._base[value] = source if shared and source is not None else value
                    self._born.setdefault(self._base[value], at)
                    self._last[self._base[value]] = at
                    if not value.name:
                        inside += 1
                        self._names[value] = f"{node.name}.{inside}"
                at += 1

    def _hand_on(self, node: Node, at: int) -> None:
        """The results of an operation that runs no kernel are what it reads."""
        for value in node.outputs:
            self._base[value] = self._base[node.inputs[0]] if node.inputs else value
            self._born.setdefault(self._base[value], at)
            self._last.setdefault(self._base[value], at)

    def values(self) -> dict[Value, Value]:
        """Every value with its storage."""
        visible = {value for node, _ in self._draft.nodes for value in node.outputs}
        read = {self._base[value] for node, _ in self._draft.nodes for value in node.inputs}
        storages: dict[Value, Storage] = {}
        taken = {value.name for value in self._base}
        for base in dict.fromkeys(self._base.values()):
            if base.type is None:
                continue
            category = _CATEGORIES.get(
                base.role, Category.ACTIVATION if base in visible or base in read else Category.TEMPORARY
            )
            died = None if base in self._kept else self._last.get(base, self._born[base]) + 1
            storages[base] = Storage(base.type.nbytes, category, self._born[base], died, base.type.device)
        final: dict[Value, Value] = {}
        for value, base in self._base.items():
            name = self._names.get(value, value.name)
            while value in self._names and name in taken:
                name += "'"
            taken.add(name)
            final[value] = replace(value, name=name, storage=storages.get(base) if value.type else None)
        return final
