"""Metadata: what an ONNX file says of an operation, a scope and a whole model besides what ONNX itself has.

Netron shows them in the panel of what is selected. The same keys are in every ONNX file that fxviz writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from fxviz.importers.onnx.format import clean_text
from fxviz.ir import Role, format_scope
from fxviz.text.quantity import format_quantity, format_type

if TYPE_CHECKING:
    import onnx

    from fxviz.analysis.facts import Metric
    from fxviz.ir import Graph, Node, Scope, Value
    from fxviz.views.view import View

__all__ = ["add_metadata", "describe_node", "describe_scope", "describe_weight", "measure", "role_of", "summarize"]


def describe_node(node: Node) -> dict[str, str]:
    """Describe an operation by its author's name, and where it comes from."""
    facts = {"operation": node.op}
    facts |= describe_scope(node.scope)
    if node.source:
        facts["source"] = str(node.source)
    if node.kernels:
        facts["kernels"] = "\n".join(kernel.op for kernel in node.kernels)
    return facts


def describe_scope(scope: Scope) -> dict[str, str]:
    """Describe a module, and the stack of all modules around it, outermost first."""
    frames = [f"{format_scope(scope[:depth])}: {scope[depth - 1].kind}" for depth in range(1, len(scope) + 1)]
    return ({"module": frames[-1]} if frames else {}) | ({"stack": "\n".join(frames)} if len(frames) > 1 else {})


def describe_weight(value: Value) -> dict[str, str]:
    """Describe what a tensor is to the model, with its name there, since a file has it once for each of its readers."""
    frozen = value.role is Role.PARAMETER and not value.trainable
    role = role_of(value).value
    return {"role": f"frozen {role}" if frozen else role, "weight": value.name}


def role_of(value: Value) -> Role:
    """Return what a tensor is to a file that does not say how it is made: a hidden result is a constant."""
    return Role.CONSTANT if value.role is Role.RESULT else value.role


def measure(metrics: Iterable[Metric], *places: Node | Scope) -> dict[str, str]:
    """Return the numbers of these places together, each under the label of its metric, with their share of the model's.

    A number that is 0 everywhere is left out; what was not counted is ``?``.
    """
    return {
        metric.label: _amount(metric, *places) + _share(metric, *places)
        for metric in metrics
        if metric.at(*places) is not None or getattr(metric, "unknown", None)
    }


def summarize(view: View) -> dict[str, str]:
    """Return the totals of a model, what was not counted, what went in and out, and how it was traced."""
    graph = view.graph
    facts = {metric.label: _amount(metric, ()) for metric in view.metrics}
    for metric in view.metrics:
        unknown = getattr(metric, "unknown", None)
        if isinstance(unknown, Mapping) and unknown:
            facts[f"{metric.label} not counted"] = "\n".join(f"{op} × {n}" for op, n in sorted(unknown.items()))
    names = graph.output_names or tuple(value.name for value in graph.outputs)
    facts["inputs"] = "\n".join(f"{value.name}: {format_type(value.type)}" for value in graph.inputs)
    facts["outputs"] = "\n".join(
        f"{name}: {format_type(value.type)}" for name, value in zip(names, graph.outputs, strict=True)
    )
    facts["operations"] = f"{len(graph.nodes):,}"
    facts["hidden"] = "\n".join(f"{op} × {n}" for op, n in view.hidden.items())
    facts["parameters not used"] = "\n".join(
        f"{value.name}: {describe_weight(value)['role']} {value.type}" for value in _unread(graph)
    )
    facts["mode"] = graph.mode
    facts["guards"] = "\n".join(graph.guards)
    facts["notes"] = "\n".join(graph.notes)
    facts["complete"] = "" if graph.complete else "no: the trace stopped before the end of the model"
    return {label: fact for label, fact in facts.items() if fact}


def _unread(graph: Graph) -> Iterator[Value]:
    kernels = (value for kernel in graph.kernels for value in kernel.inputs)
    read = {*graph.users, *kernels, *graph.outputs}
    return (value for value in graph.parameters if value not in read)


def add_metadata(proto: onnx.NodeProto | onnx.ModelProto, facts: Mapping[str, str]) -> None:
    """Write the facts into the metadata of a node or a model."""
    for key, value in facts.items():
        proto.metadata_props.add(key=clean_text(key), value=clean_text(value))


def _amount(metric: Metric, *places: Node | Scope) -> str:
    """Write ``8.18 GFLOPs (8178000000)``: for reading, then exactly."""
    amount = metric.at(*places)
    short = format_quantity(amount, metric.unit)
    return short if amount is None or str(amount) == short.split(" ")[0] else f"{short} ({amount})"


def _share(metric: Metric, *places: Node | Scope) -> str:
    """Write ``, 12.3 % of all``; nothing for amounts that do not add up, such as bytes of memory."""
    amount, total = metric.at(*places), metric.at(())
    if metric.unit == "B" or not isinstance(amount, int) or not isinstance(total, int) or not 0 < amount <= total:
        return ""
    return f", {amount / total:.1%} of all".replace("%", " %")
