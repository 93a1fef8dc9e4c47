"""Collect the memory of a model for the page: the timeline, its peak, and the modules alive at it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from fxviz.analysis.facts import at_large
from fxviz.ir import Phase, format_scope
from fxviz.passes.memory import Memory
from fxviz.text.quantity import format_quantity

if TYPE_CHECKING:
    from fxviz.analysis.facts import Facts
    from fxviz.ir import Node
    from fxviz.passes.memory import MemoryUse

__all__ = ["inference_data", "training_data"]

Data: TypeAlias = dict[str, Any]

_MOMENTS = 1200  # on the timeline: more than a screen has columns
_MODULES = 12  # at most, that are listed as alive at the peak


def inference_data(facts: Facts, timeline: Data | None) -> Data | None:
    """Return the memory of a graph, with the ``timeline`` of the viewer's data; None if none was observed."""
    memory = facts[Memory()]
    return None if memory.peak is None else _data("Inference", memory, timeline)


def training_data(facts: Facts) -> Data:
    """Return the memory of a training step that was traced with static sizes."""
    memory = facts[Memory()]
    return _data("A training step", memory, _timeline(memory))


def _data(title: str, memory: MemoryUse, timeline: Data | None) -> Data:
    assert memory.peak is not None
    by_scope = memory.at_peak_by_scope(memory.depth_within(_MODULES))
    whole = at_large(memory.peak)
    alive = sorted(by_scope.items(), key=lambda pair: at_large(pair[1]), reverse=True)
    return {
        "title": title,
        "peak": format_quantity(memory.peak, "B"),
        "categories": [
            [category.value, format_quantity(nbytes, "B")] for category, nbytes in memory.peak_by_category.items()
        ],
        "alive": [
            {
                "name": format_scope(scope),
                "text": format_quantity(nbytes, "B"),
                "share": round(float(at_large(nbytes) / whole), 4),
            }
            for scope, nbytes in alive
        ],
        "timeline": timeline,
    }


def _timeline(memory: MemoryUse) -> Data:
    """Return a timeline in the form of `fxviz.exporters.html.viewer_data`, with paths of modules instead of routes."""
    ran = [*memory.graph.walk()]
    moments = [step for step in memory.moments(_MOMENTS) if step < len(ran)]
    return {
        "steps": moments,
        "last": len(ran) - 1,
        "categories": [
            {"name": category.value, "amounts": [int(course[step]) for step in moments]}
            for category, course in memory.timeline.items()
        ],
        "moments": [
            {
                "name": ": ".join(filter(None, (_path(node), node.op))),
                "kernel": kernel.op,
                "phase": node.phase.value,
                "path": _path(node),
            }
            for node, kernel in map(ran.__getitem__, moments)
        ],
    }


def _path(node: Node) -> str:
    """Return the path of an operation's module; in a backward pass, of the module whose gradient it computes."""
    return format_scope(node.scope if node.phase is Phase.FORWARD else node.scope[1:])
