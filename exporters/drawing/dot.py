"""DOT, the language of Graphviz: nested clusters, colours by kind, and everything else in tooltips."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pydot

from fxviz.exporters.base import Exporter
from fxviz.exporters.drawing.layout import Arrow, Direction, Drawing, Group, Legend, Shape, draw
from fxviz.exporters.drawing.palette import CHANGES, INK, category_color, color_of, heat_colors, tint

if TYPE_CHECKING:
    from fxviz.views.view import View

__all__ = ["FONT", "Dot"]

FONT = "Arial"  # one of the few whose widths every Graphviz and every browser knows alike
_FAINT, _FAINT_ON_DARK = "#64748b", "#d5e7e5"  # the lines under titles
_LINE = "#64748b"
_CATEGORY = 0.3  # how strong the fill of a category is


@dataclass(frozen=True)
class Dot(Exporter):
    """Writes a view as DOT text, for ``dot`` of Graphviz 2.43 and later and for whatever else reads the language."""

    language = "dot"

    direction: Direction = "TB"
    """Whether arrows run from top to bottom or from left to right."""
    fan_out: int = 8
    """A source with more arrows than this is named beside those that read it, instead of all arrows but the first."""
    fan_in: int = 8
    """The sources of a target with more arrows than this are named beside it, instead of all arrows but the last."""

    def export(self, view: View) -> str:
        """Return the DOT text."""
        return self.graph(view).to_string()

    def graph(self, view: View) -> pydot.Dot:
        """Return the same as a graph of pydot, to change further."""
        drawing = draw(view, self.fan_out, self.fan_in)
        graph = self._canvas(drawing)
        _fill(graph, drawing.children)
        for arrow in drawing.arrows:
            graph.add_edge(_edge(arrow))
        return graph

    def _canvas(self, drawing: Drawing) -> pydot.Dot:
        graph = pydot.Dot(
            _quote(drawing.title),
            graph_type="digraph",
            rankdir=self.direction,
            # Bounds the search for x coordinates, which else takes minutes where arrows are long.
            nslimit="1",
            fontname=FONT,
            bgcolor="white",
            pad="0.2",
            nodesep="0.3",
            ranksep="0.35",
            labelloc="b",
            fontsize="10",
            fontcolor=_quote(INK),
            tooltip=_tooltip(drawing.tooltip),
        )
        font = {"fontname": FONT, "fontcolor": _quote(INK)}
        graph.set_node_defaults(
            shape="box", style=_quote("rounded,filled"), fontsize="12", margin=_quote("0.14,0.07"), height="0.3", **font
        )
        graph.set_edge_defaults(color=_quote(_LINE), arrowsize="0.6", fontsize="9", **font)
        if drawing.footer or drawing.legend:
            graph.set("label", _footer(drawing.footer, drawing.legend))
        return graph


def _footer(text: str, legend: Legend | None) -> str:
    """Return an HTML-like label: the scale of colours, and under it what is not shown."""
    if legend is None:
        return _label(text, (), bold=False)
    row = _names(legend) if legend.names else _scale(legend)
    table = '<table border="0" cellborder="0" cellspacing="0" cellpadding="3">'
    text_row = f"<tr><td>{_escape(text)}</td></tr>" if text else ""
    return f"<{table}<tr><td>{table}<tr>{row}</tr></table></td></tr>{text_row}</table>>"


def _scale(legend: Legend) -> str:
    steps = "".join(f'<td bgcolor="{heat_colors(step / 8)[0]}" width="14"></td>' for step in range(9))
    return f"<td>{_escape(legend.label)}: {_escape(legend.least)}</td>{steps}<td>{_escape(legend.most)}</td>"


def _names(legend: Legend) -> str:
    cells = "".join(
        f'<td bgcolor="{tint(category_color(place), _CATEGORY)}" border="1" color="{category_color(place)}" '
        f'width="14" height="10" fixedsize="true"></td><td>{_escape(name)} </td>'
        for place, name in enumerate(legend.names)
    )
    return f"<td>{_escape(legend.label)}: </td>{cells}"


def _fill(graph: pydot.Graph, children: tuple[Shape | Group, ...]) -> None:
    for child in children:
        if isinstance(child, Shape):
            graph.add_node(_node(child))
            continue
        cluster = pydot.Subgraph(
            f"cluster_{child.id}",
            # One number a line: arrows that enter in the middle would cross a longer one.
            label=_label(child.title, tuple(part for line in child.lines for part in line.split(" · ")), align="left"),
            tooltip=_tooltip(child.tooltip),
            style=_quote("rounded,filled"),
            # Translucent, so that deeper scopes come out darker.
            fillcolor=_quote("#64748b12"),
            color=_quote(CHANGES.get(child.kind, color_of("scope") if child.stacked else "#94a3b8")),
            penwidth="2" if child.stacked else "1",
            margin="10",
            labelloc="t",
            labeljust="l",
            fontsize="12",
        )
        _fill(cluster, child.children)
        graph.add_subgraph(cluster)


def _node(shape: Shape) -> pydot.Node:
    color = color_of(shape.kind) if shape.category is None else category_color(shape.category)
    attributes: dict[str, Any] = {
        "label": _label(shape.title, shape.lines),
        "tooltip": _tooltip(shape.tooltip),
        "color": _quote(color),
        "fillcolor": _quote(tint(color, 0.15)),
    }
    match shape.form:
        case "scope":
            share = 0.15 if shape.kind in CHANGES.keys() - {"kept"} else 0.06
            attributes |= {"fillcolor": _quote(tint(color, share)), "penwidth": "1.5"}
        case "value":
            label = _label(shape.title, shape.lines, faint=_FAINT_ON_DARK)
            attributes |= {"label": label, "fontcolor": "white", "fillcolor": _quote(color)}
        case "weight":
            attributes |= {"fontsize": "10", "margin": _quote("0.08,0.03"), "height": "0.2", "style": _quote("filled")}
        case "reference":
            attributes |= {
                "label": _label(shape.title, (), bold=False),
                "fontsize": "10",
                "style": _quote("rounded,dashed"),
                "margin": _quote("0.08,0.03"),
                "height": "0.2",
            }
    if shape.category is not None:
        attributes["fillcolor"] = _quote(tint(color, _CATEGORY))
    if shape.heat is not None:
        fill, ink = heat_colors(shape.heat)
        label = _label(shape.title, shape.lines, faint=ink)
        attributes |= {"label": label, "fontcolor": _quote(ink), "fillcolor": _quote(fill), "color": _quote(_LINE)}
    if shape.stacked:
        attributes["peripheries"] = "2"
    return pydot.Node(shape.id, **attributes)


def _edge(arrow: Arrow) -> pydot.Edge:
    attributes: dict[str, Any] = {"edgetooltip": _tooltip(arrow.tooltip)}
    if arrow.label:
        attributes |= {"label": _quote(f" {arrow.label}"), "labeltooltip": _tooltip(arrow.tooltip)}
    return pydot.Edge(arrow.source.id, arrow.target.id, **attributes)


def _label(title: str, lines: tuple[str, ...], *, bold: bool = True, align: str = "center", faint: str = _FAINT) -> str:
    """Return an HTML-like label: the title, and smaller lines under it."""
    head = f"<b>{_escape(title)}</b>" if bold else _escape(title)
    rest = (f'<font point-size="10" color="{faint}">{_escape(line)}</font>' for line in lines)
    end = f'<br align="{align}"/>'
    return f"<{end.join((head, *rest))}{end}>"


def _quote(text: str) -> str:
    return f'"{_escape(text)}"'


def _tooltip(text: str) -> str:
    """Quote text for a tooltip, where Graphviz removes backslashes twice."""
    return _quote(text.replace("\\", "\\\\")).replace("\n", "&#10;")


def _escape(text: str) -> str:
    """Escape text for any label, quoted or HTML-like; empty text becomes a blank, for which Graphviz would put the node's id."""
    return html.escape(text).replace("\\", "\\\\") or "&#160;"
