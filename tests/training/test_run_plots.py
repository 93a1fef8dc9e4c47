"""Pictures of runs say what the table says, whatever draws them, and `fxviz runs` writes them."""

from __future__ import annotations

import json
import math
import re
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from test_reading_runs import META, sample, written

import fxviz
from fxviz.cli import main
from fxviz.errors import InputError, MissingDependency
from fxviz.training.schema import Layer, Sample
from fxviz.training.statistics import Summary

if TYPE_CHECKING:
    from pathlib import Path

    from fxviz.training.plots import Backend

pytestmark = pytest.mark.usefixtures("one_thread")

pytest.importorskip("matplotlib")

SVG = "{http://www.w3.org/2000/svg}"
NASTY = ["conv <b>&", '"q" $x$ {y}', "new\nline \x07", "日本"]


def a_run(folder: Path, layers: int = 4, steps: int = 12, start: float = 1.0) -> fxviz.Run:
    names = [NASTY[place] if place < len(NASTY) else f"layer{place}" for place in range(layers)]
    meta = replace(META, layers=tuple(Layer(name, "Linear") for name in names))
    entries = [
        Sample(
            step,
            float(step),
            10,
            {"loss": Summary(10, start / step, 0.1, 0.5 / step, 2 / step)},
            {
                "grad_norm": tuple(
                    10.0**-place / step if place != 1 else (math.nan, None)[step % 2] for place in range(layers)
                )
            },
        )
        for step in range(1, steps + 1)
    ]
    return fxviz.load_run(written(folder, *entries, meta=meta))


def words(path: Path) -> list[str]:
    return ["".join(text.itertext()) for text in ET.parse(path).iter(f"{SVG}text")]


@pytest.mark.parametrize("backend", ["matplotlib", "seaborn"])
@pytest.mark.parametrize("layers", [4, 14], ids=["lines", "heat map"])
def test_every_layer_is_named(backend: Backend, layers: int, tmp_path: Path) -> None:
    pytest.importorskip(backend)
    run = a_run(tmp_path / "run", layers)
    run.plot("grad_norm", tmp_path / "a.svg", backend=backend)
    found = words(tmp_path / "a.svg")
    assert {"conv <b>&", "new\\nline \\x07", "日本"} <= set(found)
    assert "Norm of the gradient · run" in found
    assert "step" in found
    assert not [word for word in found if "mathdefault" in word]


