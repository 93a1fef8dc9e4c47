"""Mermaid: a flowchart for Markdown, in the syntax that versions 10.7 to 12 share."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fxviz.errors import ExportError
from fxviz.exporters.base import Exporter
from fxviz.exporters.drawing.layout import Arrow, Direction, Drawing, Group, Shape, draw
from fxviz.exporters.drawing.palette import CHANGES, COLORS, category_color, color_of, heat_colors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fxviz.views.view import View

__all__ = ["Mermaid"]

# Mermaid's own limits, which a diagram cannot raise: beyond them a page shows an error instead of the picture.
_MOST_EDGES = 500
_MOST_CHARACTERS = 50_000

_LEVELS = 10  # steps of a scale of colours, a class each

# What changes the geometry from version to version is pinned. A theme is not: that would switch off a page's dark mode.
_HEADER = """\
---
config:
  layout: dagre
  look: classic
  flowchart:
    wrappingWidth: 360
---"""
# What Mermaid takes for Markdown, HTML, an icon, a formula or syntax: all of ASCII but letters, digits, blanks and a few
# signs, of which dot, underscore and colon are harmless only inside "layer1.0", "scaled_dot", "conv1: conv2d".
_RISKY = re.compile(r"(?!(?<=[A-Za-z0-9])(?:[._](?=[A-Za-z0-9])|:(?= )))[\x00-\x7f](?<![A-Za-z0-9 ,=/])")
# Where Mermaid finds, even escaped, a line break (\n), a formula ($$) or an icon (fa:fa-car): an invisible sign parts them.
_DECODED_TOO_EARLY = re.compile(r"(?<=\\)(?=n)|(?<=\$)(?=\$)|(?<=:)(?=fa-)")


@dataclass(frozen=True)
class Mermaid(Exporter):
    """Writes a view as Mermaid text for Markdown, legible on light and on dark pages.

    An open scope has a title and no numbers: Mermaid keeps no room for them.

    A view beyond Mermaid's limits of 500 edges and 50,000 characters is decided again with a smaller budget, as large as fits;
    the footer says so.
    """

    language = "mermaid"

    direction: Direction = "TB"
    """Whether arrows run from top to bottom or from left to right."""
    fan_out: int = 8
    """A source with more arrows than this is named beside those that read it, instead of all arrows but the first."""
    fan_in: int = 8
    """The sources of a target with more arrows than this are named beside it, instead of all arrows but the last."""

    def export(self, view: View) -> str:
        """Return the diagram, without a Markdown fence around it.

        Raises `ExportError` for a view beyond Mermaid's limits that has no ``spec`` to decide it again from.
        """
        size = self._write(view)
        if size.fits or view.spec is None:
            return size.checked()
        seen = sum(1 for _ in view.walk())
        budget = math.ceil(seen * size.share)
        while True:
            less = view.with_budget(budget)
            shown = sum(1 for _ in less.walk())
            size = self._write(less, f"{shown:,} of {seen:,} boxes, as far as Mermaid's limits allow")
            if size.fits or budget == 1:
                return size.checked()
            budget = math.ceil(budget * min(0.9, size.share))

    def _write(self, view: View, note: str = "") -> _Written:
        drawing = draw(view, self.fan_out, self.fan_in)
        if note:
            drawing = replace(drawing, footer=" · ".join(filter(None, (note, drawing.footer))))
        return _Written("\n".join(self._lines(drawing)) + "\n", len(drawing.arrows))

    def _lines(self, drawing: Drawing) -> Iterator[str]:
        yield _HEADER
        yield f"flowchart {self.direction}"
        yield from self._children(drawing.children, "  ")
        yield from (f"  {_link(arrow)}" for arrow in drawing.arrows)
        if drawing.legend:
            for place, name in enumerate(drawing.legend.names):
                yield f"  legend{place}[{_label(name, ())}]:::category{place}"
        if footer := _footer(drawing):
            yield f"  footer[{_label(footer[0], footer[1:])}]:::footer"
        yield from (f"  {line}" for line in _styles(drawing))

    def _children(self, children: tuple[Shape | Group, ...], indent: str) -> Iterator[str]:
        for child in children:
            if isinstance(child, Shape):
                yield f"{indent}{_node(child)}"
                continue
            # Mermaid keeps room for one line in the head of a subgraph: more would lie on top of what is inside.
            yield f"{indent}subgraph {child.id}[{_label(child.title, ())}]"
            yield f"{indent}  direction {self.direction}"
            yield from self._children(child.children, f"{indent}  ")
            yield f"{indent}end"


@dataclass(frozen=True)
class _Written:
    """A diagram, and whether it is within Mermaid's limits."""

    text: str
    edges: int

    @property
    def share(self) -> float:
        """Return how much of it Mermaid draws: 1 and more for all."""
        return min(_MOST_EDGES / max(1, self.edges), _MOST_CHARACTERS / len(self.text))

    @property
    def fits(self) -> bool:
        return self.share >= 1

    def checked(self) -> str:
        if not self.fits:
            raise ExportError(
                f"Mermaid draws at most {_MOST_EDGES} edges and {_MOST_CHARACTERS:,} characters, and this view has "
                f"{self.edges:,} edges and {len(self.text):,} characters; show less (a smaller depth, folding), or write SVG"
            )
        return self.text


