"""``fxviz memory``: the peak of a run or a training step, and its timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fxviz.command.options import MODEL_HELP, command, model_options
from fxviz.command.progress import progress
from fxviz.command.training import training_options

if TYPE_CHECKING:
    from fxviz.command.options import ModelOptions
    from fxviz.command.training import TrainingOptions

__all__ = ["memory"]


@command(
    model_options,
    training_options,
    click.option(
        "--round-to", type=click.IntRange(min=1), default=1, help="The allocator's granularity in bytes; CUDA's is 512."
    ),
    click.option("--depth", type=click.IntRange(min=0), help="Tell modules apart to this depth."),
    click.option("-o", "--output", metavar="FILE", help="Draw the timeline to an .svg, .png or .pdf file."),
    about=MODEL_HELP,
)
def memory(
    source: ModelOptions, training: TrainingOptions, round_to: int, depth: int | None, output: str | None
) -> None:
    """Print the peak memory of a run or a training step, and what is alive then; draw the timeline."""
    from fxviz.exporters.figures.figure import format_of
    from fxviz.exporters.figures.memory import plot_memory
    from fxviz.output.report import memory_lines
    from fxviz.passes.memory import Memory

    if output is not None:
        format_of(output)  # before the long work
    facts = training.facts(source)
    for line in memory_lines(facts[Memory(round_to)], depth):
        click.echo(line.rstrip())
    if output is not None:
        with progress(f"drawing {output}"):
            plot_memory(facts, output, round_to=round_to, depth=depth)
