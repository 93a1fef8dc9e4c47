"""A small CNN, an ordinary training of it on images that are made on the spot, and runs that are made up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from fxviz.training.run import Run
from fxviz.training.schema import Layer, Meta, Sample
from fxviz.training.statistics import Summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fxviz.training.recording import Recorder

STEPS = 200


class Net(nn.Module):
    """Two convolutions and a linear layer, for images of 16 by 16."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU()
        )
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.head = nn.Linear(64, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.pool(self.features(x)).flatten(1))


class Training:
    """An ordinary loop over images of which one quarter is bright, made on the spot."""

    def __init__(self, model: nn.Module) -> None:
        self.generator = torch.Generator().manual_seed(0)
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        self.classes = torch.arange(128) % 4
        self.images = torch.randn(128, 1, 16, 16, generator=self.generator) * 0.3
        for quarter in range(4):
            down, right = (8 * part for part in divmod(quarter, 2))
            self.images[self.classes == quarter, :, down : down + 8, right : right + 8] += 1

    def go_on(self, run: Recorder, steps: int) -> None:
        for _ in range(steps):
            batch = torch.randint(len(self.images), (16,), generator=self.generator)
            self.optimizer.zero_grad()
            loss = cross_entropy(self.model(self.images[batch]), self.classes[batch])
            loss.backward()
            self.optimizer.step()
            run.log(loss=loss)


def made_run(samples: int, layers: Sequence[str] = ("first", "second"), value: float = 0.5, loss: str = "loss") -> Run:
    """A run that never was, with the same number everywhere."""
    meta = Meta("Net", tuple(Layer(name, "Linear") for name in layers), every=1)
    entries = (
        Sample(step, 0.0, 1, {loss: Summary(1, value, 0, value, value)}, {"grad_norm": (value,) * len(layers)})
        for step in range(1, samples + 1)
    )
    return Run("made", meta, tuple(entries))
