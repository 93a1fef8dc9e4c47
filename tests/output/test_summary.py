"""`fxviz.summary` of a model, with inputs as torchinfo's users give them."""

from typing import Any

import pytest
import torch
from build import encoder
from torch import nn

import fxviz
from fxviz import Facts, InputError, Roofline
from fxviz.passes.devices import find_device


def net() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()).eval()


class TwoInputs(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a @ b


X = torch.zeros(1, 3, 8, 8)


@pytest.mark.parametrize(
    ("args", "keywords"),
    [
        ((X,), {}),
        (((X,),), {}),
        (({"input": X},), {}),
        (((1, 3, 8, 8),), {}),
        ((torch.Size([1, 3, 8, 8]),), {}),
        (([(1, 3, 8, 8)],), {}),
        (("1,3,8,8",), {}),
        ((), {"input_size": (1, 3, 8, 8)}),
        ((), {"input_size": [1, 3, 8, 8]}),
        ((), {"input_data": X}),
        ((), {"input_data": [X]}),
    ],
)
def test_inputs_may_be_given_in_many_ways(args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    assert str(fxviz.summary(net(), *args, **keywords)) == str(fxviz.summary(fxviz.trace(net(), (X,))))


def test_several_inputs() -> None:
    # 2·3·4·5 FLOPs: a 3×4 matrix by a 4×5 matrix.
    for inputs in ([(3, 4), (4, 5)], ((3, 4), (4, 5)), ["3,4", (4, 5)], (torch.ones(3, 4), torch.ones(4, 5))):
        assert "120 FLOPs" in str(fxviz.summary(TwoInputs(), inputs))


def test_a_size_may_be_a_symbol() -> None:
    assert "2*A*B*C" in str(fxviz.summary(TwoInputs(), ["A,B", "B,C"])).replace("·", "*")


def test_without_inputs_the_structure() -> None:
    assert "Conv2d" in str(fxviz.summary(net()))


def test_a_name_is_traced_as_on_the_command_line() -> None:
    assert "B×3×32×32" in str(fxviz.summary("torchvision:resnet18", "B,3,32,32"))
    with pytest.raises(InputError, match="give shapes as the inputs of 'torchvision:resnet18'"):
        fxviz.summary("torchvision:resnet18", X)


def test_a_graph_takes_no_inputs() -> None:
    graph = encoder()
    assert str(fxviz.summary(Facts(graph))) == str(fxviz.summary(graph))
    with pytest.raises(InputError, match="a graph has its inputs already"):
        fxviz.summary(graph, (1, 2))


def test_inputs_are_given_once() -> None:
    with pytest.raises(InputError, match="give the inputs once"):
        fxviz.summary(net(), X, input_size=(1, 3, 8, 8))


def test_inputs_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="takes 1 inputs"):
        fxviz.summary(net(), [(1, 3, 8, 8), (1,)])


def test_the_device_may_be_in_the_place_of_the_inputs() -> None:
    h100 = Roofline(find_device("h100"))
    assert str(fxviz.summary(encoder(), h100)) == str(fxviz.summary(encoder(), roofline=h100))
