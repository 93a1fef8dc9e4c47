"""What there is to say of a whole model: totals, what was not counted, and under which conditions they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.ir import format_scope
from fxviz.passes.flops import Flops
from fxviz.passes.memory import Memory, MemoryUse
from fxviz.passes.parameters import Parameters
from fxviz.quantity import format_quantity, format_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fxviz.facts import Facts
    from fxviz.ir import Value

__all__ = ["report_lines"]

_LABEL = 13  # characters before the text of a line


def report_lines(facts: Facts) -> list[str]:
    """The report, one line a fact: inputs, outputs, parameters, FLOPs, peak memory, what is unknown, guards, notes."""
    return [f"{label:<{_LABEL}}{text}" for label, text in _facts(facts)]


def _facts(facts: Facts) -> Iterator[tuple[str, str]]:
    graph = facts.graph
    names = graph.output_names or ("",) * len(graph.outputs)
    yield "Model", f"{graph.name}, {len(graph.nodes)} operations, traced by {graph.mode}"
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
    yield "Not counted", _counts(flops.unknown) or "nothing"
    if not graph.complete:
        yield "Incomplete", "the model was traced in part; all numbers are of that part"
    for guard in graph.guards:
        yield "Only if", guard
    for note in graph.notes:
        yield "Note", note


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
    node = memory.peak_node
    where = f" in {format_scope(node.scope)} ({node.op})" if node and node.scope else f" in {node.op}" if node else ""
    return f"{format_quantity(memory.peak, 'B')}{where}: {parts}"


def _counts(unknown: Mapping[str, int]) -> str:
    return ", ".join(f"{op} × {times}" if times > 1 else op for op, times in unknown.items())
