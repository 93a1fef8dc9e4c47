"""TensorBoard's event files, written by torch's own SummaryWriter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fxviz.errors import MissingDependency

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fxviz.runs.schema import Layer, Sample

__all__ = ["Board"]


class Board:
    """The same numbers for ``tensorboard --logdir``: a scalar by its name, a layer's metric as ``METRIC/LAYER``."""

    def __init__(self, folder: Path, purge_step: int) -> None:
        """Write into ``folder``; what TensorBoard shows there of ``purge_step`` and later steps is void."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingDependency("event files need tensorboard: pip install 'fxviz[tensorboard]'") from error
        writer: Any = SummaryWriter
        self._writer = writer(str(folder), purge_step=purge_step if purge_step > 1 else None)

    def add(self, sample: Sample, layers: Sequence[Layer]) -> None:
        """Write one sample; scalars by their mean since the sample before."""
        for name, summary in sample.scalars.items():
            self._writer.add_scalar(name, summary.mean, sample.step, walltime=sample.time)
        for metric, values in sample.layers.items():
            for layer, value in zip(layers, values, strict=True):
                if value is not None:
                    self._writer.add_scalar(f"{metric}/{layer.name}", value, sample.step, walltime=sample.time)
        self._writer.flush()

    def close(self) -> None:
        """Close the files."""
        self._writer.close()
