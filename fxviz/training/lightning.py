"""Watch a Lightning Trainer: ``Trainer(callbacks=[WatchCallback(out="run")])``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fxviz.errors import MissingDependency
from fxviz.training.recording.session import Recorder, watch

try:
    from lightning.pytorch import Callback
except ImportError:
    try:
        from pytorch_lightning import Callback
    except ImportError as error:
        raise MissingDependency("watching a Lightning Trainer needs it: pip install lightning") from error

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

__all__ = ["WatchCallback"]


class WatchCallback(Callback):
    """Records the fit of a Lightning Trainer: its steps, the loss of each batch, and all logged numbers of each epoch.

    The options are those of `fxviz.watch`. A restored checkpoint continues the run at its step.
    """

    def __init__(self, out: str | Path = "run", *, every: int = 10, tensorboard: bool = False) -> None:
        """Record into the folder ``out``; see `fxviz.watch`."""
        self._out, self._every, self._tensorboard = out, every, tensorboard
        self._recorder = Recorder()

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin the record, after the optimizers are created and a checkpoint is restored."""
        self._recorder = watch(
            pl_module,
            trainer.optimizers,
            every=self._every,
            out=self._out,
            resume=int(trainer.global_step) or False,
            tensorboard=self._tensorboard,
        )

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Record the loss of this batch."""
        loss: Tensor | None = outputs.get("loss") if isinstance(outputs, dict) else outputs
        if loss is not None:
            self._recorder.log(loss=loss)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Record what modules logged in this epoch, including its validation."""
        self._recorder.log(trainer.callback_metrics)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Write the rest and end the record."""
        self._recorder.close()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Write the rest, and the error that ended the fit."""
        self._recorder.close(f"ended by {type(exception).__name__}")
