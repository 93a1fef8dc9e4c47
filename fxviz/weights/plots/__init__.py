"""Draw parameters with matplotlib: one kind of picture in each file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from fxviz.errors import InputError
from fxviz.exporters.figures.figure import format_of
from fxviz.files import write_file
from fxviz.plugins import suggest
from fxviz.weights.plots.heat import draw_heat
from fxviz.weights.plots.kernels import draw_kernels
from fxviz.weights.plots.norms import draw_norms
from fxviz.weights.plots.ridge import draw_ridge

if TYPE_CHECKING:
    from pathlib import Path

    from fxviz.weights.rows import Rows

__all__ = ["KINDS", "Kind", "plot_parameters"]

Kind: TypeAlias = Literal["ridge", "heat", "kernels", "norms"]

KINDS = {"ridge": draw_ridge, "heat": draw_heat, "kernels": draw_kernels, "norms": draw_norms}


def plot_parameters(table: Rows, path: str | Path, kind: Kind = "ridge", name: str | None = None) -> None:
    """Draw a picture of parameters to ``path``, an SVG, PNG or PDF file by its suffix, written whole or not at all.

    Args:
        table: the parameters to draw. A picture of one tensor reads its values when it is drawn.
        path: the file to write.
        kind: ``"ridge"``, the distribution of the values of each weight (of each module if there are many); ``"heat"``,
            one tensor as a map, in which a cell of many elements has their root mean square; ``"kernels"``, the kernels
            of a convolution, as colours if it reads three channels; ``"norms"``, the norm of each row, in an embedding
            of each token.
        name: the tensor; for a ridge also a module, to draw the weights inside. By default a ridge is of the whole
            model, a heat map of the largest matrix, kernels of the first convolution with more than one point, and
            norms of the matrix with the most rows.

    Raises:
        InputError: the kind or the tensor does not exist, no tensor can be drawn so, or the suffix is not one of
            `PLOTS`.
        MissingDependency: matplotlib is not installed.
    """
    format = format_of(path)
    if kind not in KINDS:
        raise InputError(f"no picture {kind!r} of parameters{suggest(kind, KINDS)}")
    write_file(path, KINDS[kind](table, format, name))
