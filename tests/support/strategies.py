"""Random valid graphs for hypothesis, and the equality of two graphs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import sympy
from build import Builder
from hypothesis import strategies as st

from fxviz.ir import Graph, Storage, Value

B, S = sympy.symbols("B S", integer=True, positive=True)

names = st.text(
    st.characters(exclude_categories=()), min_size=1, max_size=8
)  # lone surrogates and control characters too
module_names = st.sampled_from(["a", "b", "0", "1"])
extents = st.one_of(st.integers(0, 9), st.sampled_from([B, S, 2 * B + 1, B * S, sympy.floor(S / 2), sympy.Max(B, S)]))
dtypes = st.sampled_from(["float32", "bfloat16", "int64", "uint4", "bool"])
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    names,
    st.sampled_from([B, S**2 / 3, sympy.Mod(B, 2), sympy.ceiling(S / 3) - 1, 1 / sympy.sqrt(S), sympy.Rational(1, 3)]),
)
attributes = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3).map(tuple), st.dictionaries(names, inner, max_size=3)),
    max_leaves=5,
)


@st.composite
def graphs(draw: st.DrawFn, *, texts: bool = False) -> Graph:
    """A graph of up to twelve operations: nested and repeated modules, views, several kernels and outputs.

    ``texts`` adds what only readers and writers look at: attributes, sources, notes and strange names.
    """
    build = Builder(draw(names) if texts else "graph")
    values = [build.input("x", *draw(st.lists(extents, max_size=3)), dtype=draw(dtypes))]
    if draw(st.booleans()):
        values.append(build.constant("constant", draw(extents)))
    for _ in range(draw(st.integers(0, 12))):
        _operation(draw, build, values, texts)
    outputs = draw(st.lists(st.sampled_from(values), max_size=3))
    if not texts:
        return build.graph(*outputs)
    notes = st.lists(names, max_size=2).map(tuple)
    return build.graph(*outputs, guards=draw(notes), notes=draw(notes), complete=draw(st.booleans()))


def _operation(draw: st.DrawFn, build: Builder, values: list[Value], texts: bool, depth: int = 0) -> None:
    if depth < 3 and draw(st.booleans()):
        with build.module(name := draw(module_names), f"Kind{name}"):
            _operation(draw, build, values, texts, depth + 1)
        return
    inputs = draw(st.lists(st.sampled_from(values), min_size=1, max_size=3))
    if draw(st.booleans()):
        shape = draw(st.lists(extents, max_size=2))
        inputs.append(build.parameter(draw(st.sampled_from(["weight", "bias"])), *shape, trainable=draw(st.booleans())))
    several = draw(st.integers(1, 2))
    options = draw(st.dictionaries(st.sampled_from(["p", "dim", "mode"]), attributes, max_size=2)) if texts else {}
    line = draw(st.integers(0, 3)) if texts else 0
    with build.node(
        draw(st.sampled_from(["relu", "add", "linear"])), *inputs, outputs=several, line=line, **options
    ) as node:
        inner = inputs
        for _ in range(draw(st.integers(0, 2))):
            inner = [*inputs, node.kernel("aten.t.default", *inner, shape=tuple(draw(st.lists(extents, max_size=2))))]
        values += [
            node.kernel("aten.op.default", *inner, view=draw(st.booleans()), returned=True) for _ in range(several)
        ]


def same(one: object, other: object, twins: dict[object, object] | None = None) -> bool:
    """Whether two graphs, or parts of them, are equal but for the identity of their values and storages."""
    twins = {} if twins is None else twins
    if type(one) is not type(other):
        return (
            isinstance(one, Mapping)
            and isinstance(other, Mapping)
            and same(list(one.items()), list(other.items()), twins)
        )
    if isinstance(one, Value | Storage):
        if one in twins or other in twins:
            return twins.get(one) is other and twins.get(other) is one
        twins[one], twins[other] = other, one
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(same(a, b, twins) for a, b in zip(one, other, strict=True))
    if isinstance(one, Mapping):
        return same(list(one.items()), list(other.items()), twins)
    if isinstance(one, complex):
        return same(one.real, other.real) and same(one.imag, other.imag)
    if isinstance(one, float) and (math.isnan(one) or one == 0):
        return repr(one) == repr(other)
    if dataclasses.is_dataclass(one):
        fields = [field.name for field in dataclasses.fields(one) if field.name != "build_module"]
        return all(same(getattr(one, name), getattr(other, name), twins) for name in fields)
    return bool(one == other)
