"""The shape of a result where operands hold sizes, or extents are symbols: what ONNX's own inference leaves unknown."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import sympy

from fxviz.analysis.rules import RuleTable
from fxviz.importers.onnx.operation import Operation, numbers_of
from fxviz.ir import Dim, as_dim

__all__ = [
    "COMPARISONS",
    "MOST_EXTENTS",
    "Shape",
    "divided",
    "matmul",
    "shape_of",
    "shape_rules",
    "sizes_of",
    "tidy",
    "windows",
]

Shape: TypeAlias = tuple[Dim, ...]
Rule: TypeAlias = Callable[[Operation], "Shape | None"]

MOST_EXTENTS = 64

shape_rules: RuleTable[Rule] = RuleTable()
"""The shape of the first output where operands hold sizes, which may be symbols; None where it is not known."""

COMPARISONS = ("Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "And", "Or", "Xor")
"""The operators on pairs of elements whose result is true or false."""


def tidy(shape: Shape | None) -> Shape | None:
    """Extents are whole and not negative, and there are not too many of them."""
    if shape is None or len(shape) > MOST_EXTENTS:
        return None
    extents = tuple(as_dim(sympy.expand(extent)) if isinstance(extent, sympy.Expr) else extent for extent in shape)
    whole = all(extent >= 0 if type(extent) is int else isinstance(extent, sympy.Expr) for extent in extents)
    return extents if whole else None


def shape_of(operation: Operation, position: int = 0) -> Shape | None:
    """Return the extents of an operand, None if they are not known."""
    type = operation.type(position)
    return type.shape if type else None


def sizes_of(operation: Operation, position: int) -> Shape | None:
    """Return the sizes that an operand holds, None if they are not known."""
    given = operation.number(position)
    if not isinstance(given, tuple):
        return None
    sizes = tuple(size for size in given if isinstance(size, Dim) and not isinstance(size, bool))
    return sizes if len(sizes) == len(given) else None


def _broadcast(*shapes: Shape) -> Shape | None:
    """Return the common shape; None if extents do not match, or two symbols meet of which one may be 1."""
    common: list[Dim] = []
    for place in range(-max(map(len, shapes)), 0):
        extents = {shape[place] for shape in shapes if len(shape) >= -place} - {1}
        static = [extent for extent in extents if isinstance(extent, int)]
        if len(static) > 1 or (not static and len(extents) > 1):
            return None
        common.append(static[0] if static else next(iter(extents), 1))
    return tuple(common)


@shape_rules("Reshape")
def _reshape(operation: Operation) -> Shape | None:
    """0 keeps an extent, -1 is what is left."""
    wanted, given = sizes_of(operation, 1), shape_of(operation)
    if wanted is None:
        wanted = operation.integers("shape")
    if wanted is None:
        return None
    keeps = not operation.integer("allowzero", 0)
    if given is None:
        return wanted if all(extent not in (0, -1) for extent in wanted) else None
    if any(extent == 0 and keeps and place >= len(given) for place, extent in enumerate(wanted)):
        return None
    shape = [given[place] if extent == 0 and keeps else extent for place, extent in enumerate(wanted)]
    if shape.count(-1) > 1:
        return None
    if -1 in shape:
        rest = math.prod(extent for extent in shape if extent != -1)
        if rest == 0:
            return None
        shape[shape.index(-1)] = divided(math.prod(given), rest)
    return tuple(shape)


def divided(a: Dim, b: Dim) -> Dim:
    """Return ``a / b``, which leaves no remainder."""
    if isinstance(a, int) and isinstance(b, int):
        return a // b
    return as_dim(sympy.cancel(sympy.sympify(a) / b))


@shape_rules("Expand")
def _expand(operation: Operation) -> Shape | None:
    wanted, given = sizes_of(operation, 1), shape_of(operation)
    return None if wanted is None or given is None else _broadcast(given, wanted) or _larger(given, wanted)


def _larger(given: Shape, wanted: Shape) -> Shape | None:
    """Return ``wanted`` if the tensor does not have more dimensions, else None."""
    return wanted if len(wanted) >= len(given) else None


@shape_rules("Flatten")
def _flatten(operation: Operation) -> Shape | None:
    if (given := shape_of(operation)) is None:
        return None
    axis = operation.integer("axis", 1)
    return math.prod(given[:axis]), math.prod(given[axis:])


@shape_rules("Concat")
def _concat(operation: Operation) -> Shape | None:
    shapes = [shape_of(operation, position) for position in range(len(operation.operands))]
    axis = operation.integer("axis", 0)
    known = [shape for shape in shapes if shape is not None]
    if (
        not known
        or len(known) < len(shapes)
        or len(set(map(len, known))) != 1
        or not -len(known[0]) <= axis < len(known[0])
    ):
        return None
    shape = [
        next((s[place] for s in known if isinstance(s[place], int)), known[0][place]) for place in range(len(known[0]))
    ]
    shape[axis] = sum(each[axis] for each in known)
    return tuple(shape)


@shape_rules("Slice")
def _slice(operation: Operation) -> Shape | None:
    given = shape_of(operation)
    starts, ends = (
        numbers_of(operation.attributes.get(name, operation.number(place)))
        for name, place in (("starts", 1), ("ends", 2))
    )
    if given is None or starts is None or ends is None or len(starts) != len(ends):
        return None
    axes = operation.integers("axes", 3) or tuple(range(len(starts)))
    steps = operation.integers("steps", 4) or (1,) * len(starts)
    shape = list(given)
    if len(axes) != len(starts) or len(steps) != len(starts):
        return None
    for start, end, axis, by in zip(starts, ends, axes, steps, strict=True):
        if not -len(shape) <= axis < len(shape) or (length := _sliced(shape[axis], start, end, by)) is None:
            return None
        shape[axis] = length
    return tuple(shape)


def _sliced(extent: Dim, start: Dim | float | bool, end: Dim | float | bool, by: int) -> Dim | None:
    """How many positions ``start:end:by`` takes; None where that depends on sizes in a way that is not known."""
    if isinstance(start, float) or isinstance(end, float) or not by:
        return None
    if isinstance(extent, int) and isinstance(start, int) and isinstance(end, int):
        return len(range(*slice(start, end if by > 0 or end >= -extent else None, by).indices(extent)))
    if by != 1 or not isinstance(start, Dim) or not isinstance(end, Dim):
        return None
    first: Dim = start if not (isinstance(start, int) and start < 0) else extent + start
    last: Dim = end if not (isinstance(end, int) and end < 0) else extent + end
    if isinstance(end, int) and end >= 2**31 - 1:
        last = extent
    if not isinstance(extent, int) and isinstance(last, int):
        return last - first if isinstance(first, int) and _taken(extent, last) else None
    return as_dim(sympy.sympify(last) - first)


def _taken(extent: Dim, last: int) -> bool:
    """Whether an extent that is a symbol surely has so many positions."""
    return bool((sympy.sympify(extent) >= last) == True)  # noqa: E712 -- a relation may be neither


@shape_rules("Range")
def _range(operation: Operation) -> Shape | None:
    start, end, by = (operation.number(position) for position in range(3))
    if not all(isinstance(number, Dim | float) for number in (start, end, by)) or by == 0:
        return None
    count = sympy.ceiling((sympy.sympify(end) - start) / by)
    return (as_dim(sympy.Max(0, count) if count.is_number else count),)


@shape_rules("Tile")
def _tile(operation: Operation) -> Shape | None:
    given, times = shape_of(operation), sizes_of(operation, 1)
    if given is None or times is None or len(given) != len(times):
        return None
    return tuple(extent * count for extent, count in zip(given, times, strict=True))


@shape_rules("MatMul")
def matmul(operation: Operation) -> Shape | None:
    """Rows of a and columns of b, batches broadcast."""
    a, b = shape_of(operation, 0), shape_of(operation, 1)
    if not a or not b or len(a) < 2 or len(b) < 2:
        return None
    batch = _broadcast(a[:-2], b[:-2]) if a[:-2] or b[:-2] else ()
    return None if batch is None else (*batch, a[-2], b[-1])


@shape_rules("Pad")
def _pad(operation: Operation) -> Shape | None:
    given, pads = shape_of(operation), numbers_of(operation.attributes.get("pads", operation.number(1)))
    if given is None or pads is None or operation.operand(3) is not None or len(pads) != 2 * len(given):
        return None
    sizes = [pad for pad in pads if isinstance(pad, Dim)]
    return (
        tuple(extent + sizes[i] + sizes[i + len(given)] for i, extent in enumerate(given))
        if len(sizes) == len(pads)
        else None
    )


@shape_rules("Resize", "Upsample")
def _resize(operation: Operation) -> Shape | None:
    given = shape_of(operation)
    scales = numbers_of(operation.number(1 if len(operation.operands) < 3 else 2))
    sizes = sizes_of(operation, 3)
    if given is None or operation.attributes.get("axes") is not None:
        return None
    if sizes is not None and len(sizes) == len(given):
        return sizes
    if scales is None or len(scales) != len(given):
        return None
    return tuple(_scaled(extent, scale) for extent, scale in zip(given, scales, strict=True))


def _scaled(extent: Dim, scale: Dim | float | bool) -> Dim:
    if isinstance(extent, int):
        return math.floor(extent * scale) if isinstance(scale, int | float) else extent * scale
    whole = int(scale) if isinstance(scale, int | float) and scale == int(scale) else None
    return extent * whole if whole is not None else as_dim(sympy.floor(extent * sympy.nsimplify(scale)))


@shape_rules("Conv", "ConvInteger", "QLinearConv", "MaxPool", "AveragePool", "LpPool")
def windows(operation: Operation) -> Shape | None:
    """``floor((extent + pads − dilation · (kernel − 1) − 1) / stride) + 1`` along each spatial dimension."""
    given = shape_of(operation)
    weight = (
        shape_of(operation, 3 if operation.op_type == "QLinearConv" else 1) if "Conv" in operation.op_type else None
    )
    kernel = operation.integers("kernel_shape") or (weight[2:] if weight else None)
    if given is None or kernel is None or len(given) != len(kernel) + 2 or ("Conv" in operation.op_type and not weight):
        return None
    spatial = len(kernel)
    strides = operation.integers("strides") or (1,) * spatial
    dilations = operation.integers("dilations") or (1,) * spatial
    pads = operation.integers("pads") or (0,) * (2 * spatial)
    if len(strides) != spatial or len(dilations) != spatial or len(pads) != 2 * spatial or not all(strides):
        return None
    mode = operation.attributes.get("auto_pad", "NOTSET")
    shape: list[Dim] = []
    for place, extent in enumerate(given[2:]):
        reach = dilations[place] * (kernel[place] - 1) + 1
        if mode in ("SAME_UPPER", "SAME_LOWER"):
            shape.append(_rounded(extent, strides[place], up=True))
            continue
        padded = extent + (pads[place] + pads[place + spatial] if mode == "NOTSET" else 0)
        up = bool(operation.integer("ceil_mode", 0))
        count = _rounded(padded - reach, strides[place], up=up) + 1
        if up and isinstance(count, int) and isinstance(extent, int):
            # A last window must begin inside of the input or its left padding.
            count -= (count - 1) * strides[place] >= extent + pads[place]
        shape.append(count)
    return (given[0], weight[0] if weight else given[1], *shape)


def _rounded(extent: Dim, by: int, *, up: bool) -> Dim:
    if isinstance(extent, int):
        return -(-extent // by) if up else extent // by
    quotient = sympy.sympify(extent) / by
    return as_dim(sympy.ceiling(quotient) if up else sympy.floor(quotient))


@shape_rules("Einsum")
def _einsum(operation: Operation) -> Shape | None:
    equation = str(operation.attributes.get("equation", "")).replace(" ", "")
    terms, arrow, result = equation.partition("->")
    sizes: dict[str, Dim] = {}
    if not arrow or "." in equation:
        return None
    for position, term in enumerate(terms.split(",")):
        shape = shape_of(operation, position)
        if shape is None or len(shape) != len(term):
            return None
        sizes |= zip(term, shape, strict=True)
    return tuple(sizes[label] for label in result) if set(result) <= sizes.keys() else None


def _elementwise(operation: Operation) -> Shape | None:
    shapes = [shape_of(operation, position) for position in range(len(operation.operands))]
    known = [shape for shape in shapes if shape is not None]
    return _broadcast(*known) if known and len(known) == len(shapes) else None


shape_rules("Add", "Sub", "Mul", "Div", "Pow", "Mod", "Min", "Max", "Sum", "Mean", "Where", *COMPARISONS)(_elementwise)
