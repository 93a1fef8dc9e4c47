"""``fxviz memory``: the peak of a run or a training step, and its timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fxviz.cli.options import MODEL_HELP, command, model_options, prepare_imports
from fxviz.cli.progress import progress

if TYPE_CHECKING:
    from fxviz.cli.options import ModelOptions
    from fxviz.facts import Facts

__all__ = ["memory"]

LOSSES = ("mean", "own")


@command(
    model_options,
    click.option("--train", is_flag=True, help="Of a training step: forward, loss and backward."),
    click.option("--loss", type=click.Choice(LOSSES), help="The mean of the first result, or the model's own loss."),
    click.option("--optimizer", metavar="NAME", help="The optimizer of the step, such as adamw or sgd."),
    click.option(
        "--round-to", type=click.IntRange(min=1), default=1, help="The allocator's granularity in bytes; CUDA's is 512."
    ),
    click.option("--depth", type=click.IntRange(min=0), help="Tell modules apart to this depth."),
    click.option("-o", "--output", metavar="FILE", help="Draw the timeline to an .svg, .png or .pdf file."),
    about=MODEL_HELP,
)
def memory(
    source: ModelOptions,
    train: bool,
    loss: str | None,
    optimizer: str | None,
    round_to: int,
    depth: int | None,
    output: str | None,
) -> None:
    """Print the peak memory of a run or a training step, and what is alive then; draw the timeline."""
    from fxviz.figure import format_of
    from fxviz.passes.memory import Memory
    from fxviz.plot import plot_memory
    from fxviz.report import memory_lines

    if not train and (loss or optimizer):
        raise click.UsageError(f"{'--loss' if loss else '--optimizer'} is of a training step: add --train")
    if train and source.mode != "auto":
        raise click.UsageError(f"--mode {source.mode} is of a forward pass alone: a training step is always recorded")
    if output is not None:
        format_of(output)  # before the long work
    facts = _training_facts(source, loss or LOSSES[0], optimizer) if train else source.facts()
    for line in memory_lines(facts[Memory(round_to)], depth):
        click.echo(line.rstrip())
    if output is not None:
        with progress(f"drawing {output}"):
            plot_memory(facts, output, round_to=round_to, depth=depth)


def _training_facts(source: ModelOptions, loss: str, optimizer: str | None) -> Facts:
    prepare_imports()
    with progress(f"tracing {source.model}"):
        from fxviz import models
        from fxviz.facts import Facts

        return Facts(
            models.trace_training(source.model, source.inputs, dtype=source.dtype, loss=loss, optimizer=optimizer)
        )
