"""Pictures of parameters: what they say is what the tensors are, and bad orders are refused before a file is touched."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, get_args

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

import fxviz
from fxviz.errors import InputError, MissingDependency
from fxviz.weights.modules import TensorValues
from fxviz.weights.plots import KINDS, Kind
from fxviz.weights.plots.heat import downsampled
from fxviz.weights.plots.norms import row_norms
from fxviz.weights.plots.ridge import _inner
from fxviz.weights.statistics import Histogram

if TYPE_CHECKING:
    from pathlib import Path

    from fxviz.weights.table import ParameterTable

pytest.importorskip("matplotlib")

SVG = "{http://www.w3.org/2000/svg}"


def words(path: Path) -> list[str]:
    return ["".join(text.itertext()) for text in ET.parse(path).iter(f"{SVG}text")]


@pytest.fixture(scope="module")
def squeezenet() -> ParameterTable:
    torch.manual_seed(0)
    return fxviz.parameters(torchvision.models.squeezenet1_1(num_classes=10))


@pytest.fixture(scope="module")
def table() -> ParameterTable:
    torch.manual_seed(0)
    layers = {
        "embed": nn.Embedding(900, 16),
        "conv": nn.Conv2d(3, 8, 5),
        "depth": nn.Conv2d(8, 8, 3, groups=8),
        "deep": nn.Conv2d(8, 20, 3),
        "norm": nn.BatchNorm2d(8),
    }
    return fxviz.parameters(nn.ModuleDict(layers))


def test_kinds_are_those_of_the_type() -> None:
    assert set(KINDS) == set(get_args(Kind))


def test_a_ridge_has_a_line_for_each_weight(squeezenet: ParameterTable, tmp_path: Path) -> None:
    squeezenet.plot(tmp_path / "r.svg")
    found = words(tmp_path / "r.svg")
    assert {row.name for row in squeezenet if len(row.shape or ()) > 1} <= set(found)
    assert "features.0.bias" not in found
    assert "Weights of SqueezeNet" in found


def test_many_weights_are_drawn_by_module(tmp_path: Path) -> None:
    model = nn.ModuleList(nn.Sequential(*(nn.Linear(2, 2) for _ in range(10))) for _ in range(6))
    table = fxviz.parameters(model)
    table.plot(tmp_path / "r.svg")
    assert {str(place) for place in range(6)} <= set(words(tmp_path / "r.svg"))
    table.plot(tmp_path / "r.svg", name="3")
    assert {f"3.{place}.weight" for place in range(10)} <= set(words(tmp_path / "r.svg"))


def test_a_ridge_of_what_does_not_vary(tmp_path: Path) -> None:
    model = nn.ParameterDict({"zero": torch.zeros(3, 3), "one": torch.ones(2, 2)})
    fxviz.parameters(model).plot(tmp_path / "r.svg")
    assert {"zero", "one"} <= set(words(tmp_path / "r.svg"))
    fxviz.parameters({"zero": torch.zeros(3, 3)}).plot(tmp_path / "r.svg")
    assert "zero" in words(tmp_path / "r.svg")


def test_tails_are_a_thousandth_on_either_side() -> None:
    values = np.concatenate([np.linspace(-1, 1, 9_998), [-60.0, 60.0]])
    low, high = _inner(Histogram.of(values))
    assert -2 <= low <= -1
    assert 1 <= high <= 2


def test_a_heat_map_is_of_the_largest_matrix_or_of_the_one_named(table: ParameterTable, tmp_path: Path) -> None:
    table.plot(tmp_path / "h.svg", "heat")
    assert "embed.weight · 900×16" in words(tmp_path / "h.svg")
    assert "root mean square of 2 × 1 values" in words(tmp_path / "h.svg")
    table.plot(tmp_path / "h.svg", "heat", "norm.running_var")
    assert {"norm.running_var · 8", "value"} <= set(words(tmp_path / "h.svg"))


@pytest.mark.parametrize("shape", [(7, 5), (7,), (23, 3, 2, 2), (1, 40)])
def test_a_cell_is_the_root_mean_square_of_what_it_stands_for(shape: tuple[int, ...]) -> None:
    tensor = torch.randn(shape, dtype=torch.float64)
    matrix = (tensor.flatten(1) if len(shape) > 1 else tensor[None]).numpy()
    cells, (high, wide) = downsampled(TensorValues(tensor), most=4)
    assert max(cells.shape) <= 4
    for (row, column), cell in np.ndenumerate(cells):
        block = matrix[row * high : (row + 1) * high, column * wide : (column + 1) * wide]
        assert cell == pytest.approx(math.sqrt((block**2).mean()))
    assert (downsampled(TensorValues(tensor))[0] == matrix).all()


def test_a_cell_with_a_nan_has_none() -> None:
    tensor = torch.ones(8, 8)
    tensor[0, 7] = math.inf
    cells, _ = downsampled(TensorValues(tensor), most=4)
    assert math.isnan(cells[0, 3])
    assert np.isfinite(cells).sum() == 15


def test_kernels_are_of_the_first_convolution(table: ParameterTable, tmp_path: Path) -> None:
    said = {
        None: "8 filters; red, green and blue are the three channels",
        "depth.weight": "8 filters; a tile is a filter",
        "deep.weight": "16 of 20 filters; a row is a filter, a column a channel that it reads",
    }
    for name, text in said.items():
        table.plot(tmp_path / "k.svg", "kernels", name)
        assert any(word.startswith(text) for word in words(tmp_path / "k.svg"))


def test_norms_are_those_of_the_rows(table: ParameterTable, tmp_path: Path) -> None:
    tensor = torch.randn(50, 3, 2)
    assert row_norms(TensorValues(tensor)) == pytest.approx(tensor.flatten(1).norm(dim=1).double().numpy(), rel=1e-6)
    table.plot(tmp_path / "n.svg", "norms")
    assert "embed.weight · 900×16" in words(tmp_path / "n.svg")
    many = torch.ones(5000, 2)
    many[7] = math.nan
    fxviz.parameters({"w": many}).plot(tmp_path / "n.svg", "norms")
    assert "w · 5000×2, 1 row with NaN or infinity" in words(tmp_path / "n.svg")


@pytest.mark.parametrize(("suffix", "kinds"), [("svg", get_args(Kind)), ("png", ["heat"]), ("pdf", ["norms"])])
def test_pictures_are_the_same_bytes_each_time(
    suffix: str, kinds: list[Kind], table: ParameterTable, tmp_path: Path
) -> None:
    for kind in kinds:
        table.plot(tmp_path / f"a.{suffix}", kind)
        table.plot(tmp_path / f"b.{suffix}", kind)
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_names_are_shown_as_they_are(tmp_path: Path) -> None:
    names = ["<b>&", "$x$", "a\nb", "模型"]
    fxviz.parameters({name: torch.randn(3, 3) for name in names}).plot(tmp_path / "r.svg")
    assert {"<b>&", "$x$", "a\\nb", "模型"} <= set(words(tmp_path / "r.svg"))


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("rigde", None, "did you mean ridge"),
        ("heat", "absent", "has no parameter 'absent'"),
        ("ridge", "absent", "no module or parameter 'absent'"),
        ("kernels", "embed.weight", r"is not kernels .* \(900, 16\)"),
        ("norms", "norm.weight", "is not a matrix"),
    ],
)
def test_bad_orders_are_refused(kind: Kind, name: str | None, said: str, table: ParameterTable, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        table.plot(tmp_path / "p.svg", kind, name)
    with pytest.raises(InputError, match="name a file that ends in"):
        table.plot(tmp_path / "p.bmp", "ridge")
    assert not list(tmp_path.iterdir())


def test_nothing_to_draw(tmp_path: Path) -> None:
    for kind in get_args(Kind):
        with pytest.raises(InputError, match="no values to draw"):
            fxviz.parameters(nn.Identity()).plot(tmp_path / "p.svg", kind)
    lost = fxviz.parameters({"w": torch.full((2, 2), math.nan)})
    lost.plot(tmp_path / "h.svg", "heat")
    with pytest.raises(InputError, match="no row of w is finite"):
        lost.plot(tmp_path / "p.svg", "norms")
    with pytest.raises(InputError, match="no values to draw"):
        lost.plot(tmp_path / "p.svg", "ridge")


def test_a_missing_matplotlib_is_told(table: ParameterTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(MissingDependency, match="pip install"):
        table.plot(tmp_path / "p.svg")
