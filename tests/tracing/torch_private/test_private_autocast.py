"""Which operators autocast treats in which way is read from a header that torch brings along, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fxviz.errors import TraceError
from fxviz.tracing import torch_private as _torch
from fxviz.tracing import trace
from fxviz.tracing.torch_private import autocast

HEADER = """
#define AT_FORALL_LOWER_PRECISION_FP(_) \\
  _(addmm)                              \\
  _(bmm, deprecated)                    \\
  _(bmm, out)

#define AT_FORALL_FP32(_) \\
  _(acos)                 \\
  _(pow, Tensor_Scalar)

#define AT_FORALL_FP32_SET_OPT_DTYPE(_) \\
  _(prod)                               \\
  _(sum, dim_IntList)

#define AT_FORALL_PROMOTE(_) \\
  _(addcdiv)                 \\
  _(cat)
"""
PATH = Path("include/ATen/autocast_mode.h")


@pytest.fixture(autouse=True)
def _read_again() -> object:
    autocast.autocast_policies.cache_clear()
    yield
    autocast.autocast_policies.cache_clear()


def test_a_header_is_read_line_by_line() -> None:
    assert autocast.read_policies(HEADER, PATH) == {
        _torch.CASTS_TO_LOWER: ("addmm", "bmm.out"),
        _torch.CASTS_TO_FLOAT32: ("acos", "pow.Tensor_Scalar"),
        _torch.SETS_FLOAT32: ("prod", "sum.dim_IntList"),
        _torch.CASTS_TO_WIDEST: ("addcdiv", "cat"),
    }


def test_every_operator_of_the_installed_header_exists() -> None:
    policies = _torch.autocast_policies()
    for name in (name for names in policies.values() for name in names):
        packet, _, overload = name.partition(".")
        assert (overload or "default") in getattr(torch.ops.aten, packet).overloads(), name
    assert {"mm", "linear", "conv2d"} <= set(policies[_torch.CASTS_TO_LOWER])


@pytest.mark.parametrize("policy", ["LOWER_PRECISION_FP", "FP32", "FP32_SET_OPT_DTYPE", "PROMOTE"])
def test_a_list_that_is_not_there_is_refused(policy: str) -> None:
    with pytest.raises(
        TraceError, match=rf"autocast_mode\.h: torch {torch.__version__}.*AT_FORALL_{policy} ".replace("+", r"\+")
    ):
        autocast.read_policies(HEADER.replace(f"AT_FORALL_{policy}(", "SOMETHING_NEW("), PATH)


def test_a_header_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autocast, "HEADER", "include/ATen/elsewhere.h")
    with pytest.raises(TraceError, match=r"elsewhere\.h of torch .*: No such file"):
        _torch.autocast_policies()


@pytest.mark.skipif(torch.cuda.is_available(), reason="nothing is read for a GPU that is there")
def test_a_trace_fails_rather_than_cast_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    changed = tmp_path / "autocast_mode.h"
    changed.write_text("// another way of writing it\n")
    monkeypatch.setattr(autocast, "HEADER", changed)

    def cast(x: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cuda", dtype=torch.float16):
            return x @ x

    with pytest.raises(TraceError, match="writes no list AT_FORALL_"):
        trace(cast, torch.ones(2, 2), device="cuda")


def test_autocast_is_seen_on_any_device() -> None:
    assert not _torch.autocast_is_on()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert _torch.autocast_is_on()


def test_kernels_are_put_in_and_taken_out_again() -> None:
    called: list[None] = []

    def kernel(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        called.append(None)
        return first

    layout = (torch.Size((2, 2)), (2, 1), 0, torch.float32, torch.device("cuda:0"))
    x = _torch.fake_of_layout(_torch.FakeTensorMode(), layout, None, 16)
    torch.set_autocast_enabled("cuda", True)
    try:
        with _torch.autocast_kernels({"mm": kernel}):
            assert torch.ops.aten.mm.default(x, x) is x
            with _torch.below_cuda_autocast():
                assert torch.ops.aten.mm.default(x, x) is not x
        assert torch.ops.aten.mm.default(x, x) is not x
    finally:
        torch.set_autocast_enabled("cuda", False)
    assert len(called) == 1
