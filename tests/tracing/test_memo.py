"""A call that was seen before is not run again, and nobody can tell."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F  # noqa: N812 -- as torch's own documentation has it

from fxviz.ir.serialize import dumps
from fxviz.tracing import trace
from fxviz.tracing.memo import Memo


def both_ways(
    model: Any, args: tuple[Any, ...], kwargs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> tuple[str, str]:
    fast = trace(model, args, kwargs)
    fast.verify()
    monkeypatch.setattr(Memo, "find", lambda self, key: None)
    return dumps(fast), dumps(trace(model, args, kwargs))


def repeats(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One entry for each call that was repeated; not its arguments, which would live on."""
    followed: list[None] = []
    follow = Memo.follow
    monkeypatch.setattr(Memo, "follow", lambda self, *args: (followed.append(None), follow(self, *args))[1])
    return followed


@pytest.mark.parametrize("name", ["resnet50", "vit_b_16", "swin_t", pytest.param("densenet121", marks=pytest.mark.zoo)])
def test_torchvision(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.device("meta"):
        model = torchvision.models.get_model(name).eval()
    followed = repeats(monkeypatch)
    fast, slow = both_ways(model, (torch.empty(1, 3, 224, 224),), {}, monkeypatch)
    assert len(followed) > 50
    assert fast == slow


@pytest.mark.parametrize("name", ["llama", "gpt2", "mixtral", "t5", "mamba"])
def test_transformers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.for_model(name)
    for layers in ("num_hidden_layers", "num_layers", "num_decoder_layers", "n_layer"):
        if hasattr(config, layers):
            setattr(config, layers, 3)
    with torch.device("meta"):
        model = AutoModel.from_config(config).eval()
    ids = torch.ones(1, 8, dtype=torch.long)
    kwargs = {"input_ids": ids} | ({"decoder_input_ids": ids} if config.is_encoder_decoder else {})
    fast, slow = both_ways(model, (), kwargs, monkeypatch)
    assert fast == slow


def often(step: Any) -> Any:
    return lambda x: [step(x) for _ in range(4)]


@pytest.mark.parametrize(
    "step",
    [
        lambda x: x * x,
        lambda x: x * x.clone(),
        lambda x: x.chunk(2),
        lambda x: (x + 1).chunk(2)[0],
        lambda x: x.view(-1)[3:].unsqueeze(0),
        lambda x: x.max(dim=0),
        lambda x: torch.fft.rfft(x).conj().real,
        lambda x: x.add_(1),
        lambda x: x.t_(),
        lambda x: F.relu(x, inplace=True) + x[0].mul_(2),
        lambda x: x.view(-1).add_(x.sum()),
        lambda x: x.__setitem__(0, 5.0),
        lambda x: torch.add(x, 1, out=torch.empty(4, 4)),
        lambda x: (x + 1).relu_().mul_(2),
        lambda x: F.dropout(x, 0.5, training=True, inplace=True),
        lambda x: x.squeeze_(),
        lambda x: F.dropout(x, 0.5, training=True),
        lambda x: F.dropout(x, 0.5, training=False) + x.contiguous(),
        lambda x: torch.vmap(lambda row: row * 2)(x),
        lambda x: torch.cat([x, x], dim=1).split([1, 2], dim=1) if x.shape[1] == 1 else torch.stack((x, x)),
        lambda x: x[torch.tensor([0, 1])],
        lambda x: F.scaled_dot_product_attention(x[None], x[None], x[None]),
        lambda x: torch.einsum("ij,kj->ik", x, x),
    ],
)
def test_one_call_often(step: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fast, slow = both_ways(lambda x: often(step)(x + 0), (torch.empty(4, 4),), {}, monkeypatch)
    assert fast == slow


def test_modes_that_change_what_a_call_does(monkeypatch: pytest.MonkeyPatch) -> None:
    linear = nn.Linear(4, 4)

    def model(x: torch.Tensor) -> list[torch.Tensor]:
        results = [linear(x)]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            results.append(linear(x))
        with torch.enable_grad():
            results.append(linear(x))
        return [*results, linear(x), linear(x.double().float())]

    fast, slow = both_ways(model, (torch.empty(2, 4),), {}, monkeypatch)
    assert fast == slow


def as_one_call(function: Any) -> Any:
    """The function as a part of torch's API: what it runs belongs to one call of the author's."""
    return torch.overrides.wrap_torch_function(lambda *tensors: tensors)(function)


def test_a_call_that_returns_older_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def model(x: torch.Tensor) -> list[torch.Tensor]:
        older = [x * 2]
        look_up = as_one_call(lambda _: older[0])
        results = [look_up(x).add_(1) for _ in range(3)]
        older.clear()
        return results

    fast, slow = both_ways(model, (torch.empty(4),), {}, monkeypatch)
    assert fast == slow


def test_a_call_that_keeps_memory_without_returning_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def model(x: torch.Tensor) -> torch.Tensor:
        kept: list[torch.Tensor] = []
        remember = as_one_call(lambda y: (kept.append(y * 2), y + 1)[1])
        for _ in range(3):
            remember(x)
        return torch.cat(kept)  # of three tensors, not of the first alone

    fast, slow = both_ways(model, (torch.empty(4),), {}, monkeypatch)
    assert fast == slow


def test_a_call_whose_intermediate_has_no_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    def model(x: torch.Tensor) -> list[torch.Tensor]:
        there_and_back = as_one_call(lambda y: y.to_sparse().to_dense())
        return [there_and_back(x) for _ in range(3)]

    fast, slow = both_ways(model, (torch.empty(4, 4),), {}, monkeypatch)
    assert fast == slow


def test_a_call_that_reads_a_tensor_it_was_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    def model(x: torch.Tensor) -> list[torch.Tensor]:
        other = [x * 2, x * 3]
        add_other = as_one_call(lambda y: y + other[0])
        first = add_other(x)
        other.reverse()
        return [first, add_other(x)]

    fast, slow = both_ways(model, (torch.empty(4),), {}, monkeypatch)
    assert fast == slow


def test_a_call_of_the_same_tensor_twice_and_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    def model(x: torch.Tensor) -> list[torch.Tensor]:
        y = x * 2
        return [x + x, x + y, y + x, y + y, x.add_(y), x.add_(x)]

    fast, slow = both_ways(model, (torch.empty(4),), {}, monkeypatch)
    assert fast == slow


def test_numbers_that_are_equal_but_not_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """1, 1.0 and True are one key of a dict, but the results are of three dtypes."""
    fast, slow = both_ways(
        lambda x: [x * 1, x * 1.0, x * True, torch.full_like(x, True), torch.full_like(x, 1)],
        (torch.ones(4, dtype=torch.long),),
        {},
        monkeypatch,
    )
    assert fast == slow


@pytest.mark.parametrize("turn", [lambda x: x.t_(), lambda x: x.squeeze_(0), lambda x: x.transpose_(0, 1)])
def test_a_call_that_changes_a_layout_in_place(turn: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second call is of another layout, which the types show where the sides differ in length."""
    model = lambda x, y: [turn(tensor).clone() for tensor in (x + 0, y + 0, x + 1)]  # noqa: E731
    fast, slow = both_ways(model, (torch.empty(1, 3), torch.empty(1, 3)), {}, monkeypatch)
    assert fast == slow


def test_a_call_that_returns_a_named_tuple(monkeypatch: pytest.MonkeyPatch) -> None:
    fast, slow = both_ways(lambda x: [x.max(dim=0).values for _ in range(3)], (torch.empty(4, 4),), {}, monkeypatch)
    assert fast == slow


def test_a_call_whose_results_share_new_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def model(x: torch.Tensor) -> list[torch.Tensor]:
        halves = as_one_call(lambda y: (y * 2).chunk(2))
        pairs = [halves(x) for _ in range(3)]
        return [right.add_(left.mul_(3)) for left, right in pairs]

    fast, slow = both_ways(model, (torch.empty(4),), {}, monkeypatch)
    assert fast == slow
