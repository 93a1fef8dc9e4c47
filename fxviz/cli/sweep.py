"""``fxviz sweep``: FLOPs and memory over a grid of sizes, and what fits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fxviz.command.amount import fits_option
from fxviz.command.options import MODEL_HELP, command, model_options
from fxviz.command.progress import progress
from fxviz.command.training import training_options
from fxviz.command.writing import check_folder, say_written

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fxviz.command.options import ModelOptions
    from fxviz.command.training import TrainingOptions
    from fxviz.passes.sweep import Grid

__all__ = ["sweep"]

_TABLES = (".csv", ".md")
_COSTS = ("peak", "matrix", "pointwise")


@command(
    model_options,
    click.argument("sizes", nargs=-1, metavar="SYMBOL=SIZES..."),
    training_options,
    fits_option("Say what fits in so much memory, such as 24GiB."),
    click.option("--cost", type=click.Choice(_COSTS), default=_COSTS[0], show_default=True, help="The cost to draw."),
    click.option("-o", "--output", metavar="FILE", help="Write an .svg, .png or .pdf picture, or a .csv or .md table."),
    about=MODEL_HELP,
)
def sweep(
    source: ModelOptions,
    training: TrainingOptions,
    sizes: tuple[str, ...],
    fits: int | None,
    cost: str,
    output: str | None,
) -> None:
    """Print costs over a grid of input sizes, and what fits.

    A SYMBOL is a letter in an input, -i B,3,224,224. SIZES are 1:64, the numbers from 1 to 64; 1:64:8, every eighth of
    them; or 1,2,4,8.
    """
    from fxviz.passes.sweep import sweep_cost

    axes = _read_sizes(sizes)
    if fits is not None and cost != _COSTS[0] and output is not None:
        raise click.UsageError("--fits is a limit on memory: draw it with --cost peak")
    if output is not None:
        _check_output(output)
    grid = sweep_cost(training.facts(source), **axes)
    click.echo(grid.to_table())
    if fits is not None:
        for line in _fitting(grid, fits):
            click.echo(line)
    if output is not None:
        with progress(f"writing {output}"):
            _write(grid, output, cost, fits)
        say_written(output)


def _read_sizes(texts: Sequence[str]) -> dict[str, Sequence[int]]:
    if not texts:
        raise click.UsageError("give the sizes of each symbol, such as B=1:64")
    found: dict[str, Sequence[int]] = {}
    for text in texts:
        name, _, sizes = text.partition("=")
        if not name.isidentifier() or name in found:
            raise click.UsageError(f"{text!r} is not the sizes of one symbol, such as B=1:64, each given once")
        found[name] = _sizes(sizes)
        if not found[name]:
            raise click.UsageError(
                f"{text!r}: sizes are positive, such as {name}=1:64, {name}=1:64:8 or {name}=1,2,4,8"
            )
    return found


def _sizes(text: str) -> Sequence[int]:
    """Return the sizes that ``1:64``, ``1:64:8`` or ``1,2,4`` names; none where it is nothing of these, or one is below 1."""
    if match := re.fullmatch(r"(\d+):(\d+)(?::(\d+))?", text):
        first, last, step = (int(part or 1) for part in match.groups())
        return range(first, last + 1, step) if first and step else ()
    if re.fullmatch(r"\d+(,\d+)*", text):
        sizes = [int(size) for size in text.split(",")]
        return sizes if min(sizes) else ()
    return ()


def _check_output(output: str) -> None:
    """Check what can be checked before the long work."""
    from fxviz.exporters.figures.figure import PLOTS, format_of

    if Path(output).suffix.lower() not in _TABLES:
        format_of(output, (*PLOTS, *_TABLES))
    check_folder(output)


def _fitting(grid: Grid, limit: int, most: int = 20) -> Iterator[str]:
    """Yield the largest size of the first symbol that fits, for each combination of the others."""
    import numpy as np

    from fxviz.text.quantity import format_quantity

    first, *others = grid.sizes
    largest = grid.largest(first, grid["peak"] <= limit)
    amount = format_quantity(limit, "B")
    for shown, index in enumerate(np.ndindex(largest.shape)):
        if shown == most:
            yield f"… and {largest.size - most} more"
            return
        at = ", ".join(f"{name}={grid.sizes[name][place]}" for name, place in zip(others, index, strict=True))
        found = f"{first} up to {largest[index]} fits" if largest[index] else f"no {first} of these fits"
        yield f"{found} in {amount}{f' at {at}' if at else ''}"


def _write(grid: Grid, output: str, cost: str, limit: int | None) -> None:
    from fxviz.exporters.figures.sweep import plot_sweep
    from fxviz.files import write_file

    suffix = Path(output).suffix.lower()
    if suffix == ".csv":
        write_file(output, grid.to_csv())
    elif suffix == ".md":
        write_file(output, grid.to_markdown())
    else:
        plot_sweep(grid, output, cost, limit=limit)
