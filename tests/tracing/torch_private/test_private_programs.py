"""Exported programs, to files and back."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pytest
import torch

from fxviz.errors import FormatError
from fxviz.tracing import torch_private as _torch

if TYPE_CHECKING:
    from pathlib import Path


def rectifier() -> torch.export.ExportedProgram:
    return torch.export.export(torch.nn.Sequential(torch.nn.ReLU()), (torch.ones(2),))


def test_a_program_is_a_module_without_checks_on_its_sizes() -> None:
    module = _torch.program_module(rectifier())
    assert [node.op for node in module.graph.nodes] == ["placeholder", "call_function", "output"]
    assert module(torch.tensor([-1.0, 2.0])).tolist() == [0.0, 2.0]


def test_a_program_comes_back_from_a_file(tmp_path: Path) -> None:
    torch.export.save(rectifier(), tmp_path / "p.pt2")
    module = _torch.program_module(_torch.load_program(tmp_path / "p.pt2"))
    assert module(torch.tensor([-1.0, 2.0])).tolist() == [0.0, 2.0]


def test_pickled_constants_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.pt2"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "p/data/constants/model_constants_config.json",
            json.dumps({"config": {"evil": {"path_name": "custom_obj_0"}, "good": {"path_name": "tensor_0"}}}),
        )
    with pytest.raises(FormatError, match=r"pickled objects \(evil\)"):
        _torch.load_program(path)


def test_sizes_of_one_stay_dynamic_in_an_export() -> None:
    def sizes(dynamic: bool) -> torch.Size:
        with _torch.dynamic_export(dynamic):
            program = torch.export.export(
                torch.nn.ReLU(), (torch.ones(1, 3),), dynamic_shapes=({0: torch.export.Dim.AUTO},), strict=False
            )
        *_, result = program.graph.nodes
        return result.args[0][0].meta["val"].shape

    assert isinstance(sizes(True)[0], torch.SymInt)
    assert isinstance(sizes(False)[0], torch.SymInt)
