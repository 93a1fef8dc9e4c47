"""The colours of the drawings: one hue a kind of operation, dark enough for a border and a good tint when mixed with white.

The hues are by Okabe and Ito, and distinct for most colour-blind readers; kinds that only move data are
grey. Colour never stands alone: every title says what the thing is.
"""

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["CHANGES", "COLORS", "INK", "category_color", "color_of", "heat_colors", "tint"]

INK = "#1e293b"
"""The colour of text on white and on what is nearly white."""

CHANGES: Mapping[str, str] = MappingProxyType(
    {"added": "#009988", "removed": "#cc3311", "changed": "#b8860b", "moved": "#0077bb", "kept": "#94a3b8"}
)
"""The colours of what became of a thing, where two graphs are drawn as one: Tol's *vibrant*, and a darker amber."""

COLORS: Mapping[str, str] = MappingProxyType(
    {
        **CHANGES,
        "matrix": "#0072b2",
        "attention": "#d55e00",
        "normalization": "#b4578c",
        "activation": "#009e73",
        "pool": "#3a9bd1",
        "embedding": "#b8860b",
        "reduction": "#6f5bb5",
        "random": "#8c6d46",
        "elementwise": "#64748b",
        "shape": "#94a3b8",
        "data": "#94a3b8",
        "other": "#94a3b8",
        "scope": "#475569",
        "input": "#0f766e",
        "output": "#0f766e",
        "weight": "#8c6d46",
    }
)
"""The border colour of each kind (see `fxviz.View.kind`), as ``#rrggbb``."""


def color_of(kind: str) -> str:
    """Return the border colour of a kind; an unknown one looks like ``"other"``."""
    return COLORS.get(kind, COLORS["other"])


def heat_colors(share: float) -> tuple[str, str]:
    """Return the fill for a share from 0 to 1, and the colour of text on it: Crameri's *lajolla*, even steps for every eye.

    The near-black end is left out, so that the darkest fill stands out from a dark page too.

    >>> heat_colors(0.0), heat_colors(1.0)
    (('#fffecb', '#1e293b'), ('#653329', '#ffffff'))
    """
    from cmap import Colormap  # only where a picture is coloured by a number: it takes a third of a second

    color = Colormap("crameri:lajolla_r")(0.75 * share)
    return color.hex.lower(), INK if color.hsl.l > 0.5 else "#ffffff"


def category_color(place: int) -> str:
    """Return the border colour of the category at ``place`` in a list: Tol's *bright*, for most colour-blind readers; then grey.

    >>> category_color(0), category_color(1), category_color(99)
    ('#4477aa', '#ee6677', '#bbbbbb')
    """
    from cmap import Colormap  # as above

    colors = [stop.hex.lower() for stop in Colormap("tol:bright").color_stops.colors]
    # The hues that lie farthest apart come first.
    order = [colors[at] for at in (0, 4, 2, 3, 5, 1)]
    return order[place] if place < len(order) else colors[-1]


def tint(color: str, share: float) -> str:
    """Return ``color`` mixed with white; ``share`` of it stays.

    >>> tint("#0072b2", 0.25), tint("#0072b2", 0.0)
    ('#bfdcec', '#ffffff')
    """
    channels = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(255 - share * (255 - channel)):02x}" for channel in channels)
