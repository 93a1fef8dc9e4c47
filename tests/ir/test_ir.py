"""The IR's own arithmetic and look-ups."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
import sympy
from build import Builder, encoder
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import graphs

from fxviz.errors import GraphError
from fxviz.ir import Call, Category, Graph, Kernel, Role, Storage, TensorType, Value, format_scope
from fxviz.ir.dtypes import DTYPE_BITS

B, S = sympy.symbols("B S", integer=True, positive=True)


@given(st.lists(st.integers(0, 50), max_size=4), st.sampled_from(sorted(DTYPE_BITS)))
def test_bytes_are_whole_and_enough(shape: list[int], dtype: str) -> None:
    type = TensorType(tuple(shape), dtype)
    assert type.nbytes == math.ceil(math.prod(shape) * DTYPE_BITS[dtype] / 8)


@given(
    st.lists(st.sampled_from([B, S, 2, 3, B + 1]), max_size=3),
    st.sampled_from(["uint4", "int1", "float32"]),
    st.integers(1, 9),
)
def test_symbolic_bytes_agree_with_static_ones(shape: list[object], dtype: str, size: int) -> None:
    sizes = {B: size, S: size + 1}
    static = tuple(int(extent.subs(sizes)) if isinstance(extent, sympy.Expr) else extent for extent in shape)
    nbytes = TensorType(tuple(shape), dtype).nbytes
    assert (nbytes if isinstance(nbytes, int) else nbytes.subs(sizes)) == TensorType(static, dtype).nbytes


def test_what_has_no_symbols_is_an_int() -> None:
    empty = TensorType((0, B), "float32")
    assert (type(empty.numel), type(empty.nbytes)) == (int, int)
    assert type(TensorType((B, 1 / B), "float32").nbytes) is int


def test_torch_has_no_dtype_that_is_missing_here() -> None:
    code = (
        "import torch; from fxviz.ir.dtypes import DTYPE_BITS;"
        "names = {str(d).removeprefix('torch.') for d in vars(torch).values() if isinstance(d, torch.dtype)};"
        "assert names <= DTYPE_BITS.keys(), names - DTYPE_BITS.keys();"
        # sub-byte and quantised ones say the size of what holds them
        "wrong = {n for n in names if getattr(torch, n).itemsize * 8 != DTYPE_BITS[n]"
        " and not n.startswith(('int', 'uint', 'quint', 'bits'))};"
        "assert not wrong, wrong"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_an_unknown_dtype_is_an_error() -> None:
    with pytest.raises(GraphError, match="unknown dtype 'float33'; known are bcomplex32, bfloat16"):
        _ = TensorType((1,), "float33").nbytes


@given(st.integers(-1, 5), st.one_of(st.none(), st.integers(0, 6)), st.integers(-1, 6))
def test_a_storage_is_alive_from_birth_until_death(born: int, died: int | None, step: int) -> None:
    alive = Storage(1, Category.ACTIVATION, born, died).alive_at(step)
    assert alive == (step in range(born, 7 if died is None else died))


def test_inputs_are_found_by_argument_name() -> None:
    x, w = Value("x", None), Value("w", None)
    kernel = Kernel("aten.mm.default", (x, w), (), ("self", "mat2"))
    assert kernel.input("mat2") is w
    assert kernel.input("bias") is None


@given(graphs())
@settings(deadline=None, max_examples=25)
def test_look_ups_agree_with_the_nodes(graph: Graph) -> None:
    assert graph.kernels == tuple(kernel for _, kernel in graph.walk())
    for node in graph.nodes:
        assert graph.node(node.name) is node
        assert all(graph.producers[value] is node for value in node.outputs)
        assert all(node in graph.users[value] for value in node.inputs)
    for value, users in graph.users.items():
        assert list(users) == [node for node in graph.nodes if value in node.inputs]
    assert graph.scopes[0] == ()
    assert len(set(graph.scopes)) == len(graph.scopes)
    for scope in graph.scopes:
        assert scope[:-1] in graph.scopes[: graph.scopes.index(scope)] or not scope
        assert list(graph.nodes_within[scope]) == [node for node in graph.nodes if node.scope[: len(scope)] == scope]


def test_names_of_scopes() -> None:
    assert format_scope(()) == ""
    assert format_scope((Call("a", "A"), Call("a.b", "B"))) == "a.b"
    assert format_scope((Call("a", "A", 1),)) == "a@1"


def test_symbols_are_those_of_the_inputs() -> None:
    build = Builder()
    build.input("x", S, 2 * B)
    build.input("y", 3)
    assert build.graph().symbols == (B, S)


def test_what_is_not_there_is_named() -> None:
    graph = encoder(1)
    with pytest.raises(GraphError, match="graph 'encoder' has no node 'conv'"):
        graph.node("conv")
    with pytest.raises(GraphError, match="'encoder' has no module"):
        _ = graph.module


def test_graphs_are_immutable() -> None:
    graph = encoder(1)
    for thing, name in (
        (graph, "name"),
        (graph.nodes[0], "op"),
        (graph.inputs[0], "role"),
        (graph.storages[0], "born"),
    ):
        with pytest.raises(AttributeError):
            setattr(thing, name, Role.INPUT)


def test_torch_is_not_loaded() -> None:
    code = (
        "import sys, fxviz, fxviz.ir, fxviz.ir.verify, fxviz.ir.printer, fxviz.ir.serialize, fxviz.analysis.facts, fxviz.analysis.rules;"
        "import fxviz.passes.memory, fxviz.passes.parameters, fxviz.passes.shapes; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
