"""Symbolic sizes: the environment that makes symbols and takes note of the conditions on them."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch.fx.experimental.symbolic_shapes import DimDynamic, ShapeEnv
from torch.utils._sympy.interp import sympy_interp
from torch.utils._sympy.reference import PythonReferenceAnalysis

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import sympy

__all__ = ["ShapeEnv", "create_symbol", "evaluate", "guards_of", "without_guards"]


def create_symbol(env: ShapeEnv, name: str, hint: int) -> torch.SymInt:
    """Return a new symbolic size whose value in this run is ``hint``; torch chooses the name of its symbol."""
    from torch._dynamo.source import ConstantSource

    source = ConstantSource(name)
    symbol = env.create_symbol(hint, source, dynamic_dim=DimDynamic.DYNAMIC, do_not_specialize_zero_one=hint < 2)
    size = env.create_symintnode(symbol, hint=hint, source=source)
    assert isinstance(size, torch.SymInt)
    return size


def guards_of(env: ShapeEnv) -> list[Any]:
    """Return the sympy conditions that a run put on the symbols of ``env``, in order."""
    return [guard.expr for guard in env.guards]


@contextmanager
def without_guards(env: ShapeEnv | None) -> Iterator[None]:
    """Evaluate conditions on sizes without taking note of them."""
    with env.suppress_guards() if env is not None else nullcontext():
        yield


def evaluate(expression: sympy.Expr, sizes: Mapping[Any, Any]) -> Any:
    """Return an expression of torch's, computed by Python's operators from what stands for each of its symbols."""
    return sympy_interp(PythonReferenceAnalysis, dict(sizes), expression)
