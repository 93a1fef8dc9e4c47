"""What an ONNX file says of an operation, a scope and a whole model beside what ONNX itself has: keys and texts.

Netron shows them in the panel of what is selected. The same keys are in every ONNX file that fxviz writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.exporters.onnx_types import clean_text
from fxviz.facts import Tally
from fxviz.ir import format_scope
from fxviz.quantity import format_quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import onnx

    from fxviz.facts import Metric
    from fxviz.ir import Node, Scope
    from fxviz.view import View

__all__ = ["add_metadata", "describe_node", "measure", "summarize"]


def describe_node(node: Node) -> dict[str, str]:
    """The operation by its author's name, and where it comes from."""
    facts = {"operation": node.op}
    if node.scope:
        facts["module"] = f"{format_scope(node.scope)}: {node.scope[-1].kind}"
    if node.source:
        facts["source"] = str(node.source)
    if node.kernels:
        facts["kernels"] = "\n".join(kernel.op for kernel in node.kernels)
    return facts


def measure(metrics: Iterable[Metric], *places: Node | Scope) -> dict[str, str]:
    """The numbers of these places together, each under the label of its metric."""
    return {metric.label: _amount(metric, *places) for metric in metrics}


def summarize(view: View) -> dict[str, str]:
    """The totals of a model, what was not counted, and how it was traced."""
    graph = view.graph
    facts = measure(view.metrics, ())
    for metric in view.metrics:
        if isinstance(metric, Tally) and metric.unknown:
            facts[f"{metric.label} not counted"] = "\n".join(f"{op} × {n}" for op, n in sorted(metric.unknown.items()))
    facts["mode"] = graph.mode
    facts["guards"] = "\n".join(graph.guards)
    facts["notes"] = "\n".join(graph.notes)
    facts["complete"] = "" if graph.complete else "no: the trace stopped before the end of the model"
    return {label: fact for label, fact in facts.items() if fact}


def add_metadata(proto: onnx.NodeProto | onnx.ModelProto, facts: Mapping[str, str]) -> None:
    """Write the facts into the metadata of a node or a model."""
    for key, value in facts.items():
        proto.metadata_props.add(key=clean_text(key), value=clean_text(value))


def _amount(metric: Metric, *places: Node | Scope) -> str:
    """``8.18 GFLOPs (8178000000)``: for reading, then exactly."""
    amount = metric.at(*places)
    short = format_quantity(amount, metric.unit)
    return short if amount is None or str(amount) == short.split(" ")[0] else f"{short} ({amount})"
