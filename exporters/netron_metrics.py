"""Netron's attachment: the numbers of every operation, to lay over a file of the model that is open in Netron.

For files that fxviz did not write: an ONNX file that was traced by its path, or a ``.pt2`` program. Open the model in
Netron with *Open*, then this file, and the numbers stand under *Metrics* in the panel of each operation. Netron finds
operations by name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fxviz.exporters.base import Exporter
from fxviz.exporters.onnx.view.metadata import measure, summarize
from fxviz.importers.onnx.format import clean_text
from fxviz.ir import format_scope

if TYPE_CHECKING:
    from fxviz.ir import Node
    from fxviz.views.view import View

__all__ = ["NetronMetrics"]


@dataclass(frozen=True)
class NetronMetrics(Exporter):
    """Writes the numbers of a view for all operations of its graph; those that are not known are left out."""

    whole = True
    drawn = False
    language = "json"

    def export(self, view: View) -> str:
        """Return the attachment, as JSON."""
        totals = summarize(view)
        labels = [metric.label for metric in view.metrics]
        about = [_entry("model", "", name, fact) for name, fact in totals.items() if name not in labels]
        metrics = [_entry("model", "", name, fact) for name, fact in totals.items() if name in labels]
        for node in view.graph.nodes:
            known = [metric for metric in view.metrics if metric.at(node) is not None]
            amounts = measure(known, node)
            metrics.extend(_entry("node", name, *amount) for name in _names(node) for amount in amounts.items())
        attachment = {"signature": "netron:attachment", "metadata": about, "metrics": metrics}
        return json.dumps(attachment, separators=(",", ":"))


def _names(node: Node) -> list[str]:
    """Return the names of a node in the file that was traced, and in the one that the `Onnx` exporter writes."""
    within = f"{format_scope(node.scope)}/{node.name}" if node.scope else node.name
    return [name.partition("\n")[0] for name in dict.fromkeys((node.name, clean_text(within)))]


def _entry(kind: str, target: str, name: str, value: str) -> dict[str, str]:
    return {"kind": kind, "target": target, "name": name, "value": value}
