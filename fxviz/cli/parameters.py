"""``fxviz parameters``: what a model keeps, and what its values are like."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from fxviz.command.options import command, complete_model, prepare_imports
from fxviz.command.progress import prints_aside, progress
from fxviz.command.writing import check_folder, say_written

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fxviz.weights.plots import Kind
    from fxviz.weights.table import ParameterTable
    from fxviz.weights.tabular import Tabular

__all__ = ["parameters"]

ABOUT = """
SOURCE is a .safetensors file, a .safetensors.index.json, a folder with one of them, or a MODEL as for fxviz summary. Files are
read piece by piece, and may be larger than memory. A model of a zoo has no weights, hence no statistics, unless it gets
--random-weights.
"""

KINDS = ("ridge", "heat", "kernels", "norms")
TABLES = (".csv", ".md", ".txt")


@command(
    click.argument("source", shell_complete=complete_model),
    click.option(
        "--depth",
        type=click.IntRange(min=0),
        help="Print a row for each module down to this depth, instead of each tensor.",
    ),
    click.option("--singular-values", is_flag=True, help="Add statistics of singular values; slow for large matrices."),
    click.option("--no-values", is_flag=True, help="Print names, shapes and bytes only; read no values."),
    click.option("--random-weights", is_flag=True, help="Give the model random weights if it is built here."),
    click.option(
        "-o",
        "--output",
        "outputs",
        multiple=True,
        metavar="FILE",
        help="Write a table (.csv, .md, .txt) or a picture (.svg, .png, .pdf) instead of printing. Repeatable.",
    ),
    click.option("--plot", "kind", type=click.Choice(KINDS), help="The kind of picture; ridge by default."),
    click.option("--name", metavar="NAME", help="The tensor or module to draw; by default what fits best."),
    about=ABOUT,
)
def parameters(
    source: str,
    depth: int | None,
    singular_values: bool,
    no_values: bool,
    random_weights: bool,
    outputs: tuple[str, ...],
    kind: str | None,
    name: str | None,
) -> None:
    """Print parameters and buffers, with statistics of their values."""
    _check_outputs(outputs, kind or name, no_values)
    with progress(f"reading {source}"), prints_aside():
        found = _read(source, not no_values, singular_values, random_weights)
    shown = found if depth is None else found.by_module(depth)
    if not outputs:
        click.echo(str(shown))
    for output in outputs:
        with progress(f"writing {output}"):
            if _is_table(output):
                _write(shown, output)
            else:
                found.plot(output, cast("Kind", kind or KINDS[0]), name)
        say_written(output)


def _check_outputs(outputs: tuple[str, ...], drawn: str | None, no_values: bool) -> None:
    """Check what can be checked before the long work."""
    from fxviz.exporters.figures.figure import PLOTS, format_of

    pictures = [output for output in outputs if not _is_table(output)]
    for output in pictures:
        format_of(output, (*PLOTS, *TABLES))
    for output in outputs:
        check_folder(output)
    if drawn is not None and not pictures:
        raise click.UsageError("--plot and --name are for a picture: add -o FILE.svg")
    if no_values and pictures:
        raise click.UsageError(f"--no-values leaves nothing to draw to {pictures[0]}")


def _is_table(output: str) -> bool:
    return Path(output).suffix.lower() in TABLES


def _read(source: str, statistics: bool, singular_values: bool, random_weights: bool) -> ParameterTable:
    from fxviz.weights.api import parameters
    from fxviz.weights.files import holds_weights

    if holds_weights(source):
        if random_weights:
            raise click.UsageError(f"--random-weights is for a model that is built here, and {source} has its own")
        return parameters(source, statistics=statistics, singular_values=singular_values)
    prepare_imports()
    from fxviz import models

    table = parameters(
        models.find_model(source, random_weights=random_weights), statistics=statistics, singular_values=singular_values
    )
    return dataclasses.replace(table, model=source)


def _write(table: Tabular, output: str) -> None:
    from fxviz.files import write_file

    writers: Mapping[str, Callable[[], str]] = {
        ".csv": table.csv,
        ".md": table.markdown,
        ".txt": lambda: f"{table}\n",
    }
    write_file(output, writers[Path(output).suffix.lower()]())
