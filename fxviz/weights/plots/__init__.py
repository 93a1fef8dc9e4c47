"""Pictures of parameters, drawn by matplotlib: one kind a file."""

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
        table: what to draw. Pictures of one tensor read its values when they are drawn.
        path: the file.
        kind: ``"ridge"``, the distribution of the values of each weight (by module where they are many); ``"heat"``, one
            tensor as a map, each cell the root mean square of those that it stands for where there are more than a picture
            can hold; ``"kernels"``, the kernels of a convolution, as colours where it reads three channels; ``"norms"``, the
            norm of each row, of an embedding for each token.
        name: which tensor; for a ridge a module, for the weights below it. By default the largest matrix, the first
            convolution with kernels larger than a point, the matrix with the most rows, and the whole model.

    Raises:
        InputError: there is no such kind or tensor, or none with values to draw so; the suffix is none of `PLOTS`.
        MissingDependency: matplotlib is not installed.
    """
    format = format_of(path)
    if kind not in KINDS:
        raise InputError(f"no picture {kind!r} of parameters{suggest(kind, KINDS)}")
    write_file(path, KINDS[kind](table, format, name))
