"""For the tests of a model: its graph is what it was, and its costs stay within limits.

Nothing here needs pytest: a failure is an `AssertionError` that says what changed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from fxviz.analysis.facts import Facts
from fxviz.comparison import diff
from fxviz.ir import Graph
from fxviz.ir.serialize import load
from fxviz.output.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["UPDATE", "assert_graph_unchanged", "assert_within"]

UPDATE = "FXVIZ_UPDATE"
"""The environment variable that asks `assert_graph_unchanged` to write its files: ``FXVIZ_UPDATE=1 pytest``."""


def assert_graph_unchanged(
    model: Graph | Facts | Callable[..., object],
    path: str | Path,
    args: Sequence[object] = (),
    kwargs: Mapping[str, object] | None = None,
    *,
    update: bool | None = None,
) -> None:
    """Assert that a graph differs in nothing from the one that was saved at ``path``.

    Args:
        model: A graph, its facts, or a model, which is traced with ``args`` and ``kwargs``.
        path: The graph as it should be, ``tests/golden/net.json``, to be committed with the test.
        args: The model's arguments, as for `fxviz.trace`.
        kwargs: Its keyword arguments.
        update: Write the file where the graph is another one, and pass. By default where the variable ``FXVIZ_UPDATE`` is set.

    Raises `AssertionError` with all that changed, or where there is no file and none is to be written.
    """
    __tracebackhide__ = True
    graph = _graph(model, args, kwargs)
    update = bool(os.environ.get(UPDATE)) if update is None else update
    path = Path(path)
    if not path.exists():
        if not update:
            raise AssertionError(f"there is no graph {path} to compare with; set {UPDATE}=1 to write it, and commit it")
        graph.save(path)
        return
    found = diff(load(path), graph)
    if found.equal:
        return
    if not update:
        raise AssertionError(f"the graph is not the one in {path}; if that is meant, set {UPDATE}=1\n\n{found}")
    graph.save(path)


def assert_within(
    model: Graph | Facts | Callable[..., object],
    args: Sequence[object] = (),
    kwargs: Mapping[str, object] | None = None,
    *,
    max_flops: int | str | None = None,
    max_ops: int | str | None = None,
    max_params: int | str | None = None,
    max_peak: int | str | None = None,
    allow_unknown: bool = False,
) -> None:
    """Assert that a model takes no more than this; see `fxviz.output.limits.Limits`. An operator that cannot be counted fails it.

    Raises `AssertionError` with a line for each limit.
    """
    __tracebackhide__ = True
    limits = Limits(max_flops, max_ops, max_params, max_peak, allow_unknown)
    facts = model if isinstance(model, Facts) else Facts(_graph(model, args, kwargs))
    findings = limits.check(facts)
    if not all(finding.kept for finding in findings):
        raise AssertionError("\n".join((f"{facts.graph.name} does not keep to its limits", *map(str, findings))))


def _graph(
    model: Graph | Facts | Callable[..., object], args: Sequence[object], kwargs: Mapping[str, object] | None
) -> Graph:
    if isinstance(model, Graph):
        return model
    if isinstance(model, Facts):
        return model.graph
    from fxviz.tracing import trace

    return trace(model, tuple(args), dict(kwargs or {}))
