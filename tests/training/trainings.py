"""Small trainings, sound and sick, for the tests of runs."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import fxviz

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from fxviz.training.recording import Recorder
    from fxviz.training.table import Row, Table


def classes(count: int = 256, features: int = 16) -> tuple[Tensor, Tensor]:
    """Points in four classes that a linear map tells apart."""
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(count, features, generator=generator)
    return points, (points @ torch.randn(features, 4, generator=generator)).argmax(1)


def mlp(*widths: int, act: type[nn.Module] = nn.ReLU, gain: float | None = None) -> nn.Sequential:
    """Linear layers with activations between; ``gain`` is the spread of outputs over that of inputs, at first."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        linear = nn.Linear(before, after)
        if gain is not None:
            nn.init.normal_(linear.weight, std=gain / math.sqrt(before))
        layers += [linear, act()]
    return nn.Sequential(*layers[:-1])


def loop(
    run: Recorder | None,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    steps: int,
    data: tuple[Tensor, Tensor] | None = None,
    loss: Callable[[Any, Tensor], Tensor] = cross_entropy,
    batch: int = 64,
) -> None:
    """An ordinary training loop."""
    inputs, targets = classes() if data is None else data
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        drawn = torch.randint(len(inputs), (batch,), generator=generator)
        optimizer.zero_grad()
        value = loss(model(inputs[drawn]), targets[drawn])
        value.backward()
        optimizer.step()
        if run is not None:
            run.log(loss=value)


def trained(
    out: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    *,
    steps: int = 100,
    every: int = 10,
    **options: Any,
) -> fxviz.Run:
    """What is recorded of a model that is trained, by plain descent if nothing else is said."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1) if optimizer is None else optimizer
    with fxviz.watch(model, optimizer, every=every, out=out) as run:
        loop(run, model, optimizer, steps, **options)
    return fxviz.load_run(out)


def steps_of(rows: Sequence[Row] | Table) -> list[int]:
    return [row.step for row in rows]
