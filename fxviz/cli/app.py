"""``fxviz app``: a model on one offline page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fxviz.command.options import MODEL_HELP, command, model_options
from fxviz.command.progress import progress
from fxviz.command.training import training_options
from fxviz.command.writing import say_written

if TYPE_CHECKING:
    from fxviz.command.options import ModelOptions
    from fxviz.command.training import TrainingOptions

__all__ = ["app"]


@command(
    model_options,
    training_options,
    click.option(
        "--run",
        "recorded",
        metavar="RUN",
        type=click.Path(),
        help="Show a training run, a folder that fxviz.watch writes.",
    ),
    click.option("-o", "--output", required=True, metavar="FILE", help="The page to write, an .html file."),
    about=MODEL_HELP,
)
def app(source: ModelOptions, training: TrainingOptions, recorded: str | None, output: str) -> None:
    """Write one page with a model's graph, costs and training.

    The page is offline. With --train it has the memory of a training step, too; with --run the graph is coloured by what
    was recorded.
    """
    from fxviz.dashboard.api import App, check_page, graph_view
    from fxviz.training.run import load_run
    from fxviz.weights.api import parameters

    check_page(output)  # before the long work
    run = load_run(recorded) if recorded is not None else None
    step = training.facts(source) if training.given else None
    facts = source.facts()
    with progress(f"writing {output}"):
        App(graph_view(facts, run), parameters(facts.graph), step, run).render(output)
    say_written(output)
