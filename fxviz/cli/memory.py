"""``fxviz memory``: the peak of a run or a training step, and its timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fxviz.command.amount import fits_option
from fxviz.command.options import MODEL_HELP, command, model_options
from fxviz.command.progress import progress
from fxviz.command.training import training_options
from fxviz.command.writing import say_written
from fxviz.errors import InputError

if TYPE_CHECKING:
    from fxviz.command.options import ModelOptions
    from fxviz.command.training import TrainingOptions
    from fxviz.passes.memory import MemoryUse

__all__ = ["memory"]

ABOUT = f"""{MODEL_HELP}
With --fits, the exit code is 0 if the peak fits, 1 if it does not, 2 on an error.
"""


@command(
    model_options,
    training_options,
    click.option(
        "--round-to",
        type=click.IntRange(min=1),
        default=1,
        help="Round each tensor up to the allocator's granularity in bytes; CUDA's is 512.",
    ),
    click.option("--depth", type=click.IntRange(min=0), help="List modules down to this depth."),
    fits_option("Say whether the peak fits in so much memory, such as 24GiB."),
    click.option("-o", "--output", metavar="FILE", help="Draw the timeline to an .svg, .png or .pdf file."),
    about=ABOUT,
    answers=True,
)
def memory(
    source: ModelOptions,
    training: TrainingOptions,
    round_to: int,
    depth: int | None,
    fits: int | None,
    output: str | None,
) -> int:
    """Print the peak memory and what is held at the peak.

    The peak is that of one run of the model, or with --train of a training step. -o draws the timeline.
    """
    from fxviz.exporters.figures.figure import format_of
    from fxviz.exporters.figures.memory import plot_memory
    from fxviz.output.report import memory_lines
    from fxviz.passes.memory import Memory

    if output is not None:
        format_of(output)  # before the long work
    facts = training.facts(source)
    use = facts[Memory(round_to)]
    fitting = None if fits is None else _fitting(use, fits)
    for line in memory_lines(use, depth):
        click.echo(line.rstrip())
    if output is not None:
        with progress(f"drawing {output}"):
            plot_memory(facts, output, round_to=round_to, depth=depth)
        say_written(output)
    if fitting is None:
        return 0
    click.echo(fitting[1])
    return 0 if fitting[0] else 1


def _fitting(use: MemoryUse, limit: int) -> tuple[bool, str]:
    """Return whether the peak is at most ``limit`` bytes, and a sentence that says so."""
    from fxviz.text.quantity import format_quantity

    if not isinstance(use.peak, int):
        peak = format_quantity(use.peak, "B")
        raise InputError(
            f"the peak is {peak}: give sizes for all symbols to say whether it fits; see fxviz sweep --fits"
        )
    difference = limit - use.peak
    amount, rest = format_quantity(limit, "B"), format_quantity(abs(difference), "B")
    if difference < 0:
        return False, f"Does not fit in {amount}: {rest} too much"
    if use.unknown:
        return False, f"Not known to fit in {amount}: some of the memory is not counted"
    return True, f"Fits in {amount}: {rest} left"
