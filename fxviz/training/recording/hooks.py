"""The hook that watches a module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

__all__ = ["Hook"]


class Hook:
    """A hook for a module that does not survive a copy or a pickle, and that ``torch.compile`` skips.

    A copy of it does nothing: the copied module is not watched.
    """

    def __init__(self, call: Callable[[Any], None] | None = None) -> None:
        """Call ``call`` with the output of the module, or with its inputs if the hook runs before the module."""
        self._call = call

    def __call__(self, module: nn.Module, inputs: Any, output: Any = None) -> None:
        """Pass on what the module returned, or takes; do nothing while ``torch.compile`` traces."""
        if torch.compiler.is_compiling() or self._call is None:
            return
        self._call(inputs if output is None else output)

    def __reduce__(self) -> tuple[type[Hook], tuple[()]]:
        return Hook, ()
