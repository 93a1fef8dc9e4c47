"""The models that the benchmarks run: built without weights, each with inputs for one forward pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

Workload: TypeAlias = tuple[torch.nn.Module, dict[str, Any]]


def resnet50() -> Workload:
    import torchvision

    return torchvision.models.resnet50(), {"x": torch.zeros(1, 3, 224, 224)}


def vit_b_16() -> Workload:
    import torchvision

    return torchvision.models.vit_b_16(), {"x": torch.zeros(1, 3, 224, 224)}


def llama_80_layers() -> Workload:
    """The default Llama configuration with 80 layers on 16 tokens.

    The mask is given, 4-dimensional as the attention wants it: without one, the mask code of transformers reads values,
    which the meta device does not have, and everything but fxviz stops.
    """
    import transformers

    model = transformers.LlamaModel(transformers.LlamaConfig(num_hidden_layers=80))
    mask = torch.zeros(1, 1, 16, 16)
    return model, {"input_ids": torch.zeros(1, 16, dtype=torch.int64), "attention_mask": mask, "use_cache": False}


WORKLOADS: dict[str, Callable[[], Workload]] = {
    "ResNet-50": resnet50,
    "ViT-B/16": vit_b_16,
    "Llama, 80 layers": llama_80_layers,
}


def build(name: str) -> Workload:
    """The workload on the meta device, in evaluation mode."""
    with torch.device("meta"):
        model, inputs = WORKLOADS[name]()
    return model.eval(), inputs
