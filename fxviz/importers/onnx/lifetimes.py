"""From operations in order to a graph: when the memory of each result is there, from the first write to the last read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from fxviz.ir import Graph, GraphBuilder, Kernel, Node, Storage, Value
from fxviz.ir.names import Names
from fxviz.ir.values import CATEGORY_OF_ROLE

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
    """Return the graph of all that was read, verified; ``torch`` says whether torch ran it, whose views share memory."""
    freezer = _Freezer(draft, name, _TORCH_SHARES if torch else _SHARES)
    graph = freezer.build.finish(
        *(freezer.values[value] for value in outputs),
        output_names=output_names,
        mode="onnx",
        notes=dict.fromkeys(notes),
    )
    graph.verify()
    return graph


class _Freezer:
    """The values of a draft with their memory, and its steps as kernels, in ``build``."""

    def __init__(self, draft: Draft, name: str, shares: frozenset[str]) -> None:
        self.build = GraphBuilder(name)
        self.values: dict[Value, Value] = {}
        self._shares = shares
        declared = (*draft.inputs, *draft.parameters, *draft.constants)
        made = [value for node, _ in draft.nodes for value in node.outputs]
        made += [value for _, steps in draft.nodes for step in steps for value in step.outputs]
        self._names = Names(lambda wanted, times: wanted + "'" * times, (value.name for value in (*declared, *made)))
        for value in declared:
            self.build.declare(self._value(value, value.name, _held(value)))
        for node, steps in draft.nodes:
            self._add_node(node, steps)

    def _value(self, value: Value, name: str, storage: Storage | None) -> Value:
        self.values[value] = final = replace(value, name=name, storage=storage if value.type else None)
        return final

    def _values(self, values: Sequence[Value]) -> tuple[Value, ...]:
        return tuple(self.values[value] for value in values)

    def _add_node(self, node: Node, steps: Sequence[Step]) -> None:
        if not steps:
            self._hand_on(node)
        unnamed = 0
        kernels: list[Kernel] = []
        for number, step in enumerate(steps, self.build.step):
            for value in step.outputs:
                unnamed += not value.name
                name = value.name or self._names(f"{node.name}.{unnamed}")
                self._value(value, name, self._shared(step) or self.build.allocate(value.type, number))
            inputs, outputs = self._values(step.inputs), self._values(step.outputs)
            kernels.append(Kernel(step.op, inputs, outputs, step.input_names, MappingProxyType(dict(step.attributes))))
        inputs, outputs = self._values(node.inputs), self._values(node.outputs)
        self.build.append(replace(node, inputs=inputs, outputs=outputs, kernels=tuple(kernels)))

    def _shared(self, step: Step) -> Storage | None:
        """Return the memory that a kernel hands on, None where it makes its own."""
        return self.values[step.inputs[0]].storage if step.op in self._shares and step.inputs else None

    def _hand_on(self, node: Node) -> None:
        """Make the results of an operation without kernels, which are what it reads."""
        for value in node.outputs:
            storage = self.values[node.inputs[0]].storage if node.inputs else self.build.allocate(value.type)
            self._value(value, value.name, storage)


def _held(value: Value) -> Storage | None:
    """Return the memory of a value that exists before the run."""
    return Storage(value.type.nbytes, CATEGORY_OF_ROLE[value.role], device=value.type.device) if value.type else None
