"""``fxviz export --runnable``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
import pytest
from click.testing import CliRunner

from fxviz.cli import main

if TYPE_CHECKING:
    from pathlib import Path

NET = """
from torch import nn

def make():
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
"""


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small_net.py").write_text(NET, encoding="utf-8")
    return "small_net.py:make"


def run(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["export", *args])
    return result.exit_code, result.output


def test_it_says_what_it_wrote_and_how_far_it_is_from_torch(model: str, tmp_path: Path) -> None:
    code, output = run(model, "-i", "B,4", "-o", "m.onnx", "-o", "m.md", "--runnable", "--random-weights", "--verify")
    assert code == 0, output
    assert "m.onnx: " in output
    assert "onnxruntime agrees with torch at 2 sets of sizes; the worst is output[" in output
    assert [node.op_type for node in onnx.load(tmp_path / "m.onnx").graph.node] == ["Gemm", "Relu", "Gemm"]
    assert "relu" in (tmp_path / "m.md").read_text(encoding="utf-8")


def test_without_weights_it_says_what_to_do(model: str, tmp_path: Path) -> None:
    code, output = run(model, "-i", "3,4", "-o", "m.onnx", "--runnable")
    assert code == 1
    assert "--random-weights" in output
    assert not (tmp_path / "m.onnx").exists()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("-o", "m.onnx", "--verify"), "--verify is not an option of onnx: add --runnable"),
        (("-o", "m.svg", "--runnable"), "only ONNX is runnable"),
        (("-o", "m.svg", "--no-optimize"), "--no-optimize is not an option of svg; see"),
    ],
)
def test_flags_that_do_not_go_together(model: str, args: tuple[str, ...], words: str) -> None:
    code, output = run(model, *args)
    assert code == 2
    assert words in output
