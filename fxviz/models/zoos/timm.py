"""The models of timm, by name; inputs as their pretrained configs say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from fxviz.models.zoos import check_name, construct, import_zoo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

with import_zoo("timm", "pip install timm"):
    import timm

__all__ = ["build"]


def build(
    name: str, dtype: str | None = None, *, random_weights: bool = False
) -> tuple[torch.nn.Module, Sequence[Mapping[str, object]]]:
    """Return the model, in evaluation mode, and a batch of one image of the size that it was made for."""
    check_name("timm", name.partition(".")[0], timm.list_models())
    made: Any = construct(lambda: timm.create_model(name, pretrained=False), dtype, random_weights=random_weights)
    model = made.eval()
    weight = next(model.parameters())
    image = torch.zeros(1, *model.pretrained_cfg["input_size"], dtype=weight.dtype, device=weight.device)
    return model, [{"x": image}]
