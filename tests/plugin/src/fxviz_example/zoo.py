"""A zoo of one family: ``example:3`` is a chain of three linear layers."""

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from fxviz.models.zoos import check_name, construct


def build(
    name: str, dtype: str | None = None, *, random_weights: bool = False
) -> tuple[nn.Module, Sequence[Mapping[str, object]]]:
    """A chain of so many layers, and a batch of one for it."""
    check_name("example", name, ["1", "2", "3"])
    model = construct(
        lambda: nn.Sequential(*(nn.Linear(8, 8) for _ in range(int(name)))), dtype, random_weights=random_weights
    ).eval()
    weight = next(model.parameters())
    return model, [{"input": torch.zeros(1, 8, dtype=weight.dtype, device=weight.device)}]
