"""Options of a training step, which `fxviz memory` and `fxviz sweep` can be of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from fxviz.command.options import packed, prepare_imports
from fxviz.command.progress import progress

if TYPE_CHECKING:
    from fxviz.analysis.facts import Facts
    from fxviz.command.options import ModelOptions

__all__ = ["TrainingOptions", "training_options"]

LOSSES = ("mean", "own")


@dataclass(frozen=True)
class TrainingOptions:
    """Whether a training step is traced, and which."""

    train: bool
    loss: str | None
    optimizer: str | None

    def facts(self, source: ModelOptions) -> Facts:
        """The facts of a step, or of a forward pass, with progress shown."""
        if not self.train and (self.loss or self.optimizer):
            raise click.UsageError(f"{'--loss' if self.loss else '--optimizer'} is of a training step: add --train")
        if not self.train:
            return source.facts()
        if source.mode != "auto":
            raise click.UsageError(
                f"--mode {source.mode} is of a forward pass alone: a training step is always recorded"
            )
        prepare_imports()
        with progress(f"tracing {source.model}"):
            from fxviz import models
            from fxviz.analysis.facts import Facts

            graph = models.trace_training(
                source.model,
                source.inputs,
                dtype=source.dtype,
                loss=self.loss or LOSSES[0],
                optimizer=self.optimizer,
                device=source.on,
            )
            return Facts(graph)


training_options = packed(
    "training",
    TrainingOptions,
    click.option("--train", is_flag=True, help="Of a training step: forward, loss and backward."),
    click.option("--loss", type=click.Choice(LOSSES), help="The mean of the first result, or the model's own loss."),
    click.option("--optimizer", metavar="NAME", help="The optimizer of the step, such as adamw or sgd."),
)
"""A forward pass or a training step: the argument ``training``, a `TrainingOptions`."""