def _node(shape: Shape) -> str:
    label = _label(shape.title, () if shape.form == "reference" else shape.lines)
    match shape.form:
        case "value":
            drawn = f"([{label}])"
        case "weight":
            drawn = f"[({label})]"
        case "scope" if shape.stacked:
            drawn = f"[[{label}]]"
        case "scope":
            drawn = f"[{label}]"
        case _:
            drawn = f"({label})"
    return f"{shape.id}{drawn}:::{_class(shape)}"


def _link(arrow: Arrow) -> str:
    label = f"|{_label(arrow.label, ())}|" if arrow.label else ""
    return f"{arrow.source.id} -->{label} {arrow.target.id}"


def _footer(drawing: Drawing) -> tuple[str, ...]:
    legend = drawing.legend
    scale = f"the darker, the more {legend.label}: {legend.least} to {legend.most}" if legend and legend.most else ""
    return tuple(filter(None, (scale, drawing.footer)))


def _styles(drawing: Drawing) -> Iterator[str]:
    """Write the classes that are used. Fills are translucent and no text colour is set, so that light and dark themes show."""
    shapes, groups = _flatten(drawing.children)
    for level in sorted({_level(shape.heat) for shape in shapes if shape.heat is not None}):
        # Opaque, with a text colour that suits it in any theme.
        fill, ink = heat_colors(level / _LEVELS)
        yield f"classDef heat{level} fill:{fill},color:{ink},stroke:{color_of('scope')}"
    for place in sorted(_categories(drawing)):
        color = category_color(place)
        yield f"classDef category{place} fill:{color}55,stroke:{color}"
    plain = [shape for shape in shapes if shape.heat is None and shape.category is None]
    for name, color in sorted({_class(shape): color_of(shape.kind) for shape in plain}.items()):
        match name:
            case "reference":
                yield f"classDef {name} fill:#ffffff00,stroke:{color_of('scope')},stroke-dasharray:4 3"
            case "scope":
                yield f"classDef {name} fill:{color}1f,stroke:{color}"
            case _:
                yield f"classDef {name} fill:{color}33,stroke:{color}"
    if _footer(drawing):
        yield "classDef footer fill:#ffffff00,stroke-width:0px,font-size:12px"
    alike: dict[tuple[str, bool], list[str]] = {}
    for group in groups:
        alike.setdefault((group.kind if group.kind in CHANGES else "scope", group.stacked), []).append(group.id)
    for (kind, stacked), ids in sorted(alike.items()):
        name = ("folded" if stacked else "open") + (kind.title() if kind != "scope" else "")
        width = "3px" if stacked else "1px"
        yield f"classDef {name} fill:{color_of('scope')}12,stroke:{color_of(kind)},stroke-width:{width}"
        yield f"class {','.join(ids)} {name}"


def _categories(drawing: Drawing) -> set[int]:
    """Return the indices into the legend of all names in it."""
    return {*range(len(drawing.legend.names))} if drawing.legend else set()


def _class(shape: Shape) -> str:
    if shape.form == "reference":
        return "reference"
    if shape.category is not None:
        return f"category{shape.category}"
    if shape.heat is not None:
        return f"heat{_level(shape.heat)}"
    return shape.kind if shape.kind in COLORS else "other"


def _level(heat: float) -> int:
    return round(heat * _LEVELS)


def _flatten(children: tuple[Shape | Group, ...]) -> tuple[list[Shape], list[Group]]:
    shapes, groups = [], []
    for child in children:
        if isinstance(child, Shape):
            shapes.append(child)
            continue
        inner_shapes, inner_groups = _flatten(child.children)
        shapes += inner_shapes
        groups += [child, *inner_groups]
    return shapes, groups


def _label(title: str, lines: tuple[str, ...]) -> str:
    return '"' + "<br/>".join(_escape(line) for line in (title or " ", *lines)) + '"'


def _escape(text: str) -> str:
    return _RISKY.sub(lambda risky: f"#{ord(risky[0])};", _DECODED_TOO_EARLY.sub("\N{WORD JOINER}", text))
