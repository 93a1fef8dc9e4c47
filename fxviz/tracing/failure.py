"""The error of a failed trace: where it stopped, torch's own words, and what to try next."""

from __future__ import annotations

import traceback

import torch

from fxviz.errors import TraceError
from fxviz.tracing import torch_private as _torch
from fxviz.tracing.sources import find_source

__all__ = ["explain", "reads_values"]


def explain(error: BaseException, model: torch.nn.Module, name: str) -> TraceError:
    """Return a `TraceError` that names the module path and the author's source line at which ``error`` was raised."""
    paths = {module: path for path, module in model.named_modules()}
    innermost, source = "", None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        owner = frame.f_locals.get("self")
        if isinstance(owner, torch.nn.Module) and paths.get(owner):
            innermost = paths[owner]
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if (found := find_source(frame)) is not None and frame.f_code.co_qualname == found.function:
            source = f"{found.file}:{line} in {found.function}"
            break
    place = " ".join(filter(None, [f"in {innermost!r}" if innermost else "", f"({source})" if source else ""]))
    words = str(error).strip().splitlines() or [type(error).__name__]
    return TraceError(
        f"tracing {name} stopped{' ' if place else ''}{place}: {type(error).__name__}: {words[0]}{_hint(error)}"
    )


def reads_values(error: BaseException | None) -> bool:
    """Return whether ``error`` says that the model read the value of a tensor, which a fake tensor does not have."""
    while error is not None:
        if isinstance(error, _torch.VALUE_ERRORS):
            return True
        error = error.__cause__ or error.__context__
    return False


def _hint(error: BaseException) -> str:
    text = str(error)
    if reads_values(error):
        return "; the model reads the value of a tensor: trace it with mode='eager' on real weights and inputs"
    if any(sign in text for sign in ("nested_tensor", "NestedTensor", "NestedInt", "shape_env must not be None")):
        return "; a nested tensor has no one shape and cannot be traced: trace on padded tensors, which bound its cost"
    if "device" in text.lower() and ("FakeTensor Device Propagation" in text or "same device" in text):
        return "; the model and its inputs are on different devices: move one to the other's"
    if isinstance(error, TypeError) and "argument" in text:
        return "; check that args and kwargs fit the model's forward"
    if isinstance(error, (*_torch.UNSUPPORTED_ERRORS, NotImplementedError)):
        return "; an operator has no fake implementation: register one with torch.library.register_fake, or use mode='eager'"
    if isinstance(error, RuntimeError | ValueError | IndexError | AssertionError):
        return "; check the shapes and dtypes of the inputs; partial=True gives the graph up to here"
    return "; partial=True gives the graph up to here"
