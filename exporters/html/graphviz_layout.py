"""Layout by Graphviz: many small drawings, each laid out by itself, in several processes at once."""

from __future__ import annotations

import html
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fxviz.errors import ExportError
from fxviz.exporters.drawing.graphviz import run_graphviz
from fxviz.exporters.html.layout import Layout, Place, Point, is_pinned, shapes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fxviz.exporters.drawing.layout import Arrow, Drawing, Shape

__all__ = ["GraphvizLayout"]

_INCH = 72  # points; Graphviz gives sizes in inches, positions in points
_FEW = 8  # drawings, for which a process of their own does not pay


@dataclass(frozen=True)
class GraphvizLayout:
    """Lays drawings out with ``dot``, from top to bottom; equal ones once.

    Raises what `fxviz.exporters.drawing.graphviz.run_graphviz` raises.
    """

    timeout: float = 300
    """Seconds after which Graphviz is stopped."""

    def lay_out(self, drawings: Sequence[Drawing]) -> tuple[Layout, ...]:
        """Return the layout of each drawing."""
        texts = [_dot(drawing) for drawing in drawings]
        distinct = sorted(dict.fromkeys(texts), key=len, reverse=True)
        workers = max(1, min(os.cpu_count() or 1, len(distinct) // _FEW))
        batches = [distinct[worker::workers] for worker in range(workers)]
        with ThreadPoolExecutor(workers) as pool:
            answers = [*pool.map(lambda batch: _run(batch, self.timeout), batches)]
        found = {
            text: one
            for batch, answer in zip(batches, answers, strict=True)
            for text, one in zip(batch, answer, strict=True)
        }
        return tuple(_layout(drawing, found[text]) for drawing, text in zip(drawings, texts, strict=True))


def _run(texts: Sequence[str], timeout: float) -> list[Mapping[str, Any]]:
    """Return what one process says of several drawings."""
    said = run_graphviz("\n".join(texts), ("-Tjson0",), timeout).decode(errors="replace")
    found = [*_documents(said)]
    if len(found) != len(texts):
        raise ExportError(f"Graphviz laid out {len(found)} of {len(texts)} drawings; install another version of it")
    return found


def _documents(text: str) -> Iterator[Mapping[str, Any]]:
    """Read JSON documents that follow each other."""
    decoder = json.JSONDecoder(strict=False)  # Graphviz does not escape control characters
    at = 0
    while start := text.find("{", at) + 1:
        document, at = decoder.raw_decode(text, start - 1)
        yield document


def _dot(drawing: Drawing) -> str:
    """Write the drawing as far as it matters for where things are."""
    lines = [
        "digraph {",
        # nslimit bounds the search for x coordinates, which else takes minutes where arrows are long.
        'graph [nslimit="1", nodesep="0.3", ranksep="0.35"];',
        'node [shape="box", fontname="Helvetica", fontsize="12", margin="0.2,0.11", height="0.35"];',
        'edge [fontname="Helvetica", fontsize="9", arrowsize="0.6"];',
    ]
    lines += [_node(shape) for shape in shapes_of(drawing)]
    lines += [_rank("source", drawing, "input"), _rank("sink", drawing, "output")]
    lines += [_edge(number, arrow) for number, arrow in enumerate(drawing.arrows)]
    return "\n".join([*lines, "}"])


def _node(shape: Shape) -> str:
    if shape.form == "reference":
        return f'{shape.id} [label=<{_escape(shape.title)}>, fontsize="10", margin="0.08,0.03", height="0.2"];'
    if shape.form in ("value", "weight"):
        return f'{shape.id} [label=<{_rows(shape)}>, margin="0.12,0.05", height="0.25"];'
    return f"{shape.id} [label=<{_rows(shape)}>];"


def _rank(rank: str, drawing: Drawing, kind: str) -> str:
    """Put what comes in above all else, and what goes out below, where the arrows that lead there cross the border."""
    ids = " ".join(f"{shape.id};" for shape in shapes_of(drawing) if shape.form == "value" and shape.kind == kind)
    return f"{{rank={rank}; {ids}}}" if is_pinned(drawing, kind) else ""


def _rows(shape: Shape) -> str:
    """Write the title, and smaller lines under it."""
    lines = (f'<font point-size="10">{_escape(line)}</font>' for line in shape.lines)
    return "<br/>".join((f"<b>{_escape(shape.title)}</b>", *lines))


def _edge(number: int, arrow: Arrow) -> str:
    label = f", label=<{_escape(arrow.label)}>" if arrow.label else ""
    return f'{arrow.source.id} -> {arrow.target.id} [id="{number}"{label}];'


def _escape(text: str) -> str:
    return html.escape(text).replace("\\", "&#92;") or "&#160;"


def _layout(drawing: Drawing, found: Mapping[str, Any]) -> Layout:
    _, _, width, height = map(float, found["bb"].split(","))

    def point(text: str) -> Point:
        x, y = map(float, text.split(","))
        return x, height - y

    def spline(text: str) -> tuple[Point, ...]:
        # "e,x,y x,y x,y …": the tip, then the control points
        tip, *controls = text.removeprefix("e,").split(" ")
        return (*map(point, controls), point(tip))

    nodes = {node["name"]: node for node in found.get("objects", ())}
    edges = {int(edge["id"]): edge for edge in found.get("edges", ())}
    shapes = [nodes[shape.id] for shape in shapes_of(drawing)]
    arrows = [edges[number] for number in range(len(drawing.arrows))]
    return Layout(
        width,
        height,
        tuple(
            Place(*point(node["pos"]), float(node["width"]) * _INCH, float(node["height"]) * _INCH) for node in shapes
        ),
        tuple(spline(edge["pos"]) for edge in arrows),
        tuple(point(edge["lp"]) if "lp" in edge else None for edge in arrows),
    )
