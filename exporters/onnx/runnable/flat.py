"""The module of a trace as a function of flat tensors, in the order of the graph's inputs and outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from fxviz.errors import ExportError, GraphError
from fxviz.tracing.fxgraph import NODES, ORIGIN, Origin
from fxviz.tracing.torch_private import FakeTensor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fxviz.ir import Graph, Node

__all__ = ["POSITIONS", "VIEW_INSTEAD", "FlatProgram", "flatten", "positions_of"]

POSITIONS = "fxviz"
"""The key in ``meta["custom"]`` of an fx node, which torch.export hands on, for positions in ``Graph.nodes``."""

VIEW_INSTEAD = "a view for Netron needs none of this: leave out runnable (--runnable)"


@dataclass(frozen=True)
class FlatProgram:
    """A traced model that takes and returns flat tensors: no nesting, no keyword, no None, no number.

    ``module`` has the model's own weights; its fx nodes say which of ``graph.nodes`` they are, see `positions_of`.
    ``sizes`` are the sizes of the inputs in the trace.
    """

    graph: Graph
    module: fx.GraphModule
    sizes: tuple[tuple[int, ...], ...]

    def has_weights(self) -> bool:
        """Whether every parameter, buffer and constant that the module uses has data."""
        return not any(tensor.is_meta or isinstance(tensor, FakeTensor) for tensor in self.weights())

    def weights(self) -> Iterator[torch.Tensor]:
        """Return the parameters, buffers and constants that the module uses."""
        yield from self.module.parameters()
        yield from self.module.buffers()
        for node in self.module.graph.nodes:
            if node.op == "get_attr" and isinstance(held := getattr(self.module, node.target, None), torch.Tensor):
                yield held

    @property
    def device(self) -> torch.device:
        """Return the device of the weights; the CPU if there are none."""
        return next((tensor.device for tensor in self.weights()), torch.device("cpu"))

    def first_that_ran(self, op: str) -> list[Node]:
        """Return the first node of the graph that ran the ATen operator ``op``, in a list, which is empty if none did."""
        found = next((node for node, kernel in self.graph.walk() if kernel.op == op), None)
        return [found] if found is not None else []

    def nodes_at(self, node: fx.Node) -> list[Node]:
        """Return the nodes of the graph that an fx node stands for."""
        return [self.graph.nodes[position] for position in positions_of(node)]


def positions_of(node: fx.Node) -> range:
    """Return the positions in ``Graph.nodes`` of what an fx node was made from; empty for sizes and other helpers."""
    found: range = (node.meta.get("custom") or {}).get(POSITIONS, range(0))
    return found


def flatten(graph: Graph) -> FlatProgram:
    """Return the program of a traced graph; an `ExportError` says why it cannot be had."""
    try:
        module = graph.module
    except GraphError as error:
        raise ExportError(
            f"{graph.name} cannot be lowered: {error}; a graph that was read from a file, traced in part or of a training "
            f"step has no code to lower; {VIEW_INSTEAD}"
        ) from error
    origin: Origin | None = module.meta.get(ORIGIN)
    if origin is None:
        raise ExportError(
            f"{graph.name} was traced without inputs, so no shape is known: trace it with inputs; {VIEW_INSTEAD}"
        )
    if origin.ops != tuple(node.op for node in graph.nodes):
        raise ExportError(f"{graph.name} was transformed after it was traced: lower the graph that trace gave")
    return FlatProgram(graph, _flat_module(module, origin), tuple(sizes for _, sizes in origin.inputs))


def _flat_module(module: fx.GraphModule, origin: Origin) -> fx.GraphModule:
    """Copy the module's graph with a placeholder for each tensor, without the nodes that took inputs apart."""
    flat = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    for position, (node, _) in enumerate(origin.inputs):
        placeholder = flat.placeholder(f"input_{position}")
        if node is not None:
            copies[node] = placeholder
    for node in module.graph.nodes:
        # What depends on a placeholder of old only takes an argument apart, or puts a result together.
        if node in copies or node.op in ("placeholder", "output") or not all(n in copies for n in node.all_input_nodes):
            continue
        copies[node] = copy = flat.node_copy(node, copies.__getitem__)
        copy.meta = {"custom": {POSITIONS: node.meta[NODES]}} if NODES in node.meta else {}
    flat.output(tuple(copies[node] for node in origin.outputs))
    made = fx.GraphModule(_owned(module, flat), flat, class_name=type(module).__name__)
    made.train(module.training)
    return made


def _owned(module: fx.GraphModule, graph: fx.Graph) -> dict[str, Any]:
    targets = {str(node.target) for node in graph.nodes if node.op in ("get_attr", "call_module")}
    return {target: _attribute(module, target) for target in sorted(targets)}


def _attribute(module: torch.nn.Module, path: str) -> Any:
    found: Any = module
    for name in path.split("."):
        found = getattr(found, name)
    return found
