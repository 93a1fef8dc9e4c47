"""Models by name: ``"timm:vit_tiny_patch16_224"`` or ``"file.py:Net"``, with inputs for them."""

from fxviz.models.building import build, find_model, trace, trace_training
from fxviz.models.target import LOSSES, Target

__all__ = ["LOSSES", "Target", "build", "find_model", "trace", "trace_training"]
