"""Options of a training step, which several commands can trace in the place of a forward pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from fxviz.command.options import packed, prepare_imports
from fxviz.command.progress import prints_aside, progress

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
    checkpoint: tuple[str, ...]

    @property
    def given(self) -> bool:
        """Whether any of these options was given."""
        return any(vars(self).values())

    def facts(self, source: ModelOptions) -> Facts:
        """Trace a step, or a forward pass, with progress shown."""
        if not self.train:
            if given := next((name for name, value in vars(self).items() if value), None):
                raise click.UsageError(f"--{given} is for a training step: add --train")
            return source.facts()
        if source.mode != "auto":
            raise click.UsageError(
                f"--mode {source.mode} is for a forward pass alone: a training step is always recorded"
            )
        prepare_imports()
        with progress(f"tracing {source.model}"), prints_aside():
            from fxviz import models
            from fxviz.analysis.facts import Facts

            graph = models.trace_training(
                source.model,
                source.inputs,
                dtype=source.dtype,
                loss=self.loss or LOSSES[0],
                optimizer=self.optimizer,
                device=source.device,
                checkpoint=self.checkpoint,
            )
            return Facts(graph)


training_options = packed(
    "training",
    TrainingOptions,
    click.option("--train", is_flag=True, help="Trace a training step: forward, loss and backward."),
    click.option(
        "--loss",
        type=click.Choice(LOSSES),
        help="The loss: the mean of the first result (default), or the model's own.",
    ),
    click.option("--optimizer", metavar="NAME", help="Add the step of an optimizer, such as adamw or sgd."),
    click.option(
        "--checkpoint",
        metavar="PATTERN",
        multiple=True,
        help="Recompute the activations of matching modules, such as 'layers.*', in the backward pass. Repeatable.",
    ),
)
"""A forward pass or a training step: the argument ``training``, a `TrainingOptions`."""
