"""``fxviz summary``: the table, the totals, what was not counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fxviz.command.options import MODEL_HELP, command, find_roofline, model_options, view_options
from fxviz.command.progress import progress

if TYPE_CHECKING:
    from fxviz.command.options import ModelOptions, ViewOptions

__all__ = ["summary"]


@command(
    model_options,
    view_options,
    click.option(
        "--device", metavar="DEVICE", help="Estimate the time on a device: a100, h100, h200, l4, mi300x, a TOML file."
    ),
    about=MODEL_HELP,
)
def summary(source: ModelOptions, shown: ViewOptions, device: str | None) -> None:
    """Print a table of the model, its totals, and what was not counted."""
    from rich.console import Console

    from fxviz.exporters.table import rich_table
    from fxviz.output import summary as overview

    roofline = None if device is None else find_roofline(device)
    facts = source.facts()
    with progress("counting"):
        found = overview.summary(facts, roofline=roofline, view=shown.view(facts, "text"))
        text = str(found)
    console = Console(highlight=False)
    if console.is_terminal:
        console.print(rich_table(found.view))
        text = "\n".join(found.lines)
    click.echo(text)
