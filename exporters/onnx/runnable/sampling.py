"""Random inputs that a model accepts, and other sizes of its dynamic dimensions to try it at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING

import sympy
import torch

from fxviz.ir.dtypes import is_integer

if TYPE_CHECKING:
    from fxviz.exporters.onnx.runnable.flat import FlatProgram
    from fxviz.ir import Dim, Graph, Kernel, Value

__all__ = ["Sizes", "other_sizes", "random_inputs", "traced_sizes"]

Sizes = Mapping[sympy.Symbol, int]
"""A size for every symbol of a graph."""

_HANDS_ON = {
    *("_to_copy", "_unsafe_view", "alias", "clone", "contiguous", "detach", "expand", "flatten", "lift_fresh_copy"),
    *(
        "permute",
        "reshape",
        "select",
        "slice",
        "split",
        "squeeze",
        "t",
        "to",
        "transpose",
        "unbind",
        "unsqueeze",
        "view",
    ),
}
"""The operators whose result has the values of their first input, or some of them."""
_INDEXES = {
    "embedding": ("indices", "weight", 0),
    "embedding_bag": ("indices", "weight", 0),
    "_embedding_bag": ("indices", "weight", 0),
    "gather": ("index", "self", None),
    "index_select": ("index", "self", None),
    "nll_loss_forward": ("target", "self", 1),
}
"""The argument that is an index, the one that it looks into, and the dimension of that; None where ``dim`` says it."""


def traced_sizes(program: FlatProgram) -> Sizes:
    """Return the sizes that the symbols had in the trace."""
    shapes = [value.type.shape for value in program.graph.inputs if value.type]
    extents = zip(chain.from_iterable(shapes), chain.from_iterable(program.sizes), strict=True)
    return {extent: size for extent, size in extents if isinstance(extent, sympy.Symbol)}


def other_sizes(sizes: Sizes) -> Iterator[Sizes]:
    """Iterate over sizes that all differ from ``sizes``, the likeliest to be accepted first."""
    yield {symbol: size + 1 for symbol, size in sizes.items()}
    yield {symbol: 2 * size for symbol, size in sizes.items()}
    yield {symbol: max(1, size - 1) for symbol, size in sizes.items()}
    yield {symbol: max(1, size // 2) for symbol, size in sizes.items()}


def random_inputs(program: FlatProgram, sizes: Sizes, generator: torch.Generator) -> list[torch.Tensor]:
    """Make one input of each: normal numbers; integers that are in range of what they index, else zeros and ones."""
    limits = _limits(program.graph)
    made = []
    for value, given in zip(program.graph.inputs, program.sizes, strict=True):
        assert value.type is not None, "a graph with an origin has typed inputs"
        shape = [_size(extent, sizes) for extent in value.type.shape] if sizes else list(given)
        dtype = getattr(torch, value.type.dtype)
        if dtype.is_floating_point or dtype.is_complex:
            tensor = torch.randn(
                shape, generator=generator, dtype=torch.complex64 if dtype.is_complex else torch.float32
            )
        else:
            tensor = torch.randint(0, limits.get(value, 2), shape, generator=generator)
        made.append(tensor.to(dtype=dtype, device=program.device))
    return made


def _size(extent: Dim, sizes: Sizes) -> int:
    return extent if isinstance(extent, int) else int(extent.subs(sizes))


def _limits(graph: Graph) -> Mapping[Value, int]:
    """Return for each integer input the number of rows of the smallest table that it, or a view or part of it, is an index into."""
    limits: dict[Value, int] = {}
    origin = {value: value for value in graph.inputs if value.type and is_integer(value.type.dtype)}
    for kernel in graph.kernels:
        name = kernel.op.split(".")[1] if "." in kernel.op else kernel.op
        if name in _HANDS_ON and kernel.inputs and (source := origin.get(kernel.inputs[0])) is not None:
            origin.update(dict.fromkeys(kernel.outputs, source))
        elif (found := _index_of(kernel, name)) is not None and (source := origin.get(found[0])) is not None:
            limits[source] = min(found[1], limits.get(source, found[1]))
    return limits


def _index_of(kernel: Kernel, name: str) -> tuple[Value, int] | None:
    """Return the index that a kernel takes, and the extent that it must be below."""
    if name not in _INDEXES:
        return None
    index, table, dim = _INDEXES[name]
    value, looked_into = kernel.input(index), kernel.input(table)
    if value is None or looked_into is None or looked_into.type is None:
        return None
    axis = kernel.attributes.get("dim", 0) if dim is None else dim
    extent = looked_into.type.shape[axis] if isinstance(axis, int) and looked_into.type.shape else None
    return (value, extent) if isinstance(extent, int) else None
