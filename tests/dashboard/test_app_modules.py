"""The parts of the app that need no page, run in node: what colours the graph at a step."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fxviz import exporters

if TYPE_CHECKING:
    from collections.abc import Sequence

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed, which runs the app's modules")

TEMPLATES = Path(exporters.__file__).parent / "html/templates"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The modules as they import each other."""
    folder: Path = tmp_path_factory.mktemp("modules")
    for module in (TEMPLATES / "app").glob("*.js"):
        shutil.copy(module, folder)
    shutil.copytree(TEMPLATES / "viewer", folder / "viewer")
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


def overlay(folder: Path, values: Sequence[Sequence[object]], at: int) -> Any:
    """What colours two layers, ``a`` and ``b``, at a place, by these numbers of theirs."""
    assert NODE is not None
    data = json.dumps([{"layers": ["a", "b"]}, at, {"name": "grad_norm", "values": values}])
    code = f"import {{ overlayOf }} from './steps.js'; console.log(JSON.stringify(overlayOf(...{data})))"
    command = [NODE, "--input-type=module", "--eval", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("values", "amounts", "scale"),
    [
        ([[1, 2], [3, 4]], {"a": 2, "b": 4}, {"low": 0, "high": 4, "isLog": False}),
        ([[1, 0.001], [0, 0.1]], {"a": 0.001, "b": 0.1}, {"low": 0.001, "high": 1, "isLog": True}),
        ([[-1, 2], [0.001, 4]], {"a": 2, "b": 4}, {"low": -1, "high": 4, "isLog": False}),
        ([[1, None], [3, "nan"]], {"b": 3}, {"low": 0, "high": 3, "isLog": False}),
        ([[None, None], [None, None]], {}, None),
        ([["nan", "inf"], [None, None]], {}, None),
    ],
    ids=["even", "wide", "signed", "gaps", "nothing", "lost"],
)
def test_one_scale_for_all_steps(folder: Path, values: Any, amounts: Any, scale: Any) -> None:
    found = overlay(folder, values, 1)
    assert found["label"] == "grad_norm"
    assert found.get("range") == scale
    assert found["amounts"] == amounts
