"""Bytes of hand-made kernels: what is read once, written once, or not at all. Elements are float32, 4 bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sympy

from fxviz.ir import Category, Kernel, Storage, TensorType, Value
from fxviz.passes.traffic import Traffic, traffic_of

if TYPE_CHECKING:
    from fxviz.ir import Attribute, Dim


def tensor(*shape: Dim, storage: Storage | None = None, dtype: str = "float32") -> Value:
    """A tensor on memory of its own, unless ``storage`` is that of another one."""
    type = TensorType(shape, dtype)
    return Value("", type, storage=storage or Storage(type.nbytes, Category.ACTIVATION))


def moved(op: str, inputs: list[Value], output: Value, **attributes: Attribute) -> Traffic | None:
    names = tuple(f"input{place}" for place in range(len(inputs)))
    return traffic_of(Kernel(op, tuple(inputs), (output,), names, attributes))


def test_each_tensor_is_read_and_written_once() -> None:
    x, y = tensor(2, 8), tensor(8)
    assert moved("aten.add.Tensor", [x, y], tensor(2, 8)) == Traffic(4 * (16 + 8), 4 * 16)
    assert moved("aten.mul.Tensor", [x, x], tensor(2, 8)) == Traffic(4 * 16, 4 * 16)  # x · x reads x once
    assert Traffic(3, 5).total == 8


def test_an_operator_that_may_copy_moves_bytes_only_where_it_does() -> None:
    x = tensor(2, 8)
    assert moved("aten.reshape.default", [x], tensor(16, storage=x.storage)) == Traffic()
    assert moved("aten.reshape.default", [x], tensor(16)) == Traffic(64, 64)
    assert moved("aten.contiguous.default", [tensor(2, 8), x], tensor(16, storage=x.storage)) == Traffic()


def test_without_memory_a_result_is_not_a_view() -> None:
    x, y = (Value("", TensorType((2, 8), "float32")) for _ in range(2))
    assert moved("aten.reshape.default", [x], y) == Traffic(64, 64)
    assert moved("aten.reshape.default", [tensor(2, 8), x], y) == Traffic(128, 64)


def test_an_operator_in_place_is_not_a_view_though_it_gives_the_same_memory() -> None:
    x = tensor(2, 8)
    again = tensor(2, 8, storage=x.storage)
    assert moved("aten.add_.Tensor", [x, tensor(2, 8)], again) == Traffic(128, 64)
    assert moved("aten.relu_.default", [x], again) == Traffic(64, 64)
    assert moved("scale_", [x], again) == Traffic(64, 64)  # without a library
    assert moved("aten.squeeze_.dim", [x], again) == Traffic()
    assert moved("aten.zero_.default", [x], again) == Traffic(0, 64)


@pytest.mark.parametrize("op", ["aten.view.default", "aten.size.default", "aten.empty_like.default", "aten.t.default"])
def test_names_sizes_and_empty_tensors_touch_no_element(op: str) -> None:
    assert moved(op, [tensor(2, 8)], tensor(8, 2)) == Traffic()


def test_an_expanded_tensor_is_the_memory_behind_it() -> None:
    one = Storage(4, Category.ACTIVATION)
    assert moved("aten.exp.default", [tensor(2, 8, storage=one)], tensor(2, 8)) == Traffic(4, 64)
    batch = sympy.Symbol("B", integer=True, positive=True)
    assert moved("aten.exp.default", [tensor(batch, 8)], tensor(batch, 8)) == Traffic(32 * batch, 32 * batch)


@pytest.mark.parametrize("op", ["embedding", "gather", "index_select", "index", "_unsafe_index", "take"])
def test_a_lookup_reads_as_much_of_the_table_as_it_writes_and_the_indices(op: str) -> None:
    table, indices = tensor(1000, 8), tensor(5, dtype="int64")
    assert moved(f"aten.{op}.default", [table, indices], tensor(5, 8)) == Traffic(4 * 40 + 8 * 5, 4 * 40)


@pytest.mark.parametrize("op", ["copy", "fill", "zero", "normal", "uniform", "bernoulli", "random", "exponential"])
def test_what_is_overwritten_is_not_read(op: str) -> None:
    x = tensor(2, 8)
    assert moved(f"aten.{op}_.default", [x, tensor(3)], tensor(2, 8, storage=x.storage)) == Traffic(4 * 3, 64)


@pytest.mark.parametrize(
    ("op", "adds"),
    [
        *(
            (op, False)
            for op in ("index_put", "_index_put_impl", "index_copy", "scatter", "index_fill", "masked_scatter")
        ),
        *((op, True) for op in ("index_add", "scatter_add", "scatter_reduce")),
    ],
)
def test_a_scatter_writes_as_much_as_its_source_has_and_reads_that_first_to_add_to_it(op: str, adds: bool) -> None:
    x, indices, source = tensor(1000, 8), tensor(5, dtype="int64"), tensor(5, 8)
    result = tensor(1000, 8, storage=x.storage)
    read = 8 * 5 + 4 * 40
    assert moved(f"aten.{op}_.default", [x, indices, source], result) == Traffic(read + adds * 160, 160)
    if op.endswith("put"):
        got = moved(f"aten.{op}_.default", [x, indices, source], result, accumulate=True)
        assert got == Traffic(read + 160, 160)
    # out of place the whole tensor is copied
    assert moved(f"aten.{op}.default", [x, indices, source], tensor(1000, 8)) == Traffic(32_000 + read, 32_000)


def test_what_has_no_type_is_not_known() -> None:
    unknown = Value("", None)
    assert moved("aten.add.Tensor", [unknown], tensor(2)) is None
    assert moved("aten.view.default", [tensor(2)], unknown) is None
