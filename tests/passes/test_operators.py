"""The records of all operators: each has one, each is whole, and the tables of everybody else are views of them."""

from __future__ import annotations

from collections import defaultdict
from typing import get_args

import pytest

from fxviz.analysis.ops import WORK, Kind, Operators
from fxviz.errors import FxvizError
from fxviz.exporters.drawing.palette import COLORS
from fxviz.exporters.onnx.view.operators import operators as standard_rules
from fxviz.importers.onnx.format import ELEMENT_TYPES
from fxviz.importers.onnx.operators import translations
from fxviz.ir import Kernel, TensorType, Value
from fxviz.passes.flops import flops_rules
from fxviz.passes.operators import FAMILIES, FREE_OPS, OPERATORS, _joined, kind_of
from fxviz.passes.rules.cost import free
from fxviz.passes.rules.traffic import untouched
from fxviz.passes.traffic import traffic_rules
from fxviz.views.layout_operators import _HANDS_ON

KINDS = set(get_args(Kind))


def test_no_operator_is_declared_twice() -> None:
    """In its family the second record is refused, and so it is among the families."""
    operators = Operators("data")
    operators.declare("zeros", free)
    with pytest.raises(FxvizError, match=r"aten\.zeros is declared twice"):
        operators.declare("ones zeros", free)
    again = Operators("shape")
    again.declare("zeros")
    with pytest.raises(FxvizError, match=r"declared twice, the second time in again: aten\.zeros"):
        _joined({"first": operators, "again": again})
    assert len(OPERATORS) == sum(map(len, FAMILIES.values()))


def test_every_operator_has_a_kind_and_every_kind_a_colour() -> None:
    assert {operator.kind for operator in OPERATORS.values()} == KINDS
    assert set(COLORS) >= KINDS
    assert WORK < KINDS
    assert flops_rules.items() <= {(name, operator.flops) for name, operator in OPERATORS.items()}


def test_a_name_has_one_kind_in_whatever_library_it_is() -> None:
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for operator in OPERATORS.values():
        if "_backward" not in operator.name:
            kinds[operator.author_name].add(operator.kind)
    assert {name for name, found in kinds.items() if len(found) > 1} == set()


def test_an_operator_has_the_kind_of_its_record_but_a_gradient_has_none() -> None:
    assert kind_of("celu") == kind_of("Celu") == kind_of("_celu_") == OPERATORS["aten.celu"].kind == "activation"
    assert (kind_of("convolution_backward"), OPERATORS["aten.convolution_backward"].kind) == ("other", "matrix")


def test_every_record_says_something_of_a_kernel_or_names_a_kind() -> None:
    """A kernel of a library without any rule would be a record for nothing; ONNX's are read as kernels that have some."""
    empty = {
        operator.name
        for operator in OPERATORS.values()
        if "." in operator.name and not operator.name.startswith(("onnx.", "com.microsoft.")) and not operator.flops
    }
    assert empty == set()


def test_pictures_can_do_without_views_and_what_would_be_one_but_for_the_memory_format() -> None:
    """A view has no traffic. Of complex, sparse and nested tensors a view is another part of it, and not the tensor."""
    views = {op.name for op in OPERATORS.values() if op.kind == "shape" and op.traffic is untouched}
    layout = {op.name for op in OPERATORS.values() if op.layout and op.name.startswith("aten.")}
    assert layout - views == {
        f"aten.{name}" for name in ("contiguous", "flatten", "reshape", "clone", "to", "_to_copy", "_reshape_copy")
    }
    parts = ("imag", "real", "resolve_conj", "resolve_neg", "_neg_view", "unfold", "slice_inverse")
    left = {name.removeprefix("aten.") for name in views - layout}
    assert left >= set(parts)
    assert all(
        name.endswith(("indices", "values")) or name.startswith(("_nested", "_mkldnn", "_reshape_from"))
        for name in left - set(parts)
    )
    authors = {op.name for op in OPERATORS.values() if op.layout and "." not in op.name}
    assert authors >= {"reshape", "view", "flatten", "unflatten", "getitem", "float", "cuda", "type_as", "H", "hsplit"}


def test_the_tables_are_views_of_the_records() -> None:
    """What a record says arrives where it is used, one operator for each aspect."""
    assert flops_rules.find("aten.celu.default") is OPERATORS["aten.celu"].flops
    assert "aten.alias" in FREE_OPS
    assert traffic_rules.find("aten.alias.default") is OPERATORS["aten.alias"].traffic
    assert traffic_rules.find_kernel("aten.index_add_.default") is OPERATORS["aten.index_add"].traffic_in_place
    assert traffic_rules.find_kernel("aten.index_add.default") is None
    assert "view" in _HANDS_ON
    assert standard_rules.find("aten.elu.default") is OPERATORS["aten.elu"].onnx
    assert {read.op_type for operator in OPERATORS.values() for read in operator.reads} <= set(translations)


def test_no_two_operators_are_read_from_the_same_one_of_onnx() -> None:
    read = [read.op_type for operator in OPERATORS.values() for read in operator.reads]
    assert len(read) == len(set(read))


@pytest.mark.parametrize(
    "dtype",
    [
        *("bool", "uint8", "int8", "int16", "int32", "int64"),
        *("float16", "bfloat16", "float32", "float64"),
    ],
)
def test_a_cast_has_onnx_s_number_of_the_dtype(dtype: str) -> None:
    x, y = Value("x", TensorType((2,), "int8")), Value("y", TensorType((2,), dtype))
    rule = OPERATORS["aten._to_copy"].onnx
    assert rule is not None
    written = rule(Kernel("aten._to_copy.default", (x,), (y,), ("self",), {}))
    assert written is not None
    assert written.attributes == {"to": ELEMENT_TYPES[dtype]}
