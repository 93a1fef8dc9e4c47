"""Pictures of sweeps: what they say is what the grid has, and bad orders are refused before a file is touched."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

import fxviz
from fxviz.errors import InputError
from fxviz.exporters.figures.sweep import plot_sweep
from fxviz.passes.sweep import Grid, sweep_cost

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("matplotlib")

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def graph() -> fxviz.Graph:
    layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True).eval()
    return fxviz.trace(layer, torch.empty(2, 8, 32), dynamic_shapes=({0: "B", 1: "S"},))


def words(path: Path) -> list[str]:
    return ["".join(text.itertext()) for text in ET.parse(path).iter(f"{SVG}text")]


def grid_of(graph: fxviz.Graph, **sizes: Any) -> Grid:
    return sweep_cost(graph, **sizes)


def test_one_symbol_is_a_line_with_what_fits(graph: fxviz.Graph, tmp_path: Path) -> None:
    grid = grid_of(graph, B=range(1, 101), S=64)
    limit = int(grid["peak"][41, 0])  # of B = 42
    plot_sweep(grid, tmp_path / "line.svg", limit=limit)
    found = words(tmp_path / "line.svg")
    assert "Peak memory of TransformerEncoderLayer, S = 64" in found
    assert f"B up to 42 fits in {fxviz.format_quantity(limit, 'B')}" in found
    plot_sweep(grid, tmp_path / "line.svg", limit=1)
    assert "no B of these fits in 1 B" in words(tmp_path / "line.svg")


def test_two_symbols_are_a_map_with_the_limit(graph: fxviz.Graph, tmp_path: Path) -> None:
    grid = grid_of(graph, B=range(1, 65), S=[2**power for power in range(4, 12)])
    plot_sweep(grid, tmp_path / "map.svg", limit=3 * 2**18)
    found = words(tmp_path / "map.svg")
    assert {"B", "S", "16", "2048", "Peak memory of TransformerEncoderLayer"} <= set(found)
    assert "768 KiB" in found
    plot_sweep(grid, tmp_path / "map.svg", limit=2**50)
    assert "all of it fits in 1 PiB" in words(tmp_path / "map.svg")


@pytest.mark.parametrize("cost", ["matrix", "pointwise", "ops", "parameters"])
def test_every_cost_can_be_drawn(graph: fxviz.Graph, tmp_path: Path, cost: str) -> None:
    """Also one that is 0 everywhere, or the same."""
    for sizes in ({"B": range(1, 5), "S": 8}, {"B": range(1, 5), "S": [8, 16]}):
        plot_sweep(grid_of(graph, **sizes), tmp_path / "cost.svg", cost)
        assert words(tmp_path / "cost.svg")


def test_a_million_points_are_drawn_and_the_same_bytes_each_time(graph: fxviz.Graph, tmp_path: Path) -> None:
    grid = grid_of(graph, B=range(1, 1001), S=range(1, 1001))
    plot_sweep(grid, tmp_path / "map.svg")
    first = (tmp_path / "map.svg").read_bytes()
    plot_sweep(grid, tmp_path / "map.svg")
    assert (tmp_path / "map.svg").read_bytes() == first
    assert len(first) < 2**20
    plot_sweep(grid, tmp_path / "map.png")
    width, height = struct.unpack(">II", (tmp_path / "map.png").read_bytes()[16:24])
    assert width > height > 400


def test_what_cannot_be_drawn(graph: fxviz.Graph, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="0 symbols have several sizes"):
        plot_sweep(grid_of(graph, B=1, S=8), tmp_path / "none.svg")
    grid = grid_of(graph, B=range(1, 5), S=8)
    with pytest.raises(InputError, match=r"\.svg, \.png, \.pdf"):
        plot_sweep(grid, tmp_path / "grid.gif")
    with pytest.raises(InputError, match="'time'"):
        plot_sweep(grid, tmp_path / "grid.svg", "time")
    assert not [*tmp_path.iterdir()]


def test_conditions_are_below_it(tmp_path: Path) -> None:
    def forward(x: torch.Tensor) -> torch.Tensor:
        return x.cos() if x.shape[0] > 2 else x

    graph = fxviz.trace(forward, torch.empty(8), dynamic_shapes=({0: "N"},))
    plot_sweep(grid_of(graph, N=range(3, 9)), tmp_path / "guarded.svg", "pointwise")
    assert f"only if {graph.guards[0]}" in words(tmp_path / "guarded.svg")


# Tables ---------------------------------------------------------------------------------------------------------------


def test_tables_have_every_number(graph: fxviz.Graph) -> None:
    grid = grid_of(graph, B=[1, 2], S=[8, 16])
    head, *lines = grid.to_csv().splitlines()
    assert head == "B,S,matrix,pointwise,ops,parameters,peak"
    assert [line.split(",")[-1] for line in lines] == [str(peak) for peak in np.ravel(grid["peak"])]
    head, rule, *rows = grid.to_markdown(3).splitlines()
    assert head == "| B | S | matrix | pointwise | parameters | peak |"
    assert rule == "| ---: | ---: | ---: | ---: | ---: | ---: |"
    assert rows[0].startswith("| 1 | 8 | ")
    assert rows[3:] == ["", "… and 1 more"]
