"""Numbers for reading."""

from __future__ import annotations

import math
import re

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from fxviz.ir import TensorType
from fxviz.text.quantity import format_expression, format_quantity, format_shape, format_type

B, S = sympy.symbols("B S", integer=True, positive=True)


@pytest.mark.parametrize(
    ("amount", "unit", "text"),
    [
        (0, "B", "0 B"),
        (0, "", "0"),
        (999, "", "999"),
        (1000, "", "1 k"),
        (999_499, "", "999 k"),
        (999_500, "", "1 M"),
        (999.7, "", "1 k"),
        (11_689_512, "", "11.7 M"),
        (8_178_000_000, "FLOPs", "8.18 GFLOPs"),
        (1023, "B", "1023 B"),
        (1024, "B", "1 KiB"),
        (1536, "B", "1.5 KiB"),
        (1023 * 1024, "B", "1023 KiB"),
        (1024**2 - 1, "B", "1 MiB"),
        (671 * 10**9 * 2, "B", "1.22 TiB"),
        (-1500, "", "-1.5 k"),
        (10**24, "", "1000 Z"),
        (10**30, "", "1000000000 Z"),
        (0.25, "", "0.25"),
        (math.inf, "FLOPs", "inf FLOPs"),
        (math.nan, "", "nan"),
        (None, "B", "?"),
        (sympy.Integer(2048), "B", "2 KiB"),
        (4 * B * S + 8, "B", "4·B·S + 8 bytes"),
        (2 * B, "FLOPs", "2·B FLOPs"),
    ],
)
def test_quantities(amount: int | float | sympy.Expr | None, unit: str, text: str) -> None:
    assert format_quantity(amount, unit) == text


@given(st.integers(1, 10**23), st.sampled_from(["B", "FLOPs", ""]))
def test_what_is_written_is_within_half_a_percent(amount: int, unit: str) -> None:
    number, prefix = re.fullmatch(r"([\d.]+) ?([KMGTPEZk]i?)?[A-Za-z]*", format_quantity(amount, unit)).groups()  # type: ignore[union-attr]
    base = 1024 if unit == "B" else 1000
    power = "kMGTPEZ".upper().index(prefix[0].upper()) + 1 if prefix else 0
    assert float(number) * base**power == pytest.approx(amount, rel=0.0051)
    assert len(number.replace(".", "")) <= (4 if unit == "B" else 3)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (2 * B * S**2 + 3, "2·B·S² + 3"),
        (B**12, "B¹²"),
        (2**B, "2^B"),
        (B ** (S + 1), "B^(S + 1)"),
        (sympy.floor(S / 2), "floor(S/2)"),
    ],
)
def test_expressions(expression: sympy.Expr, text: str) -> None:
    assert format_expression(expression) == text


def test_shapes_and_types() -> None:
    assert format_shape((B, S + 1, 64)) == "B×(S + 1)×64"
    assert format_type(TensorType((2, B), "bfloat16")) == "bfloat16 2×B"
    assert format_type(TensorType((), "int64")) == "int64 scalar"
    assert format_type(None) == "?"
