"""Numbers for reading: 1.23 GFLOPs, 512 MiB, 4·B·S."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING

import sympy

from fxviz.errors import InputError

if TYPE_CHECKING:
    from fxviz.ir import Dim, TensorType

__all__ = ["format_expression", "format_quantity", "format_shape", "format_type", "parse_quantity"]

_DECIMAL = ("", "k", "M", "G", "T", "P", "E", "Z")
_SMALL: tuple[str, ...] = ("", "m", "µ", "n", "p")
_ONE = 0.9995  # what is written as 1.00
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi")
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def format_quantity(amount: Dim | float | None, unit: str = "") -> str:
    """Return an amount with three significant digits and a prefix; bytes count by 1024, expressions are written out.

    >>> format_quantity(8_178_000_000, "FLOPs"), format_quantity(536870912, "B"), format_quantity(999)
    ('8.18 GFLOPs', '512 MiB', '999')
    >>> format_quantity(None, "B"), format_quantity(0.00123, "s")
    ('?', '1.23 ms')
    """
    if amount is None:
        return "?"
    if isinstance(amount, sympy.Expr) and not amount.is_number:
        # Next to a symbol, a B would be read as one.
        return f"{format_expression(amount)} {'bytes' if unit == 'B' else unit}".rstrip()
    prefixes: tuple[str, ...]
    base, prefixes = (1024.0, _BINARY) if unit == "B" else (1000.0, _DECIMAL)
    number, power = float(amount), 0
    # 999.5 would be written as 1000: it belongs to the next prefix. No prefix makes an infinite number smaller.
    while base - 0.5 <= abs(number) < math.inf and power < len(prefixes) - 1:
        number, power = number / base, power + 1
    if unit == "s" and 0 < abs(number) < _ONE:
        prefixes = _SMALL
        while abs(number) < _ONE and power < len(prefixes) - 1:
            number, power = number * 1000, power + 1
    digits = f"{number:.3g}" if abs(number) < 999.5 else f"{number:.0f}"
    return f"{digits} {prefixes[power]}{unit}".rstrip()


def format_expression(expression: sympy.Expr) -> str:
    """Return a sum of products the way one writes it by hand.

    >>> B, S = sympy.symbols("B S", integer=True, positive=True)
    >>> format_expression(2 * B * S**2 + 3)
    '2·B·S² + 3'
    """
    text = re.sub(r"\*\*(\d+)", lambda power: power[1].translate(_SUPERSCRIPTS), str(expression))
    return text.replace("**", "^").replace("*", "·")


def format_shape(shape: tuple[Dim, ...]) -> str:
    """Return a shape as people write it: ``1×3×224×224``, ``scalar`` for rank 0.

    >>> format_shape((1, 3, 224, 224)), format_shape(())
    ('1×3×224×224', 'scalar')
    """
    return "×".join(_extent(extent) for extent in shape) if shape else "scalar"


def _extent(extent: Dim) -> str:
    text = str(extent) if isinstance(extent, int) else format_expression(extent)
    return f"({text})" if " " in text else text


def format_type(type: TensorType | None) -> str:
    """Return a tensor type on one line: ``float32 1×3×224×224``; ``?`` where it is not known."""
    return f"{type.dtype} {format_shape(type.shape)}" if type else "?"


_QUANTITY = re.compile(
    r"(?P<number>\d[\d_,]*(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+) ?(?P<prefix>[kKMGTPEZ]?i?)(?P<unit>\w*)"
)


def parse_quantity(text: str, unit: str = "") -> int:
    """Return an amount that people wrote, with or without its ``unit``; the inverse of `format_quantity`.

    ``k``, ``M``, ``G`` count by 1000, ``Ki``, ``Mi``, ``Gi`` by 1024, of bytes too. Fractions are cut off.

    >>> parse_quantity("5G", "FLOPs"), parse_quantity("25.6 M"), parse_quantity("1e9")
    (5000000000, 25600000, 1000000000)
    >>> parse_quantity("8GiB", "B"), parse_quantity("8 GB", "B"), parse_quantity("512Mi", "B")
    (8589934592, 8000000000, 536870912)

    Raises `InputError` for anything else.
    """
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or match["unit"] not in ("", unit) or match["prefix"] == "i":
        example = "8GiB or 8GB" if unit == "B" else "5G"
        raise InputError(f"cannot read the amount {text!r}: write a number with a prefix, such as {example}")
    digits = match["number"].replace("_", "").replace(",", "")
    letter = match["prefix"].removesuffix("i").replace("K", "k")
    factor = (1024 if match["prefix"].endswith("i") else 1000) ** _DECIMAL.index(letter)
    if math.isinf(float(digits) * factor):
        raise InputError(f"the amount {text!r} is too large: write one below 1e308")
    return int(Decimal(digits) * factor)
