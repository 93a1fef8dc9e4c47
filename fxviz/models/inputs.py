"""Shapes of inputs as people write them: ``1,3,224,224``, ``input_ids=1,128:int64``, ``B,3,H@64,W@64``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fxviz.errors import InputError
from fxviz.ir.dtypes import DTYPE_BITS
from fxviz.plugins import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["InputSpec", "Symbol", "choose_sizes", "parse_input"]

_INPUT = re.compile(r"(?:(?P<name>[^\W\d]\w*)=)?(?P<extents>[^:=]*)(?::(?P<dtype>\w*))?")
_EXTENT = re.compile(r"(?P<size>\d+)|(?P<symbol>[^\W\d]\w*)(?:@(?P<hint>\d+))?")


@dataclass(frozen=True)
class Symbol:
    """A dimension that is free; ``hint`` is the size to trace it at."""

    name: str
    hint: int | None = None


@dataclass(frozen=True)
class InputSpec:
    """The shape of one input tensor; without a name it stands for the next positional argument."""

    shape: tuple[int | Symbol, ...]
    name: str | None = None
    dtype: str | None = None


def parse_input(text: str) -> InputSpec:
    """Read ``[name=]extents[:dtype]``: extents are integers or symbols, ``B`` or, with a size to trace at, ``B@8``.

    >>> parse_input("input_ids=B,128:int64")
    InputSpec(shape=(Symbol(name='B', hint=None), 128), name='input_ids', dtype='int64')

    Raises `InputError` for anything else.
    """
    if (match := _INPUT.fullmatch("".join(text.split()))) is None:
        raise InputError(
            f"cannot read the input {text!r}: write [name=]extents[:dtype], such as 1,3,224,224 or input_ids=1,128:int64"
        )
    dtype = match["dtype"]
    if dtype is not None and dtype not in DTYPE_BITS:
        raise InputError(
            f"unknown dtype {dtype!r} in the input {text!r}{suggest(dtype, sorted(DTYPE_BITS), most=0) or '; write a name of torch, such as float32'}"
        )
    extents = match["extents"].removesuffix(",")
    shape = tuple(_extent(extent, text) for extent in extents.split(",")) if extents else ()
    return InputSpec(shape, match["name"], dtype)


def _extent(extent: str, text: str) -> int | Symbol:
    if (match := _EXTENT.fullmatch(extent)) is None:
        raise InputError(
            f"cannot read the extent {extent!r} of the input {text!r}: write a size such as 224, or a symbol such as B or B@8"
        )
    if match["size"]:
        return int(match["size"])
    return Symbol(match["symbol"], int(match["hint"]) if match["hint"] else None)


def choose_sizes(specs: Iterable[tuple[InputSpec, tuple[int, ...] | None]]) -> Mapping[str, int]:
    """Choose a size for each symbol to be traced at. Beside each spec stands the shape guessed for that input, if any.

    In this order: the symbol's own hint; the guessed size at its position, unless that is 1, which torch treats apart; a
    prime that differs from every other extent, so that equal sizes by chance are not taken for equal dimensions.

    >>> choose_sizes([(parse_input("B,S,3"), (1, 128, 3))])
    {'S': 128, 'B': 5}
    """
    specs = list(specs)
    sizes: dict[str, int] = {}
    places = [
        (extent, guess[dim] if guess is not None and len(guess) == len(spec.shape) else 1)
        for spec, guess in specs
        for dim, extent in enumerate(spec.shape)
        if isinstance(extent, Symbol)
    ]
    for symbol, _ in places:
        if symbol.hint is not None and sizes.setdefault(symbol.name, symbol.hint) != symbol.hint:
            raise InputError(
                f"the symbol {symbol.name} has two sizes, {sizes[symbol.name]} and {symbol.hint}; give one"
            )
    for symbol, guessed in places:
        if guessed > 1:
            sizes.setdefault(symbol.name, guessed)
    taken = {extent for spec, _ in specs for extent in spec.shape if isinstance(extent, int)} | set(sizes.values())
    free = (prime for prime in _primes() if prime not in taken)
    for symbol, _ in places:
        if symbol.name not in sizes:
            sizes[symbol.name] = next(free)
    return sizes


def _primes() -> Iterator[int]:
    """Yield the odd primes, without end."""
    number = 3
    while True:
        if all(number % divisor for divisor in range(3, int(number**0.5) + 1, 2)):
            yield number
        number += 2
