"""Watch a Hugging Face Trainer: ``Trainer(callbacks=[WatchCallback(out="run")])``."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any

from fxviz.errors import MissingDependency
from fxviz.training.recording.session import Recorder, watch

try:
    from transformers import TrainerCallback
except ImportError as error:
    raise MissingDependency("watching a Trainer needs transformers: pip install 'fxviz[zoo]'") from error

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["WatchCallback"]


class WatchCallback(TrainerCallback):
    """Records the training of a Hugging Face Trainer: the steps of its optimizer, and all numbers that it logs.

    The options are those of `fxviz.watch`. A restored checkpoint continues the run at its step. The Trainer
    logs the loss as often as ``TrainingArguments.logging_steps`` says.
    """

    def __init__(self, out: str | Path = "run", *, every: int = 10, tensorboard: bool = False) -> None:
        """Record into the folder ``out``; see `fxviz.watch`."""
        self._out, self._every, self._tensorboard = out, every, tensorboard
        self._recorder = Recorder()

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin the record, after the optimizer is created and a checkpoint is restored."""
        self._recorder = watch(
            kwargs["model"],
            kwargs["optimizer"],
            every=self._every,
            out=self._out,
            resume=int(state.global_step) or False,
            tensorboard=self._tensorboard,
        )

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Record the numbers, except the learning rate, which the optimizer has."""
        numbers = {name: value for name, value in (logs or {}).items() if isinstance(value, Real)}
        numbers.pop("learning_rate", None)
        self._recorder.log(numbers)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Write the rest and end the record."""
        self._recorder.close()
