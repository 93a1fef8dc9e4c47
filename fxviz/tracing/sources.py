"""The line where the author wrote an operation: the nearest Python frame that is neither torch's nor ours."""

from __future__ import annotations

import os
import re
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import torch

from fxviz.ir import Source

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["display_path", "find_source", "find_source_in_text"]

_TORCH = os.path.dirname(torch.__file__) + os.sep
_OURS = os.path.dirname(__file__) + os.sep


def find_source(frame: FrameType | None) -> Source | None:
    """Return the innermost frame of the author's at or above ``frame``; the innermost of torch's own layers if a layer is the model."""
    layer: Source | None = None
    while frame is not None:
        kind = _kind_of(frame.f_code.co_filename)
        if kind == "ours":
            break
        if kind == "author":
            return _source(frame)
        if kind == "layer" and layer is None:
            layer = _source(frame)
        frame = frame.f_back
    return layer


def find_source_in_text(stack_trace: str) -> Source | None:
    """Return the same from a formatted stack trace, as `torch.fx` keeps it on its nodes."""
    layer: Source | None = None
    for file, line, function in reversed(re.findall(r'File "(.+?)", line (\d+), in (\S+)', stack_trace)):
        kind = _kind_of(file)
        if kind == "ours":
            break
        if kind == "author":
            return Source(display_path(file), int(line), function)
        if kind == "layer" and layer is None:
            layer = Source(display_path(file), int(line), function)
    return layer


def _source(frame: FrameType) -> Source:
    code = frame.f_code
    return Source(display_path(code.co_filename), frame.f_lineno, code.co_qualname)


@lru_cache(maxsize=4096)
def _kind_of(filename: str) -> Literal["author", "layer", "torch", "ours"]:
    if filename.startswith(_OURS):
        return "ours"
    if not filename.startswith(_TORCH):
        return "torch" if os.path.basename(filename) == "contextlib.py" else "author"
    is_layer = filename.startswith(os.path.join(_TORCH, "nn", "modules")) and not filename.endswith(
        f"{os.sep}module.py"
    )
    return "layer" if is_layer else "torch"


@lru_cache(maxsize=4096)
def display_path(filename: str) -> str:
    """Return a file as it is imported (``torchvision/models/resnet.py``): relative to the longest import path that holds it."""
    if not os.path.isabs(filename):
        return filename
    roots = [os.path.abspath(root) + os.sep for root in sys.path]
    holding = [root for root in roots if filename.startswith(root)]
    return filename[len(max(holding, key=len)) :].replace(os.sep, "/") if holding else filename
