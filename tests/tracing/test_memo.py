"""A call that was seen before is not run again, and nobody can tell."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F  # noqa: N812 -- as torch's own documentation has it

from fxviz.ir.serialize import dumps
from fxviz.tracing import torch_private as _torch
from fxviz.tracing import trace
from fxviz.tracing.draft import ValueRecord
from fxviz.tracing.memo import Memo
from fxviz.tracing.tensors import Tag


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
        lambda x: torch.view_as_real(torch.view_as_complex(x.view(2, 4, 2))),  # returns a view without a layout
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


def test_a_call_of_tensors_whose_layout_says_too_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Complex tensors of two shapes: nothing tells the second call from the first but the tensors themselves."""

    def model(*pairs: torch.Tensor) -> list[torch.Tensor]:
        return [torch.view_as_real(torch.view_as_complex(pair)) for pair in pairs]

    fast, slow = both_ways(model, (torch.empty(4, 2), torch.empty(3, 2)), {}, monkeypatch)
    assert fast == slow


def test_a_call_that_returns_more_than_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    doubled = as_one_call(lambda x: (x * 2, 3))
    fast, slow = both_ways(lambda x: [doubled(x)[0] for _ in range(3)], (torch.empty(4),), {}, monkeypatch)
    assert fast == slow


def test_a_call_that_is_given_a_tensor_that_is_not_an_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound of a slice is an attribute. The view of the result shows which memory the result has."""
    doubled = as_one_call(lambda x, part: x * 2)

    def model(x: torch.Tensor, y: torch.Tensor) -> list[torch.Tensor]:
        return [doubled(x, slice(y, None)).view(-1) for _ in range(3)]

    fast, slow = both_ways(model, (torch.empty(4), torch.empty(4)), {}, monkeypatch)
    assert fast == slow


@pytest.mark.parametrize("call", [lambda x: torch.empty(4), lambda x: x / 2])
def test_a_call_whose_result_is_of_the_default_dtype(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def model(x: torch.Tensor) -> list[torch.Tensor]:
        before, default = call(x), torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            return [before, call(x)]
        finally:
            torch.set_default_dtype(default)

    fast, slow = both_ways(model, (torch.ones(4, dtype=torch.long),), {}, monkeypatch)
    assert fast == slow


def test_a_repeated_result_has_a_layout_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sum is shorter than what it is the sum of: a call of it is not a call of that."""

    def model(x: torch.Tensor) -> list[torch.Tensor]:
        sums = [x.sum(dim=0) for _ in range(2)]
        return [torch.relu(x), *map(torch.relu, sums)]

    fast, slow = both_ways(model, (torch.empty(4, 4),), {}, monkeypatch)
    assert fast == slow


@pytest.mark.parametrize(
    "call",
    [
        lambda x, y: x.add_(y),
        lambda x, y: torch.add(x, y, out=y),
        as_one_call(lambda x, y: x.view(2, 2)),
        as_one_call(lambda x, y: y.view(2, 2)),
    ],
)
def test_a_call_of_two_views_of_one_memory_and_of_two_memories(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def model(x: torch.Tensor) -> list[torch.Tensor]:
        one, two, three = x * 2, x * 3, x * 4
        return [call(one, one.view(4)), call(two, three), one + 1, two + 1, three + 1]

    fast, slow = both_ways(model, (torch.empty(4),), {}, monkeypatch)
    assert fast == slow


def test_what_determines_too_little_has_no_key() -> None:
    """A tensor that the run has not met, one whose layout is not all of it, and no tensor at all."""
    with _torch.FakeTensorMode() as mode:
        known, unknown, complex_ = torch.empty(4), torch.empty(4), torch.empty(4, dtype=torch.complex64)
    value = ValueRecord(None, None)
    tags = {id(known): Tag(value), id(complex_): Tag(value)}
    memo = Memo(cast("Any", SimpleNamespace(known=lambda tensor: tags.get(id(tensor)))), mode)
    assert memo.key(torch.add, (known, 1), {}) is not None
    assert [memo.key(torch.add, args, {}) for args in ((unknown, 1), (complex_, 1), (1, 1))] == [None] * 3
