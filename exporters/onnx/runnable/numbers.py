"""Step three: write the numbers of the graph on the ONNX nodes that its operations became, each exactly once.

An operation that has become several ONNX nodes has its numbers on one of them: the one that does its matrix work, else
the last; the others name that one. An ONNX node that several operations were fused into has their sum. An operation
without an ONNX node, because it was folded into a constant or does nothing, is in the metadata of the model.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fxviz.exporters.onnx.runnable.convert import MARK, all_nodes
from fxviz.exporters.onnx.view.metadata import describe_node, measure, summarize
from fxviz.importers.onnx.format import clean_text
from fxviz.ir import format_scope
from fxviz.passes.operators import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import onnx_ir

    from fxviz.ir import Node
    from fxviz.views.view import View

__all__ = ["Mapped", "write_numbers"]

_MATRIX = {
    *("Attention", "Conv", "ConvInteger", "ConvTranspose", "DeformConv", "Einsum", "Gemm", "GRU", "LSTM"),
    *("MatMul", "MatMulInteger", "QLinearConv", "QLinearMatMul", "RNN"),
}


@dataclass(frozen=True, eq=False)
class Mapped:
    """Which ONNX nodes the operations of a graph have become.

    ``holders`` has the operations whose numbers are on an ONNX node; ``absent`` are the operations without one.
    """

    holders: Mapping[onnx_ir.Node, Sequence[Node]]
    absent: Sequence[Node]


def write_numbers(model: onnx_ir.Model, view: View) -> Mapped:
    """Turn the marks on the nodes of ``model`` into names, origins and numbers, under the keys that a view has, too."""
    nodes = view.graph.nodes
    origins = {node: sorted(_marks(node)) for node in all_nodes(model)}
    made: dict[int, list[onnx_ir.Node]] = defaultdict(list)
    for node, positions in origins.items():
        for position in positions:
            made[position].append(node)
    holder_of = {position: _holder(nodes[position], candidates) for position, candidates in made.items()}
    _name(origins, made, view)
    held: dict[onnx_ir.Node, list[int]] = defaultdict(list)
    for position in sorted(holder_of):
        held[holder_of[position]].append(position)
    for node, positions in origins.items():
        node.metadata_props.clear()
        facts = _united(describe_node(nodes[position]) for position in positions)
        elsewhere = dict.fromkeys(
            holder_of[position].name or "" for position in positions if position not in held[node]
        )
        if held[node]:
            facts |= measure(view.metrics, *(nodes[position] for position in held[node]))
        if elsewhere:
            facts["counted on"] = "\n".join(elsewhere)
        _write(node.metadata_props, facts)
    absent = [node for position, node in enumerate(nodes) if position not in made]
    _write(model.metadata_props, summarize(view) | _told(view, absent))
    return Mapped({node: [nodes[p] for p in positions] for node, positions in held.items() if positions}, absent)


def _marks(node: onnx_ir.Node) -> Iterable[int]:
    return (int(key.removeprefix(MARK)) for key in node.metadata_props if key.startswith(MARK))


def _holder(operation: Node, candidates: Sequence[onnx_ir.Node]) -> onnx_ir.Node:
    working = [node for node in candidates if node.op_type in _MATRIX]
    matrix = kind_of(operation.op) in ("matrix", "attention")
    return working[-1] if matrix and working else candidates[-1]


def _name(
    origins: Mapping[onnx_ir.Node, Sequence[int]], made: Mapping[int, Sequence[onnx_ir.Node]], view: View
) -> None:
    """Name the ONNX nodes as a view does, by module and operation; if there are several, by their operator, too."""
    taken: Counter[str] = Counter()
    for node, positions in origins.items():
        if not positions:
            wanted = node.op_type
        else:
            last = view.graph.nodes[positions[-1]]
            wanted = f"{format_scope(last.scope)}/{last.name}" if last.scope else last.name
            if len(made[positions[-1]]) > 1:
                wanted = f"{wanted}/{node.op_type}"
        taken[wanted] += 1
        node.name = clean_text(f"{wanted}~{taken[wanted]}" if taken[wanted] > 1 else wanted)


def _united(facts: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Unite the texts of each key: the different ones, one a line."""
    texts: dict[str, dict[str, None]] = defaultdict(dict)
    for each in facts:
        for key, text in each.items():
            texts[key][text] = None
    return {key: "\n".join(lines) for key, lines in texts.items()}


def _told(view: View, absent: Sequence[Node]) -> dict[str, str]:
    """Return what is not on any node, so that the numbers on the nodes and these make up the totals."""
    if not absent:
        return {}
    counts = Counter(node.op for node in absent)
    told = {f"{label} of operations without a node": text for label, text in measure(view.metrics, *absent).items()}
    return {"operations without a node": "\n".join(f"{op} × {n}" for op, n in sorted(counts.items()))} | told


def _write(properties: dict[str, str], facts: Mapping[str, str]) -> None:
    properties.update({clean_text(key): clean_text(text) for key, text in facts.items()})
