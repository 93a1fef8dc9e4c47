"""The models of torchvision, by name; inputs as the transforms of their published weights say."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch

from fxviz.models.zoos import check_name, construct, import_zoo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

with import_zoo("torchvision", "pip install torchvision"):
    import torchvision.models

__all__ = ["build"]


def build(
    name: str, dtype: str | None = None, *, random_weights: bool = False
) -> tuple[torch.nn.Module, Sequence[Mapping[str, object]]]:
    """Return the model, in evaluation mode, and a batch of one: an image, a clip, two frames, or a list of images."""
    check_name("torchvision", name, torchvision.models.list_models())
    maker = torchvision.models.get_model_builder(name)
    options = {"weights": None, "weights_backbone": None}  # torchvision downloads a backbone unless told not to
    known = inspect.signature(maker).parameters
    accepted = {option: value for option, value in options.items() if option in known}
    model = construct(lambda: maker(**accepted), dtype, random_weights=random_weights).eval()
    return model, [_inputs(model, next(iter(torchvision.models.get_model_weights(name))))]


def _inputs(model: torch.nn.Module, weights: Any) -> Mapping[str, object]:
    weight = next(model.parameters())
    meta = weights.meta
    sizes = getattr(weights.transforms, "keywords", {})
    size = getattr(model, "image_size", None) or sizes.get("crop_size") or sizes.get("resize_size") or 224
    height, width = (size, size) if isinstance(size, int) else (size[0], size[-1])
    family = getattr(weights.transforms, "func", weights.transforms).__name__

    def zeros(*shape: int) -> torch.Tensor:
        return torch.zeros(shape, dtype=weight.dtype, device=weight.device)

    names = list(inspect.signature(model.forward).parameters)
    match family:
        case "VideoClassification":
            return {names[0]: zeros(1, 3, max(16, meta.get("min_temporal_size", 1)), height, width)}
        case "OpticalFlow":
            return {name: zeros(1, 3, height, width) for name in names[:2]}
        case "ObjectDetection":
            return {names[0]: [zeros(3, height, width)]}
        case _:
            return {names[0]: zeros(1, 3, height, width)}
