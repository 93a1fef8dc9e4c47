"""`fxviz.app`: what goes into the page, and what is refused. The page itself is looked at in test_app_page.py."""

from __future__ import annotations

import json
import math
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import pytest
import torch
from build import encoder
from click.testing import CliRunner
from torch import nn
from watched import made_run

import fxviz
from fxviz.cli import main
from fxviz.dashboard.training import run_data
from fxviz.errors import InputError, MissingDependency
from fxviz.exporters.drawing import graphviz

if TYPE_CHECKING:
    from pathlib import Path


def data_of(page: str, id: str = "fxviz-app") -> Any:
    (text,) = re.findall(rf'<script type="application/json" id="{id}">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)


def test_all_parts_are_on_the_page(net: nn.Module, run_folder: Path) -> None:
    app = fxviz.app(
        net, torch.empty(16, 1, 16, 16), run=run_folder, loss=lambda y: y.mean(), optimizer=torch.optim.Adam
    )
    data = data_of(app.html())
    assert [row["name"] for row in data["parameters"]] == [name for name, _ in net.named_parameters()]
    assert app.parameters is not None
    assert [row["numel"] for row in data["parameters"]] == [row.numel for row in app.parameters]
    for row, parameter in zip(data["parameters"], net.state_dict().values(), strict=True):
        assert sum(row["values"]["counts"]) == parameter.numel()
        assert (
            row["values"]["edges"][0] <= float(parameter.min()) <= float(parameter.max()) <= row["values"]["edges"][1]
        )
    assert [use["title"] for use in data["memory"]] == ["Inference", "A training step"]
    assert {"optimizer", "gradient"} <= {name for name, _ in data["memory"][1]["categories"]}
    assert data["run"]["done"] == 200
    assert data_of(app.html(), "fxviz-graph")["timeline"] is None  # it is in the tab of memory


def test_equal_apps_give_equal_pages(run_folder: Path) -> None:
    pages = {fxviz.app(encoder(2), run=run_folder).html() for _ in range(2)}
    assert len(pages) == 1


def test_a_notebook_is_offered_the_page_and_words(run_folder: Path) -> None:
    formatters = pytest.importorskip("IPython.core.formatters", reason="IPython is not installed")
    app = fxviz.app(encoder(2), run=run_folder)
    shown, _ = formatters.DisplayFormatter().format(app)
    assert shown["text/plain"] == '<App: graph, parameters, run; .render("model.html") writes the page>'
    (frame,) = ET.fromstring(f"<p>{shown['text/html']}</p>")  # of names of the model, none ends the attribute
    assert frame.tag == "iframe"
    assert frame.get("srcdoc") == app.html().replace("\n", " ")  # XML reads a line's end in an attribute as a space


def test_without_graphviz_a_notebook_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphviz, "_program", no_graphviz)
    app = fxviz.app(encoder(2))
    assert app._repr_html_() == "<p>The page of this app cannot be written: pip install &lt;graphviz&gt;</p>"


def no_graphviz() -> str:
    raise MissingDependency("pip install <graphviz>")


def test_equal_layers_stand_apart_where_a_run_colours_them(run_folder: Path) -> None:
    folded, apart = fxviz.app(encoder(3)), fxviz.app(encoder(3), run=run_folder)
    assert folded.view is not None
    assert apart.view is not None
    assert "× 3" in str(data_of(folded.html(), "fxviz-graph"))
    assert "× 3" not in str(data_of(apart.html(), "fxviz-graph"))


def test_a_page_of_a_run_alone(run_folder: Path, tmp_path: Path) -> None:
    fxviz.app(run=run_folder).render(tmp_path / "run.html")
    page = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert re.findall(r'id="tab-(\w+)"', page) == ["training"]


def test_a_function_has_no_parameters() -> None:
    app = fxviz.app(lambda x: x.relu(), torch.empty(3))  # type: ignore[arg-type]
    assert re.findall(r'id="tab-(\w+)"', app.html()) == ["graph", "memory"]


@pytest.mark.parametrize("samples", [0, 1, 399, 400, 401, 5000])
def test_a_long_run_is_told_by_few_of_its_samples(samples: int) -> None:
    steps = run_data(made_run(samples))["steps"]
    assert len(steps) == min(samples, 400)
    assert steps == sorted(set(steps))
    if samples:
        assert (steps[0], steps[-1]) == (1, samples)


def test_a_deep_model_keeps_the_page_small() -> None:
    data = run_data(made_run(300, [f"layer{place}" for place in range(2000)]))
    assert len(data["steps"]) == 100
    assert [len(values) for metric in data["metrics"] for values in metric["values"]] == [100] * 2000


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_a_word(value: float) -> None:
    data = json.loads(json.dumps(run_data(made_run(2, value=value)), allow_nan=False))
    assert data["scalars"][0]["mean"] == [str(value)] * 2
    assert data["metrics"][0]["values"] == [[str(value)] * 2] * 2


def test_what_cannot_be_shown_is_said(run_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to show"):
        fxviz.app()
    with pytest.raises(InputError, match="loss is for a module"):
        fxviz.app(encoder(1), loss=lambda y: y)
    with pytest.raises(InputError, match="args is for a module"):
        fxviz.app(encoder(1), torch.empty(3))
    with pytest.raises(InputError, match="pass loss= too"):
        fxviz.app(nn.Linear(2, 2), torch.empty(1, 2), optimizer=torch.optim.SGD)
    with pytest.raises(InputError, match="no run at"):
        fxviz.app(run=tmp_path)
    with pytest.raises(InputError, match=r"ends in \.html"):
        fxviz.app(run=run_folder).render(tmp_path / "run.png")


def test_the_command_writes_the_page(run_folder: Path, tmp_path: Path) -> None:
    encoder(2).save(tmp_path / "graph.json")
    graph, page = str(tmp_path / "graph.json"), tmp_path / "page.html"
    done = CliRunner().invoke(main, ["app", graph, "--run", str(run_folder), "-o", str(page)])
    assert done.exit_code == 0, done.output
    assert page.read_text(encoding="utf-8") == fxviz.app(fxviz.load(graph), run=run_folder).html()
    for arguments, words in (
        (["-o", "page.svg"], "ends in .html"),
        (["--run", "absent", "-o", str(page)], "no run at absent"),
        (["--loss", "own", "-o", str(page)], "add --train"),
    ):
        done = CliRunner().invoke(main, ["app", graph, *arguments])
        assert done.exit_code != 0
        assert words in done.output
