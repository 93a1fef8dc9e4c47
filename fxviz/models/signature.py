"""What a model, or a function that makes one, may be called with."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["argument_names", "required_arguments", "signature_of", "takes_any_keyword"]


def argument_names(model: Callable[..., Any]) -> list[str]:
    """Return the names of the arguments that an input may be given for."""
    signature = signature_of(model)
    ordinary = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [p.name for p in signature.parameters.values() if p.kind in ordinary] if signature else []


def takes_any_keyword(model: Callable[..., Any]) -> bool:
    """Whether the model accepts keywords that its signature does not name."""
    signature = signature_of(model)
    return signature is not None and any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())


def required_arguments(signature: inspect.Signature | None) -> list[str]:
    """Return the names of the arguments without a default; none where there is no signature."""
    parameters = signature.parameters.values() if signature is not None else ()
    return [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def signature_of(model: Callable[..., Any]) -> inspect.Signature | None:
    """Return the signature of ``forward``, or of a function; None for a function written in C, or an exported program."""
    try:
        return inspect.signature(getattr(model, "forward", model))
    except (TypeError, ValueError):
        return None
