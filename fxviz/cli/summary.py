"""``fxviz summary``: a table of modules, totals, and what was not counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fxviz.command.options import (
    MODEL_HELP,
    command,
    find_roofline,
    model_options,
    roofline_option,
    split_device,
    view_options,
)
from fxviz.command.progress import progress

if TYPE_CHECKING:
    from fxviz.analysis.facts import Facts, Metric
    from fxviz.command.options import ModelOptions, ViewOptions
    from fxviz.views.view import View

__all__ = ["summary"]


@command(
    model_options,
    view_options,
    click.option(
        "--top",
        type=click.IntRange(min=1),
        metavar="N",
        help="List the N operations with most FLOPs, or most of the first of --show.",
    ),
    roofline_option,
    about=MODEL_HELP,
)
def summary(source: ModelOptions, shown: ViewOptions, top: int | None, roofline: str | None) -> None:
    """Print a table of modules, totals, and what was not counted."""
    from rich.console import Console

    from fxviz.exporters.table import rich_table
    from fxviz.output import summary as overview
    from fxviz.output.ranking import ranking_lines

    source, device = split_device(source, roofline)
    estimate = None if device is None else find_roofline(device)
    facts = shown.facts(source)
    with progress("counting"):
        found = overview.summary(facts, roofline=estimate, view=shown.view(facts, "text"))
        text = str(found)
        ranking = [] if top is None else ["", *ranking_lines(facts.graph, _ranked(facts, shown, found.view), top)]
    console = Console(highlight=False)
    if console.is_terminal:
        console.print(rich_table(found.view))
        text = "\n".join(found.lines)
    click.echo("\n".join((text, *ranking)))


def _ranked(facts: Facts, shown: ViewOptions, view: View) -> Metric:
    from fxviz.passes.flops import Flops

    return facts[Flops()] if shown.show is None or not view.metrics else view.metrics[0]
