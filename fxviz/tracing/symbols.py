"""Symbolic sizes: the user's ``Dim("B")`` as torch's symbols, and torch's expressions back in the user's names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sympy
import torch

from fxviz.errors import InputError
from fxviz.tracing import torch_private as _torch
from fxviz.tracing.structure import Path, format_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fxviz.ir import Dim

__all__ = ["Symbols"]


class Symbols:
    """The symbols of one trace. Equal names are one symbol; ``to_dim`` writes sizes in those names."""

    def __init__(self, dynamic_shapes: Mapping[str, Any] | Sequence[Any] | None) -> None:
        self.dynamic_shapes = dynamic_shapes
        self.env = _torch.ShapeEnv() if dynamic_shapes else None
        self._sizes: dict[str, tuple[torch.SymInt, int]] = {}
        self._names: dict[sympy.Symbol, sympy.Symbol] = {}
        self._dims: dict[sympy.Expr, Dim] = {}
        self._used: set[tuple[Any, ...]] = set()  # where in dynamic_shapes the inputs are
        self.places: dict[sympy.Symbol, tuple[Path, int]] = {}  # torch's symbol -> an input and dimension of that size

    def shape(self, path: Path, sizes: Sequence[int], position: int) -> tuple[int | torch.SymInt, ...]:
        """Return the sizes of the input at ``path``, symbols where the user asked for them; ``position`` counts the argument."""
        spec = self._spec(path, position)
        if not spec:
            return tuple(sizes)
        dims = dict(spec.items() if isinstance(spec, Mapping) else enumerate(spec))
        for dim in dims:
            if not isinstance(dim, int) or not 0 <= dim < len(sizes):
                raise InputError(
                    f"dynamic_shapes names dimension {dim!r} of {format_path(path)}, which has {len(sizes)} dimensions"
                )
        return tuple(self._size(dims.get(dim), size, path, dim) for dim, size in enumerate(sizes))

    def _spec(self, path: Path, position: int) -> Any:
        spec: Any = self.dynamic_shapes
        keys: list[Any] = []
        for depth, (_, key) in enumerate(path):
            if isinstance(spec, Mapping):
                keys.append(key)
                spec = spec.get(key)
            elif isinstance(spec, list | tuple):
                keys.append(index := position if depth == 0 else key)
                spec = spec[index] if isinstance(index, int) and index < len(spec) else None
            else:
                return None
        self._used.add(tuple(keys))
        return spec

    def check_used(self, names: Sequence[str]) -> None:
        """Raise an `InputError` if ``dynamic_shapes`` asks for dimensions of what is not an input; ``names`` are the inputs."""
        if unused := next(self._unused(self.dynamic_shapes, ()), None):
            where = "".join(f"[{key!r}]" for key in unused)
            raise InputError(
                f"dynamic_shapes{where} is not for a tensor among the inputs, which are {', '.join(names) or 'none'}; "
                "give it the structure of the inputs, as for torch.export.export"
            )

    def _unused(self, spec: Any, keys: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        if keys in self._used or not _asks(spec):
            return
        if not keys or any(used[: len(keys)] == keys for used in self._used):
            for key, part in spec.items() if isinstance(spec, Mapping) else enumerate(spec):
                yield from self._unused(part, (*keys, key))
        else:
            yield keys

    def _size(self, wanted: Any, size: int, path: Path, dim: int) -> int | torch.SymInt:
        if isinstance(wanted, int) and wanted != size:
            raise InputError(
                f"dynamic_shapes says that dimension {dim} of {format_path(path)} is {wanted}, but the input has {size}"
            )
        if wanted is None or isinstance(wanted, int) or str(wanted).endswith("STATIC"):
            return size
        if (root := getattr(wanted, "root", None)) is not None:  # a derived dimension such as 2*Dim("B")
            hint = next((n for n in range(1, size + 1) if wanted.fn(n) == size), None)
            if hint is None:
                raise InputError(f"dimension {dim} of {format_path(path)} is {size}, which is not {wanted.__name__}")
            symbol = self._size(root, hint, (), dim)
            return wanted.fn(symbol)  # type: ignore[no-any-return]
        name = wanted if isinstance(wanted, str) else getattr(wanted, "__name__", None) or _automatic_name(path, dim)
        if not name.isidentifier():
            raise InputError(f"{name!r} cannot name a dimension: use a Python identifier such as B or seq_len")
        return self._symbol(name, size, path, dim)

    def _symbol(self, name: str, size: int, path: Path, dim: int) -> torch.SymInt:
        if name in self._sizes:
            symbol, hint = self._sizes[name]
            if hint != size:
                raise InputError(
                    f"dimension {name} is {hint} in one input and {size} in dimension {dim} of {format_path(path)}"
                )
            return symbol
        assert self.env is not None
        symbol = _torch.create_symbol(self.env, name, size)
        self._sizes[name] = symbol, size
        self._names[symbol.node.expr] = sympy.Symbol(name, integer=True, positive=True)
        if path:
            self.places[symbol.node.expr] = path, dim
        return symbol

    def to_dim(self, size: int | torch.SymInt) -> Dim:
        """Return a size as the IR has it: an ``int`` where static, else an expression in the user's symbols."""
        if not isinstance(size, torch.SymInt):
            return int(size)
        expression = size.node.expr
        if (known := self._dims.get(expression)) is None:
            self._dims[expression] = known = self._rename(expression)
        return known

    def _rename(self, expression: sympy.Expr) -> Dim:
        renamed = _plain(expression).xreplace(self._names)
        return int(renamed) if renamed.is_Integer else renamed

    def pinned(self) -> dict[sympy.Symbol, int]:
        """Return the symbols that the run fixed to one size, as a guard such as ``B == 3`` says."""
        if self.env is None:
            return {}
        found = {self._names[torchs]: self.env.replacements.get(torchs) for torchs in self._names}
        return {symbol: int(size) for symbol, size in found.items() if size is not None and size.is_Integer}

    def guards(self) -> tuple[str, ...]:
        """Return the conditions on the symbols under which the trace holds, each once, in the user's names."""
        if self.env is None:
            return ()
        conditions = (_plain(guard).xreplace(self._names) for guard in _torch.guards_of(self.env))
        return tuple(dict.fromkeys(_readable(condition) for condition in conditions))


