"""The operations that cost the most, as lines under a summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.facts import at_large
from fxviz.ir import format_scope
from fxviz.text.quantity import format_quantity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fxviz.analysis.facts import Metric
    from fxviz.ir import Dim, Graph, Node

__all__ = ["ranking_lines"]


def ranking_lines(graph: Graph, metric: Metric, most: int) -> Iterator[str]:
    """Yield a heading, and a line for each of the ``most`` operations with most of a metric, the largest first.

    Each has the path of its module, the operator, the amount, and where all is a number the share of the whole. Operations
    of which nothing is known, or that have none of it, are left out.
    """
    amounts = {node: amount for node in graph.nodes if (amount := metric.at(node)) is not None and amount != 0}
    largest = sorted(amounts, key=lambda node: at_large(amounts[node]), reverse=True)[:most]
    yield f"Top {len(largest)} of {len(graph.nodes)} operations by {metric.label}"
    names = [_name(node) for node in largest]
    texts = [format_quantity(amounts[node], metric.unit) for node in largest]
    wide, broad = (max(map(len, words), default=0) for words in (names, texts))
    total = metric.at(())
    for node, name, text in zip(largest, names, texts, strict=True):
        yield f"  {name:<{wide}}  {text:>{broad}}{_share(amounts[node], total)}"


def _name(node: Node) -> str:
    return f"{format_scope(node.scope)} ({node.op})" if node.scope else node.op


def _share(amount: Dim, total: Dim | None) -> str:
    return f"  {100 * amount / total:5.1f} %" if isinstance(amount, int) and isinstance(total, int) and total else ""
