"""Fake tensors: laid out as asked, and with values where these are known."""

from __future__ import annotations

import logging

import pytest
import torch

from fxviz.tracing import torch_private as _torch
from fxviz.tracing.torch_private.fake_tensors import KNOWN_NUMBERS


def test_a_fake_tensor_has_the_layout_that_was_asked_for() -> None:
    mode = _torch.FakeTensorMode()
    layout = (torch.Size((2, 3)), (1, 2), 4, torch.float16, torch.device("cuda:1"))
    fake = _torch.fake_of_layout(mode, layout, None, 64)
    assert isinstance(fake, _torch.FakeTensor)
    assert _torch.layout_of(fake) == layout
    assert fake.untyped_storage().nbytes() == 64
    other = _torch.fake_of_layout(mode, layout, fake.untyped_storage(), 0)
    assert _torch.storage_key(other.untyped_storage()) == _torch.storage_key(fake.untyped_storage())


def test_storages_are_told_apart() -> None:
    first, second = torch.ones(2), torch.ones(2)
    assert _torch.storage_key(first.untyped_storage()) == _torch.storage_key(first[1:].untyped_storage())
    assert _torch.storage_key(first.untyped_storage()) != _torch.storage_key(second.untyped_storage())


MORE = {
    "complex": lambda: torch.ones(2, dtype=torch.complex64),
    "sparse": lambda: torch.ones(2, 2).to_sparse(),
    "quantised": lambda: torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
}


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
@pytest.mark.parametrize("kind", MORE)
def test_more_than_a_layout_is_no_layout(kind: str) -> None:
    assert _torch.layout_of(MORE[kind]()) is None


def test_a_known_tensor_has_no_layout_alone() -> None:
    with _torch.FakeTensorMode():
        fake = torch.empty(2)
    assert _torch.layout_of(fake) is not None
    _torch.know(fake, torch.tensor([1.0, 2.0]))
    assert _torch.layout_of(fake) is None


def test_a_known_tensor_answers_until_something_is_written() -> None:
    real = torch.tensor([3, 5])
    with _torch.FakeTensorMode():
        fake, unknown = torch.empty(2, dtype=torch.long), torch.empty(2, dtype=torch.long)
    _torch.know(fake, real)
    real += 1
    assert fake.tolist() == [3, 5]
    with fake.fake_mode:
        fake.copy_(unknown)
    with pytest.raises(_torch.VALUE_ERRORS):
        fake.tolist()


def test_a_mode_keeps_the_values_of_what_it_makes_from_numbers() -> None:
    with _torch.keep_known(_torch.FakeTensorMode()):
        assert torch.arange(4).tolist() == [0, 1, 2, 3]
        assert torch.full((2,), 7).sum().item() == 14
        with pytest.raises(_torch.VALUE_ERRORS):
            torch.arange(KNOWN_NUMBERS + 1)[0].item()
        with pytest.raises(_torch.VALUE_ERRORS):
            torch.empty(2).sum().item()


@pytest.mark.parametrize(
    ("tensor", "known"),
    [
        (torch.empty(KNOWN_NUMBERS), True),
        (torch.empty(KNOWN_NUMBERS + 1), False),
        (torch.empty(2, device="meta"), False),
        (torch.ones(2, 2).to_sparse(), False),
    ],
    ids=["small", "large", "meta", "sparse"],
)
def test_what_can_be_known(tensor: torch.Tensor, known: bool) -> None:
    assert _torch.can_be_known(tensor) is known


def test_an_operator_without_a_fake_kernel_is_named_as_such() -> None:
    library = torch.library.Library("fxviz_tests_private", "DEF")
    library.define("f(Tensor x) -> Tensor")
    library.impl("f", lambda x: x.clone(), "CPU")
    try:
        with _torch.FakeTensorMode(), _torch.silent(), pytest.raises(_torch.UNSUPPORTED_ERRORS):
            torch.ops.fxviz_tests_private.f(torch.empty(2))
    finally:
        library._destroy()


def test_fake_kernels_are_silent(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    with _torch.silent():
        logger.error("not to be heard")
    assert not caplog.records
    assert not logger.disabled


def test_an_alias_is_the_same_in_all_but_identity() -> None:
    mode = _torch.FakeTensorMode()
    with mode:
        fake = torch.empty(2, 3)[:, 1:]
    fake.remark = "kept"  # type: ignore[attr-defined]
    alias = _torch.alias_of(mode, fake)
    assert alias is not None
    assert alias is not fake
    assert _torch.layout_of(alias) == _torch.layout_of(fake)
    assert _torch.storage_key(alias.untyped_storage()) == _torch.storage_key(fake.untyped_storage())
    assert alias.remark == "kept"  # type: ignore[attr-defined]
    _torch.know(fake, torch.ones(2, 2))
    assert _torch.alias_of(mode, fake) is None