@pytest.mark.parametrize("backend", ["matplotlib", "seaborn"])
@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_every_format_twice_the_same(backend: Backend, suffix: str, tmp_path: Path) -> None:
    pytest.importorskip(backend)
    run = a_run(tmp_path / "run")
    for name in ("one", "two"):
        run.plot("loss", tmp_path / f"{name}{suffix}", backend=backend)
    one = (tmp_path / f"one{suffix}").read_bytes()
    assert one == (tmp_path / f"two{suffix}").read_bytes()
    assert one.startswith({".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}[suffix])


def test_a_line_is_where_its_values_are(tmp_path: Path) -> None:
    """Of a loss that falls as 1/step, drawn with a logarithmic axis, equal factors are equal heights."""
    a_run(tmp_path / "run", steps=64).plot("loss", tmp_path / "a.svg")
    longest = max((path.get("d", "") for path in ET.parse(tmp_path / "a.svg").iter(f"{SVG}path")), key=len)
    band, line = "Z" in longest.upper(), []
    for path in ET.parse(tmp_path / "a.svg").iter(f"{SVG}path"):
        points = [(float(x), float(y)) for x, y in re.findall(r"[ML] (\S+) (\S+)", path.get("d", ""))]
        if len(points) >= 50 and "fill: none" in path.get("style", ""):
            line = points
    assert band
    heights = [y for _, y in line]
    assert heights == sorted(heights)  # y grows downwards
    places = {round(x): y for x, y in line}
    assert len(places) >= 50
    widths = [x for x, _ in line]
    unit = (widths[-1] - widths[0]) / 63
    at = {step: y for step in (1, 4, 16, 64) for x, y in line if abs(x - widths[0] - (step - 1) * unit) < unit / 3}
    assert at[4] - at[1] == pytest.approx(at[16] - at[4], rel=0.02)
    assert at[16] - at[4] == pytest.approx(at[64] - at[16], rel=0.02)


class Scripts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize("layers", [4, 14], ids=["lines", "heat map"])
def test_a_page_needs_no_network_and_runs_no_name(layers: int, tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    run = a_run(tmp_path / "run", layers)
    run.plot("grad_norm", tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    parser = Scripts()
    parser.feed(page)
    assert not [attributes for _, attributes in parser.tags if {"src", "href"} & set(attributes)]
    assert len(page) > 3_000_000  # plotly itself is in it
    data = page[page.rindex("Plotly.newPlot") :]
    assert "<b>" not in data
    traces = json.loads(re.search(r"\[\{.*?\}\](?=,\s*\{)", data, re.DOTALL)[0])
    names = [trace.get("name") for trace in traces] if layers == 4 else traces[0]["y"]
    assert names[0] == "conv &lt;b&gt;&amp;"
    assert "日本" in names


def test_several_runs_are_lines_of_one_picture(tmp_path: Path) -> None:
    for name in ("one", "two"):
        a_run(tmp_path / "runs" / name)
    runs = fxviz.open_runs(str(tmp_path / "runs/*"))
    runs.plot("loss", tmp_path / "a.svg")
    assert {"one", "two", "Loss · 2 runs", "loss, mean and range"} <= set(words(tmp_path / "a.svg"))
    runs.plot("grad_norm", tmp_path / "b.svg")
    assert words(tmp_path / "b.svg").count("日本") == 2


def test_runs_that_have_little_to_show(tmp_path: Path) -> None:
    for number, value in enumerate([0.0, math.nan, -1.0]):
        run = fxviz.load_run(written(tmp_path / f"{number}", sample(1, loss=value)))
        for backend in ("matplotlib", "seaborn"):
            run.plot("loss", tmp_path / "a.png", backend=backend)
            run.plot("grad_norm", tmp_path / "a.png", backend=backend)


def test_what_cannot_be_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = a_run(tmp_path / "run")
    for metric, name, backend, message in (
        ("loss", "a.gif", "matplotlib", r"ends in \.svg, \.png, \.pdf"),
        ("loss", "a.png", "plotly", r"ends in \.html"),
        ("loss", "a.png", "gnuplot", "no backend 'gnuplot'; there are matplotlib, seaborn, plotly"),
        ("cost", "a.png", "matplotlib", "no 'cost' was recorded in run; there are loss, grad_norm"),
        ("loss", "no folder/a.png", "matplotlib", "cannot write"),
    ):
        with pytest.raises(InputError, match=message):
            run.plot(metric, tmp_path / name, backend=backend)
    with pytest.raises(InputError, match="for up to 6 runs, and 7 were given"):
        fxviz.Runs((run,) * 7).plot("grad_norm", tmp_path / "a.png")
    for backend, library in (("matplotlib", "matplotlib"), ("seaborn", "seaborn"), ("plotly", "plotly.subplots")):
        monkeypatch.setitem(sys.modules, library, None)
        with pytest.raises(MissingDependency, match="pip install 'fxviz"):
            run.plot("loss", tmp_path / ("a.html" if backend == "plotly" else "a.png"), backend=backend)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


# The command ----------------------------------------------------------------------------------------------------------


def test_the_command_prints_and_draws(tmp_path: Path) -> None:
    a_run(tmp_path / "one")
    a_run(tmp_path / "two", start=2.0)
    command = ["runs", str(tmp_path / "one"), str(tmp_path / "two")]
    for suffix in ("svg", "csv", "md"):
        result = CliRunner().invoke(main, [*command, "-o", str(tmp_path / f"a.{suffix}")])
        assert result.exit_code == 0, result.output
    assert "one: Net, 4 layers" in result.output
    assert result.output.count("Findings") == 2
    assert "Loss · 2 runs" in words(tmp_path / "a.svg")
    assert (tmp_path / "a.csv").read_text().startswith("run,step,layer,metric,value\n")
    assert (tmp_path / "a.md").read_text().startswith("| Run | Layer |")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nothing"], 1, "there is no run at nothing: it does not exist"),
        ([], 2, "Missing argument 'RUN...'"),
        (["run", "--metric", "loss"], 2, "--metric is for the file that is written: add -o FILE"),
        (["run", "-o", "a.gif"], 1, "cannot draw 'a.gif'"),
        (["run", "-o", "a.csv", "--backend", "plotly"], 1, "--backend draws, and a.csv is a table"),
        (["run", "-o", "a.svg", "--metric", "x"], 1, "no 'x' was recorded in any of the runs; there are loss"),
        (["bare", "-o", "a.svg"], 1, "no loss was logged: name what to write with --metric"),
    ],
)
def test_what_the_command_refuses(
    arguments: list[str], code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_run(tmp_path / "run")
    written(tmp_path / "bare", sample(1))
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["runs", *arguments])
    assert result.exit_code == code
    assert message in result.output
    assert not [path for path in tmp_path.iterdir() if path.suffix]
