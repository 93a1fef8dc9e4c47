"""Report on a whole model: totals, what was not counted, and under which conditions they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.facts import add, at_large
from fxviz.ir import format_scope
from fxviz.passes.flops import Flops
from fxviz.passes.memory import Memory, MemoryUse
from fxviz.passes.parameters import Parameters
from fxviz.text.escaping import one_line
from fxviz.text.quantity import format_quantity, format_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fxviz.analysis.facts import Facts
    from fxviz.ir import Graph, Node, Value
    from fxviz.passes.roofline import Roofline, RooflineEstimate

__all__ = ["format_entries", "memory_lines", "report_entries", "report_lines"]

_LABEL = 13  # characters before the text of a line


def report_lines(facts: Facts, roofline: Roofline | None = None) -> list[str]:
    """Return the report, one line a fact: inputs, outputs, parameters, FLOPs, peak memory, what is unknown, guards, notes.

    With a ``roofline`` also the least time on its device, and how many operations wait for memory there.
    """
    return format_entries(report_entries(facts, roofline))


def memory_lines(memory: MemoryUse, depth: int | None = None, most: int = 20) -> list[str]:
    """Return the report on memory: the peak, its categories, and the modules, ``depth`` deep, alive at it.

    Only the ``most`` largest modules are listed; if ``depth`` is None, as deep as gives no more than these.
    """
    return format_entries(_memory(memory, depth, most))


def format_entries(entries: Iterable[tuple[str, str]]) -> list[str]:
    r"""Return entries as lines, their texts aligned; each is one line, whatever the names in it.

    >>> format_entries([("Model", "Net"), ("Parameters", "73.4 k")])
    ['Model        Net', 'Parameters   73.4 k']
    >>> format_entries([("Peak memory", "in new\nline")])
    ['Peak memory  in new\\nline']
    """
    return [f"{label:<{_LABEL}}{one_line(text)}" for label, text in entries]


def _memory(memory: MemoryUse, depth: int | None, most: int) -> Iterator[tuple[str, str]]:
    if memory.peak is None or memory.peak_step is None:
        yield "Peak memory", "?"
        return
    node = memory.peak_node
    where = f", {node.phase.value}, kernel {memory.peak_step} of {len(memory.graph.kernels)}" if node else ""
    yield "Peak memory", f"{format_quantity(memory.peak, 'B')}{_place(node)}{where}"
    for device, nbytes in memory.peak_by_device.items() if len(memory.peak_by_device) > 1 else ():
        yield f"  {device}", format_quantity(nbytes, "B")
    for category, nbytes in memory.peak_by_category.items():
        yield f"  {category.value}", format_quantity(nbytes, "B")
    by_scope = memory.at_peak_by_scope(memory.depth_within(most) if depth is None else depth)
    scopes = sorted(by_scope, key=lambda scope: at_large(by_scope[scope]), reverse=True)
    width = max((len(format_scope(scope)) for scope in scopes[:most]), default=0)
    for number, scope in enumerate(scopes[:most]):
        name = format_scope(scope) or "."
        yield "" if number else "Alive then", f"{name:<{width}}  {format_quantity(by_scope[scope], 'B')}"
    if rest := [by_scope[scope] for scope in scopes[most:]]:
        yield "", f"{len(rest)} more  {format_quantity(add(rest), 'B')}"
    if memory.unknown:
        yield "Not counted", _counts(memory.unknown)


def _place(node: Node | None) -> str:
    if node is None:
        return ""
    return f" in {format_scope(node.scope)} ({node.op})" if node.scope else f" in {node.op}"


def report_entries(facts: Facts, roofline: Roofline | None = None) -> Iterator[tuple[str, str]]:
    """Return what `report_lines` says, each fact as its label and its text."""
    graph = facts.graph
    names = graph.output_names or ("",) * len(graph.outputs)
    yield "Model", f"{graph.name}, {len(graph.nodes)} operations, traced by {graph.mode}{_mode(graph)}"
    yield "Inputs", _values((value.name, value) for value in graph.inputs)
    yield "Outputs", _values(zip(names, graph.outputs, strict=True))
    parameters = facts[Parameters()]
    text = f"{format_quantity(parameters.total)} ({format_quantity(parameters.nbytes, 'B')})"
    if parameters.frozen != 0:
        text += f", {format_quantity(parameters.trainable)} of them trainable"
    if parameters.buffers != 0:
        text += f"; buffers {format_quantity(parameters.buffers)} ({format_quantity(parameters.buffer_nbytes, 'B')})"
    yield "Parameters", text
    flops = facts[Flops()]
    matrix, other = (format_quantity(tally.total, "FLOPs") for tally in (flops.matrix, flops.pointwise))
    macs = format_quantity(flops.macs)
    yield (
        "FLOPs",
        f"{format_quantity(flops.total, 'FLOPs')}: {matrix} of matrix work ({macs} multiply-adds), {other} of the rest",
    )
    if flops.ops.total != 0:
        yield "Integer OPs", f"{format_quantity(flops.ops.total, 'OPs')} of integer matrix work, not among the FLOPs"
    yield "Peak memory", _peak(facts[Memory()])
    if roofline is not None:
        yield "Least time", _time(facts[roofline])
    yield "Not counted", _counts(flops.unknown) or "nothing"
    if not graph.complete:
        yield "Incomplete", "the model was traced in part; all numbers are of that part"
    for guard in graph.guards:
        yield "Only if", guard
    for note in graph.notes:
        yield "Note", note


def _mode(graph: Graph) -> str:
    """Say in which mode the model was, where an operation of it, such as dropout, depends on that."""
    flags = [node.attributes.get("training", node.attributes.get("train")) for node in graph.nodes]
    if True in flags:
        return " in training mode"
    return " in evaluation mode" if False in flags else ""


def _time(estimate: RooflineEstimate) -> str:
    busy = sum(estimate.bound(node) is not None for node in estimate.graph.nodes)
    moved = add([estimate.read.total, estimate.written.total])
    return (
        f"{format_quantity(estimate.total, 's')} on {estimate.device.name}: {format_quantity(moved, 'B')} moved, "
        f"{len(estimate.memory_bound)} of {busy} operations that take time wait for memory"
    )


def _values(values: Iterable[tuple[str, Value]], most: int = 4) -> str:
    texts = [f"{name} {format_type(value.type)}".strip() for name, value in values]
    rest = f", and {len(texts) - most} more" if len(texts) > most else ""
    return (", ".join(texts[:most]) + rest) or "none"


def _peak(memory: MemoryUse) -> str:
    if memory.peak is None:
        return "?"
    parts = ", ".join(
        f"{category.value} {format_quantity(nbytes, 'B')}" for category, nbytes in memory.peak_by_category.items()
    )
    return f"{format_quantity(memory.peak, 'B')}{_place(memory.peak_node)}: {parts}"


def _counts(unknown: Mapping[str, int]) -> str:
    return ", ".join(f"{op} × {times}" if times > 1 else op for op, times in unknown.items())
