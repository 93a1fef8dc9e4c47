"""Write TensorBoard's event files with torch's own SummaryWriter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fxviz.errors import MissingDependency

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fxviz.training.schema import Layer, Sample

__all__ = ["Board"]


class Board:
    """Writes samples for ``tensorboard --logdir``: a scalar by its name, a metric of a layer as ``METRIC/LAYER``."""

    def __init__(self) -> None:
        """Import the writer; nothing is written before `open`."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingDependency("event files need tensorboard: pip install 'fxviz[tensorboard]'") from error
        self._make: Any = SummaryWriter
        self._writer: Any = None

    def open(self, folder: Path, steps: int) -> None:
        """Write into ``folder`` from now on, where TensorBoard then hides steps later than ``steps``."""
        self._writer = self._make(str(folder), purge_step=steps + 1 if steps else None)

    def add(self, sample: Sample, layers: Sequence[Layer]) -> None:
        """Write one sample, with the means of scalars since the sample before."""
        for name, summary in sample.scalars.items():
            self._writer.add_scalar(name, summary.mean, sample.step, walltime=sample.time)
        for metric, values in sample.layers.items():
            for layer, value in zip(layers, values, strict=True):
                if value is not None:
                    self._writer.add_scalar(f"{metric}/{layer.name}", value, sample.step, walltime=sample.time)
        self._writer.flush()

    def close(self) -> None:
        """Close the files."""
        if self._writer is not None:
            self._writer.close()
