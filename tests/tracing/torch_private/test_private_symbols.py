"""Symbols, and the conditions that a run puts on them."""

from __future__ import annotations

import pytest
import torch

from fxviz.tracing import torch_private as _torch


@pytest.mark.parametrize("hint", [0, 1, 2, 7])
def test_a_symbol_is_free_whatever_its_hint(hint: int) -> None:
    env = _torch.ShapeEnv()
    size = _torch.create_symbol(env, "B", hint)
    assert size.node.hint == hint
    assert size.node.expr.is_Symbol
    assert _torch.guards_of(env) == []


def test_conditions_are_noted_in_order_unless_told_not_to() -> None:
    env = _torch.ShapeEnv()
    size = _torch.create_symbol(env, "B", 7)
    with _torch.without_guards(env):
        assert size > 3
    assert _torch.guards_of(env) == []
    assert size > 4
    assert size != 9
    symbol = size.node.expr
    assert [guard.subs(symbol, 7) for guard in _torch.guards_of(env)] == [True, True]
    assert [bool(guard.subs(symbol, 9)) for guard in _torch.guards_of(env)] == [True, False]
    with _torch.without_guards(None):
        pass


def test_expressions_are_computed_by_python() -> None:
    env = _torch.ShapeEnv()
    size = _torch.create_symbol(env, "B", 7)
    expression = ((size * 3 + 1) // 2).node.expr
    assert _torch.evaluate(expression, {size.node.expr: 7}) == 11  # (7 * 3 + 1) // 2
    assert isinstance(size, torch.SymInt)
