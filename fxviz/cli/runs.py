"""``fxviz runs``: what training runs recorded, what is wrong with them, and pictures of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fxviz.command.options import command
from fxviz.command.progress import progress
from fxviz.command.writing import say_written
from fxviz.errors import InputError

if TYPE_CHECKING:
    from fxviz.training.plots import Backend
    from fxviz.training.run import Runs

__all__ = ["runs"]

BACKENDS = ("matplotlib", "seaborn", "plotly")
TABLES = (".csv", ".md")


@command(
    click.argument("paths", metavar="RUN...", nargs=-1, required=True, type=click.Path()),
    click.option("--metric", metavar="NAME", help="The metric that -o writes, such as grad_norm; the loss by default."),
    click.option(
        "-o",
        "--output",
        metavar="FILE",
        help="Draw the metric to an .svg, .png, .pdf or .html file, or write it to a .csv or .md table.",
    ),
    click.option(
        "--backend",
        type=click.Choice(BACKENDS),
        help="The library that draws; plotly by default for .html, else matplotlib.",
    ),
)
def runs(paths: tuple[str, ...], metric: str | None, output: str | None, backend: Backend | None) -> None:
    """Print what training runs recorded, and what went wrong.

    RUN is a folder that fxviz.watch writes, also while the run goes on. -o draws a metric; several runs are compared in one
    picture.
    """
    from fxviz.training.run import open_runs

    if output is None and (metric or backend):
        raise click.UsageError(f"{'--metric' if metric else '--backend'} is for the file that is written: add -o FILE")
    with progress("reading"):
        found = open_runs(paths)
    for number, run in enumerate(found):
        lines = ["", *run.summary()] if number else run.summary()
        findings = [f"  {finding}" for finding in run.findings()]
        for line in [*lines, "Findings" if findings else "Findings: none", *findings]:
            click.echo(line)
    if output is not None:
        with progress(f"writing {output}"):
            _write(found, metric or _loss(found), output, backend)
        say_written(output)


def _write(found: Runs, metric: str, output: str, backend: Backend | None) -> None:
    from fxviz.files import write_file

    suffix = Path(output).suffix.lower()
    if suffix not in TABLES:
        found.plot(metric, output, backend=backend)
    elif backend is not None:
        raise InputError(f"--backend draws, and {output} is a table")
    else:
        table = found.table(metric)
        write_file(output, table.to_csv() if suffix == ".csv" else table.to_markdown())


def _loss(found: Runs) -> str:
    names = [name for run in found for name in run.scalars if "loss" in name.lower()]
    if not names:
        raise InputError("no loss was logged: name what to write with --metric")
    return names[0]
