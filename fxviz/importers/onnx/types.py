"""Tensor types of ONNX as ours; symbolic extents keep the names that the file gives them."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import sympy

from fxviz.errors import FormatError
from fxviz.importers.onnx.format import ELEMENT_TYPES, type_proto
from fxviz.ir import Dim, TensorType, as_dim

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx

__all__ = ["DTYPES", "Extents", "tensor_type_of"]

DTYPES: Mapping[int, str] = MappingProxyType({number: dtype for dtype, number in ELEMENT_TYPES.items()})
"""torch's name of every element type of ONNX that it has."""

_MOST_EXTENTS = 64
_LONGEST = 200  # characters of an extent that is read as arithmetic
_ARITHMETIC = re.compile(r"(?:[A-Za-z_]\w*|\d+(?![\w.])|[-+*/%(), ])+")
_CALLS: Mapping[str, type[sympy.Expr]] = MappingProxyType(
    {"Max": sympy.Max, "Min": sympy.Min, "floor": sympy.floor, "ceiling": sympy.ceiling, "Mod": sympy.Mod}
)


@dataclass
class Extents:
    """The symbols of one file, and its extents by the text that stands for them in types."""

    by_text: dict[str, Dim] = field(default_factory=dict)
    unknown: set[Dim] = field(default_factory=set)

    def read(self, text: str) -> Dim:
        """Return the extent that a file calls ``text``: a symbol, or arithmetic on symbols.

        >>> str(Extents().read("2*batch + 1")), str(Extents().read("past seq"))
        ('2*batch + 1', 'past seq')
        """
        if text not in self.by_text:
            self.by_text[text] = _parse(text)
        return self.by_text[text]

    def fresh(self) -> Dim:
        """Create a symbol for an extent of which nothing is known."""
        number = len(self.unknown)
        while f"u{number}" in self.by_text:
            number += 1
        extent = self.read(f"u{number}")
        self.unknown.add(extent)
        return extent

    def proto(self, type: TensorType) -> onnx.TypeProto:
        """``type`` for ONNX's own inference, each extent by a text that `read` knows again."""
        for extent in type.shape:
            if not isinstance(extent, int):
                self.by_text.setdefault(str(extent), extent)
        proto = type_proto(type)
        for dim, extent in zip(proto.tensor_type.shape.dim, type.shape, strict=True):
            if extent == 0:  # which the view writes as a text, for Netron
                dim.dim_value = 0
        return proto


def symbol(name: str) -> sympy.Symbol:
    """Return the symbol of a size by its name."""
    return sympy.Symbol(name, integer=True, positive=True)


def tensor_type_of(proto: onnx.TypeProto, extents: Extents, *, complete: bool = False) -> TensorType | None:
    """Return the type of a tensor; None if it is not a tensor, or its rank or element type is unknown.

    An extent that is unknown gets a symbol of its own; where only ``complete`` types are wanted, the type is None.
    """
    if proto.WhichOneof("value") != "tensor_type":
        return None
    tensor = proto.tensor_type
    if tensor.elem_type not in DTYPES or not tensor.HasField("shape"):
        return None
    if len(tensor.shape.dim) > _MOST_EXTENTS:
        raise FormatError(f"a tensor has {len(tensor.shape.dim):,} dimensions")
    shape: list[Dim] = []
    for dim in tensor.shape.dim:
        kind = dim.WhichOneof("value")
        if kind == "dim_value":
            if dim.dim_value < 0:
                raise FormatError(f"a tensor has the extent {dim.dim_value}")
            shape.append(dim.dim_value)
        elif kind == "dim_param" and dim.dim_param:
            shape.append(extents.read(dim.dim_param))
        elif complete:
            return None
        else:
            shape.append(extents.fresh())
    return TensorType(tuple(shape), DTYPES[tensor.elem_type])


def _parse(text: str) -> Dim:
    try:
        tree = ast.parse(text, mode="eval").body if len(text) <= _LONGEST and _ARITHMETIC.fullmatch(text) else None
        found = _evaluate(tree) if tree is not None else None
    except (SyntaxError, ValueError, RecursionError, MemoryError, ZeroDivisionError):
        found = None
    if found is None:
        return symbol(text)
    number = as_dim(sympy.sympify(found))
    if isinstance(number, int):
        return number if number >= 0 else symbol(text)
    return number if number.free_symbols else symbol(text)


def _evaluate(tree: ast.expr) -> sympy.Expr | None:
    """Evaluate sums, products, quotients and roundings of names and whole numbers; return None for anything else."""
    match tree:
        case ast.Name(id=name):
            return symbol(name)
        case ast.Constant(value=value) if type(value) is int and abs(value) < 2**63:
            return sympy.Integer(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _evaluate(operand)
            return None if inner is None else -inner
        case ast.BinOp(left=left, op=op, right=right):
            return _combine(_evaluate(left), op, _evaluate(right))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _CALLS:
            parts = [_evaluate(argument) for argument in arguments]
            return None if None in parts else _CALLS[name](*parts)
    return None


def _combine(left: sympy.Expr | None, op: ast.operator, right: sympy.Expr | None) -> sympy.Expr | None:
    if left is None or right is None:
        return None
    match op:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div() if right != 0:
            return left / right
        case ast.FloorDiv() if right != 0:
            return sympy.floor(left / right)
        case ast.Mod() if right != 0:
            return sympy.Mod(left, right)
        case ast.Pow() if right.is_Integer and 0 <= right <= 8:
            return left**right
    return None
