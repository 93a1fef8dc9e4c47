"""Schemas of operators and signatures of functions."""

from __future__ import annotations

import pytest
import torch

from fxviz.tracing import torch_private as _torch


def test_the_parts_of_a_name() -> None:
    add = torch.ops.aten.add.Tensor
    assert isinstance(add, _torch.OpOverload)
    assert isinstance(torch.ops.aten.add, _torch.OpOverloadPacket)
    assert (_torch.operator_name(add), _torch.overload_name(add)) == ("add", "Tensor")
    assert _torch.overload_name(torch.ops.aten.mm.default) == "default"


def test_a_schema_names_arguments_and_results() -> None:
    schema = _torch.schema_of(torch.ops.aten.max.dim)
    assert [argument.name for argument in schema.arguments] == ["self", "dim", "keepdim"]
    assert [result.name for result in schema.returns] == ["values", "indices"]


def test_overloads_by_name() -> None:
    assert {schema.overload_name for schema in _torch.overloads_of("add")} >= {"Tensor", "Scalar", "out"}
    assert _torch.overloads_of("no_such_operator") == []


def test_signatures_of_built_in_functions() -> None:
    assert list(_torch.signature_of(torch.conv2d).parameters)[:2] == ["input", "weight"]
    assert list(_torch.signature_of(torch.nn.functional.linear).parameters) == ["input", "weight", "bias"]
    assert _torch.signature_of(range) is None


@pytest.mark.parametrize(
    ("args", "kwargs", "expected"),
    [
        (("cuda:1",), {}, (torch.device("cuda:1"), None, None)),
        ((torch.float16,), {}, (None, torch.float16, None)),
        (
            ("cpu", torch.int8),
            {"memory_format": torch.channels_last},
            (torch.device("cpu"), torch.int8, torch.channels_last),
        ),
    ],
)
def test_arguments_of_to(args: tuple, kwargs: dict, expected: tuple) -> None:
    assert _torch.parse_to(*args, **kwargs) == expected


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
def test_extents_of_packed_weights() -> None:
    weight = torch.quantize_per_tensor(torch.ones(5, 3), 0.1, 0, torch.qint8)
    packed = torch.ops.quantized.linear_prepack(weight, None)
    assert _torch.packed_extents(packed) == (5, 3)
    assert _torch.packed_extents(object()) is None
