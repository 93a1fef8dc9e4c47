"""What a layout is: where the shapes and arrows of a drawing are, and who says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from fxviz.errors import ExportError
from fxviz.exporters.drawing.layout import Group

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fxviz.exporters.drawing.layout import Drawing, Shape

__all__ = ["Layout", "LayoutEngine", "Place", "Point", "is_pinned", "shapes_of"]

Point: TypeAlias = tuple[float, float]

_MOST_PINNED = 6  # in a row; more would make a drawing as wide as they are together


@dataclass(frozen=True)
class Place:
    """A rectangle by its centre and size, in points; y grows downwards."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Layout:
    """Where everything of one drawing is, in points from its upper left corner.

    ``shapes`` and ``arrows`` run parallel to ``drawing.children`` and ``drawing.arrows``. An arrow is the control points of a cubic Bézier spline
    and, last, its tip. ``labels`` has the centre of the label of each arrow with a label, and None for any other.
    """

    width: float
    height: float
    shapes: tuple[Place, ...]
    arrows: tuple[tuple[Point, ...], ...]
    labels: tuple[Point | None, ...]


class LayoutEngine(Protocol):
    """Says where the shapes of drawings are, and how large: shapes and arrows in, coordinates out."""

    def lay_out(self, drawings: Sequence[Drawing]) -> Sequence[Layout]:
        """Return the layout of each drawing, its arrows from top to bottom. A drawing has no groups: see `shapes_of`."""
        ...


def shapes_of(drawing: Drawing) -> Iterator[Shape]:
    """Iterate over the shapes of a drawing; raise `ExportError` if there is a group among them."""
    for child in drawing.children:
        if isinstance(child, Group):
            raise ExportError("a drawing with groups in it cannot be laid out by itself: close the boxes of its view")
        yield child


def is_pinned(drawing: Drawing, kind: str) -> bool:
    """Return whether all that comes in (``"input"``) or goes out (``"output"``) is at the border, as far as there is room."""
    return sum(shape.form == "value" and shape.kind == kind for shape in shapes_of(drawing)) <= _MOST_PINNED