def _asks(spec: Any) -> bool:
    """Return whether any dimension in a part of ``dynamic_shapes`` is to be free."""
    if isinstance(spec, Mapping):
        return any(map(_asks, spec.values()))
    if isinstance(spec, list | tuple):
        return any(map(_asks, spec))
    return spec is not None and not isinstance(spec, int) and not str(spec).endswith("STATIC")


def _automatic_name(path: Path, dim: int) -> str:
    return "".join(c if c.isalnum() else "_" for c in f"{format_path(path)}_{dim}")


def _readable(condition: sympy.Basic) -> str:
    """Return a relation with its usual sign: ``B == 4`` for ``Eq(B, 4)``."""
    signs = {sympy.Eq: "==", sympy.Ne: "!="}
    if (sign := signs.get(type(condition))) is not None:
        return f"{condition.args[0]} {sign} {condition.args[1]}"
    return str(condition)


def _plain(expression: sympy.Basic) -> sympy.Basic:
    """Return the same expression without torch's own functions, which only torch can read."""
    if not expression.args:
        return expression
    args = [_plain(argument) for argument in expression.args]
    build = _PLAIN.get(type(expression).__name__)
    return build(*args) if build and type(expression).__module__.startswith("torch.") else expression.func(*args)


_PLAIN = {
    "FloorDiv": lambda a, b: sympy.floor(a / b),
    "CleanDiv": lambda a, b: a / b,
    "CeilDiv": lambda a, b: sympy.ceiling(a / b),
    "Mod": sympy.Mod,
    "PythonMod": sympy.Mod,
    "ModularIndexing": lambda a, b, c: sympy.Mod(sympy.floor(a / b), c),
    "Max": sympy.Max,
    "Min": sympy.Min,
    "PowByNatural": sympy.Pow,
    "FloatPow": sympy.Pow,
    "IntTrueDiv": lambda a, b: a / b,
    "FloatTrueDiv": lambda a, b: a / b,
    "CeilToInt": sympy.ceiling,
    "FloorToInt": sympy.floor,
    "TruncToInt": sympy.floor,
    "RoundToInt": lambda a: sympy.floor(a + sympy.Rational(1, 2)),
    "ToFloat": lambda a: a,
    "Identity": lambda a: a,
}
