"""What all figures have in common: formats, look, and the same bytes for the same figure."""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fxviz.errors import InputError, MissingDependency

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.figure import Figure

__all__ = ["FAINT", "INK", "PLOTS", "figure_bytes", "format_of", "new_figure"]

PLOTS = (".svg", ".png", ".pdf")
"""The suffixes of what matplotlib writes."""

INK = "#334155"
FAINT = "#cbd5e1"


def format_of(path: str | Path, suffixes: Sequence[str] = PLOTS) -> str:
    """Return the format that the suffix of ``path`` names, for matplotlib; `InputError` if it is not one of ``suffixes``."""
    suffix = Path(path).suffix.lower()
    if suffix not in suffixes:
        raise InputError(f"cannot draw {str(path)!r}: name a file that ends in {', '.join(suffixes)}")
    return suffix[1:]


@contextmanager
def new_figure(width: float, height: float) -> Iterator[Figure]:
    """Make a figure of so many inches, to draw and save within the context, where matplotlib's settings are ours.

    It is not one of pyplot's, which keeps figures and chooses a window system for the whole process.
    """
    try:
        import matplotlib
        import matplotlib.figure
    except ImportError as error:
        raise MissingDependency("drawing needs matplotlib: pip install 'fxviz[plot]'") from error
    settings: dict[Any, Any] = {
        "svg.hashsalt": "fxviz",  # else names in the file are random
        "svg.fonttype": "none",  # text as text
        "font.family": "sans-serif",
        "font.size": 9,
        "text.color": INK,
        "text.parse_math": False,  # a name with dollars is a name
        "axes.edgecolor": FAINT,
        "axes.labelcolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
    }
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a name in a script that the font lacks
        yield matplotlib.figure.Figure(figsize=(width, height), layout="constrained", facecolor="white")


def figure_bytes(figure: Figure, format: str) -> bytes:
    """Return the file of a figure, without its date."""
    file = io.BytesIO()
    dated = {"CreationDate": None} if format == "pdf" else {"Date": None} if format == "svg" else {}
    figure.savefig(file, format=format, dpi=144, metadata=dated)
    return file.getvalue()
