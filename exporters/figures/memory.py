"""A figure of the memory of a run: bytes by category over its kernels, the peak, and what is alive at it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

import numpy as np

from fxviz.analysis.facts import Facts, evaluate
from fxviz.errors import InputError
from fxviz.exporters.figures.figure import FAINT, INK, figure_bytes, format_of, new_figure
from fxviz.files import write_file
from fxviz.ir import Category, Graph, Phase, format_scope
from fxviz.passes.memory import Memory, MemoryUse
from fxviz.plugins import suggest
from fxviz.text.quantity import format_quantity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.axes import Axes

__all__ = ["plot_memory"]

_COLORS = {  # what stays for the whole run in greys and blues, what comes and goes in colours; from bottom to top
    Category.PARAMETER: "#334155",
    Category.BUFFER: "#64748b",
    Category.CONSTANT: "#94a3b8",
    Category.OPTIMIZER: "#7c8fc4",
    Category.INPUT: "#0f766e",
    Category.GRADIENT: "#d55e00",
    Category.SAVED: "#0072b2",
    Category.ACTIVATION: "#56b4e9",
    Category.TEMPORARY: "#e6b422",
}
_COLUMNS = 500  # about a point each
_MODULES = 12  # of which it is shown what is alive at the peak


def plot_memory(
    source: Facts | Graph,
    path: str | Path,
    *,
    round_to: int = 1,
    depth: int | None = None,
    sizes: Mapping[str, int] | None = None,
) -> None:
    """Draw the memory of a run to ``path``, an SVG, PNG or PDF file by its suffix.

    On the left the bytes of each category at every kernel, stacked, with the peak and the phases of a training step
    marked; on the right what is alive at the peak, by the module that made or owns it.

    Args:
        source: a graph that was traced with inputs, or its facts.
        path: the file, written whole or not at all.
        round_to: the allocator's granularity, as for `Memory`.
        depth: how deep the modules on the right are; by default as deep as leaves them few enough to show.
        sizes: the size of each symbol, ``{"B": 8}``, of a graph that was traced with symbolic sizes.

    Raises:
        InputError: the suffix is not one of `PLOTS`, no memory was observed, or a symbol has no size.
        MissingDependency: matplotlib is not installed.
    """
    format = format_of(path)
    facts = source if isinstance(source, Facts) else Facts(source)
    memory = facts[Memory(round_to)]
    if memory.peak is None:
        raise InputError(f"no memory was observed in {facts.graph.name!r}: trace it with inputs")
    write_file(path, _draw(_at_sizes(memory, sizes or {}), format, depth))


def _at_sizes(memory: MemoryUse, sizes: Mapping[str, int]) -> MemoryUse:
    names = [symbol.name for symbol in memory.graph.symbols]
    if missing := [name for name in names if name not in sizes]:
        raise InputError(
            f"the memory of {memory.graph.name!r} is a formula in {', '.join(names)}: give sizes={{{missing[0]!r}: 8}} to draw it, or draw a sweep"
        )
    if unknown := sizes.keys() - set(names):
        raise InputError(f"{min(unknown)!r} is not a symbol of {memory.graph.name!r}{suggest(min(unknown), names)}")
    if not names:
        return memory
    at = {storage: int(evaluate(nbytes, **sizes)) for storage, nbytes in memory.sizes.items()}
    return replace(memory, sizes=at)


def _draw(memory: MemoryUse, format: str, depth: int | None) -> bytes:
    with new_figure(12, 5) as figure:
        over_time, at_peak = figure.subplots(1, 2, width_ratios=(2.2, 1))
        _draw_timeline(over_time, memory)
        _draw_alive(at_peak, memory, memory.depth_within(_MODULES) if depth is None else depth)
        figure.suptitle(f"Memory of {memory.graph.name}", fontweight="bold")
        figure.legend(*over_time.get_legend_handles_labels(), loc="outside lower center", ncols=9, frameon=False)
        return figure_bytes(figure, format)


# Over time ------------------------------------------------------------------------------------------------------------


def _draw_timeline(axes: Axes, memory: MemoryUse) -> None:
    steps = _shown_steps(memory)
    categories = [category for category in _COLORS if category in memory.timeline]
    layers = [[int(memory.timeline[category][step]) for step in steps] for category in categories]
    most = max(map(sum, zip(*layers, strict=True)))
    edges = [*steps, max(len(memory.graph.kernels), 1)]
    axes.stackplot(
        edges,
        [[*layer, layer[-1]] for layer in layers],
        labels=[category.value for category in categories],
        colors=[_COLORS[category] for category in categories],
        step="post",
        linewidth=0,
    )
    axes.set_xlim(0, edges[-1])
    axes.set_ylim(0, most * 1.22)  # room for the names of the phases and of the peak
    axes.set_xlabel("kernel")
    axes.locator_params(axis="x", integer=True)
    axes.yaxis.set_major_formatter(lambda nbytes, _: format_quantity(nbytes, "B"))
    axes.set_yticks(_ticks(most))
    axes.grid(axis="y", color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    _mark_phases(axes, memory.graph, most)
    _mark_peak(axes, memory, most)


def _shown_steps(memory: MemoryUse) -> list[int]:
    """Return every step, or the one of equal stretches that holds most: a peak is never left out."""
    total = len(memory.held)
    if total <= _COLUMNS:
        return list(range(total))
    bounds = np.linspace(0, total, _COLUMNS + 1).astype(int)
    return [max(range(start, stop), key=lambda step: int(memory.held[step])) for start, stop in pairwise(bounds)]


def _ticks(most: int) -> list[float]:
    """Return about five round numbers of bytes: 1, 2 or 5 times a power of ten of the unit that the largest is written in."""
    unit = 1024 ** max((power for power in range(8) if 1024**power <= most), default=0)
    step = next(
        size * 10**power for power in range(-1, 4) for size in (1, 2, 5) if most / unit / (size * 10**power) <= 6
    )
    return [count * step * unit for count in range(int(most / unit / step) + 1)]


def _mark_phases(axes: Axes, graph: Graph, most: int) -> None:
    phases = [node.phase for node, _ in graph.walk()]
    if len(set(phases)) < 2:
        return
    # What is computed again lies scattered over the backward pass and belongs to it.
    spans = groupby(phases, key=lambda phase: Phase.BACKWARD if phase is Phase.RECOMPUTE else phase)
    start = 0
    for phase, kernels in spans:
        stop = start + len(list(kernels))
        if start:
            axes.axvline(start, color=INK, linewidth=0.6, linestyle=(0, (4, 3)))
        narrow_end = stop == len(phases) and stop - start < len(phases) / 10
        place, alignment = (stop, "right") if narrow_end else ((start + stop) / 2, "center")
        axes.text(place, most * 1.19, phase.value, ha=alignment, va="top", style="italic", backgroundcolor="white")
        start = stop


def _mark_peak(axes: Axes, memory: MemoryUse, most: int) -> None:
    step, node = memory.peak_step, memory.peak_node
    assert step is not None
    axes.plot([step + 0.5], [most], marker="v", color="#b91c1c", markersize=6, clip_on=False)
    where = f"{format_scope(node.scope)} ({node.op})" if node is not None and node.scope else node.op if node else ""
    axes.annotate(
        f"peak {format_quantity(most, 'B')}  {where}".rstrip(),
        (step + 0.5, most),
        xytext=(0, 7),
        textcoords="offset points",
        ha="left" if step < len(memory.held) / 3 else "right" if step > len(memory.held) * 2 / 3 else "center",
        color="#b91c1c",
        fontweight="bold",
    )


# At the peak ----------------------------------------------------------------------------------------------------------


def _draw_alive(axes: Axes, memory: MemoryUse, depth: int) -> None:
    rows = _alive_by_module(memory, depth)
    shown, rest = rows[:_MODULES], rows[_MODULES:]
    if rest:
        others = sum((parts for _, parts in rest), Counter[Category]())
        shown = [*shown, (f"{len(rest)} more", others)]
    names = [name for name, _ in shown]
    left = np.zeros(len(shown))
    for category, color in _COLORS.items():
        widths = np.array([parts[category] for _, parts in shown], dtype=float)
        axes.barh(range(len(shown)), widths, left=left, color=color, height=0.7)
        left += widths
    for place, total in enumerate(left):
        text = format_quantity(float(total), "B")
        axes.annotate(text, (total, place), xytext=(3, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(range(len(shown)), names)
    axes.set_ylim(max(len(shown), _MODULES // 2) - 0.5, -0.5)
    axes.set_xlim(0, max(left) * 1.25)
    axes.set_xticks([])
    axes.set_title("alive at the peak", fontsize=9, style="italic")
    axes.spines[["top", "right", "bottom"]].set_visible(False)


def _alive_by_module(memory: MemoryUse, depth: int) -> list[tuple[str, Counter[Category]]]:
    """Return what is alive at the peak by module, at most ``depth`` deep, and category; the largest first."""
    found: dict[str, Counter[Category]] = {}
    for holding in memory.alive_at_peak:
        name = format_scope(holding.scope[:depth]) or "the model itself"
        found.setdefault(name, Counter())[holding.storage.category] += int(holding.nbytes)
    return sorted(found.items(), key=lambda row: row[1].total(), reverse=True)
