"""What exporters declare, and that it holds for what they write."""

import json
from dataclasses import FrozenInstanceError, dataclass
from pathlib import Path

import pytest
import torch
from build import Builder
from torch import nn

import fxviz
from fxviz import ExportError, Graph, InputError, View, plugins
from fxviz.errors import PluginError
from fxviz.exporters.base import Exporter, Written, exporter_options, find_exporter, make_exporter, runnable_form

FORMATS = plugins.plugin_names("fxviz.exporters")

DECLARED = {
    # name: whole, drawn, binary, embedding, language
    "csv": (True, False, False, "code", "csv"),
    "dot": (False, True, False, "code", "dot"),
    "html": (True, True, False, "link", "text"),
    "json": (True, False, False, "code", "json"),
    "markdown": (False, True, False, "markdown", "markdown"),
    "mermaid": (False, True, False, "code", "mermaid"),
    "model-explorer": (True, False, False, "code", "json"),
    "model-explorer-data": (True, False, False, "code", "json"),
    "netron-metrics": (True, False, False, "code", "json"),
    "onnx": (True, False, True, "link", "text"),
    "onnx-runnable": (True, False, True, "link", "text"),
    "png": (False, True, True, "picture", "text"),
    "svg": (False, True, False, "picture", "text"),
    "text": (False, True, False, "code", "text"),
}


@pytest.fixture(scope="module")
def graph() -> Graph:
    return fxviz.trace(nn.Sequential(nn.Linear(32, 16), nn.ReLU()).eval(), torch.randn(2, 32))


@pytest.mark.parametrize("name", DECLARED)
def test_what_is_declared(name: str) -> None:
    kind = find_exporter(name)
    assert (kind.whole, kind.drawn, kind.binary, kind.embedding, kind.language) == DECLARED[name]


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_written_is_as_declared(name: str, graph: Graph, tmp_path: Path) -> None:
    exporter = make_exporter(f".{name}", {})
    view = View.of(graph, show=(fxviz.Flops(),))
    content = exporter.export(view)
    assert isinstance(content, bytes) is exporter.binary
    written = exporter.write(view, tmp_path / "file")
    assert (written.path, written.beside) == (tmp_path / "file", ())
    assert written.path.read_bytes() == (content if isinstance(content, bytes) else content.encode())
    if exporter.language == "json":
        json.loads(content)


def test_a_runnable_form_is_runnable_itself() -> None:
    forms = {kind.runnable for kind in map(find_exporter, DECLARED)} - {None}
    assert forms == {"onnx-runnable"}
    assert runnable_form(".onnx") == runnable_form("onnx-runnable") == "onnx-runnable"
    with pytest.raises(InputError, match="only ONNX is runnable, not 'svg'"):
        runnable_form(".svg")


def test_weights_beside_a_model_are_written_and_told_but_not_returned(graph: Graph, tmp_path: Path) -> None:
    view = View.of(graph)
    for name in ("onnx", "onnx-runnable"):
        exporter = make_exporter(name, {"data": True, "external_data": True})
        written = exporter.write(view, tmp_path / "m.onnx")
        assert written.beside == (tmp_path / "m.onnx.data",)
        assert written.beside[0].stat().st_size >= 4 * 32 * 16  # the weight, in float32
        assert str(written).startswith(f"{tmp_path / 'm.onnx'} and {tmp_path / 'm.onnx.data'}")
        with pytest.raises(ExportError, match="write it to a file"):
            exporter.export(view)


# What a plugin may offer ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Names:
    """As little as an exporter can be."""

    between: str = "\n"

    def export(self, view: View) -> str:
        return self.between.join(node.name for node in view.graph.nodes)


class Bare:
    whole = True

    def export(self, view: View) -> str:
        return view.graph.name


@dataclass(frozen=True)
class Pair:
    """Writes two files, and declares nothing else."""

    def export(self, view: View) -> str:
        return view.graph.name

    def write(self, view: View, path: str | Path) -> Written:
        beside = Path(path).with_suffix(".more")
        for file in (Path(path), beside):
            file.write_text(self.export(view), encoding="utf-8")
        return Written(Path(path), (beside,))


def offer(monkeypatch: pytest.MonkeyPatch, plugin: object) -> None:
    monkeypatch.setattr("fxviz.exporters.base.load_plugin", lambda group, name: plugin)


def small() -> View:
    build = Builder("small")
    x = build.input("x", 2)
    return View.of(build.graph(build.op("tanh", build.op("relu", x))))


def test_a_class_with_export_alone_has_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    offer(monkeypatch, Names)
    kind = find_exporter("names")
    assert (kind.whole, kind.drawn, kind.binary, kind.embedding, kind.runnable) == (False, True, False, "code", None)
    assert exporter_options(kind) == ("between",)
    exporter = make_exporter("names", {"between": " "})
    assert isinstance(exporter, Names)
    assert isinstance(exporter, Exporter)
    assert exporter.export(small()) == "relu tanh"
    assert exporter.write(small(), tmp_path / "a.names") == Written(tmp_path / "a.names")
    assert (tmp_path / "a.names").read_text(encoding="utf-8") == "relu tanh"
    with pytest.raises(FrozenInstanceError):
        exporter.between = ","
    with pytest.raises(InputError, match="'names' has no option 'betwen'; did you mean between"):
        make_exporter("names", {"betwen": " "})


def test_what_a_class_declares_goes_before_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, Bare)
    assert find_exporter("bare").whole
    assert exporter_options(find_exporter("bare")) == ()


def test_a_class_may_write_more_than_one_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    offer(monkeypatch, Pair)
    fxviz.export(small(), tmp_path / "a.pair", format="pair")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.more", "a.pair"]


@pytest.mark.parametrize("plugin", [json.dumps, 3, dict])
def test_what_is_not_an_exporter_is_refused(plugin: object, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, plugin)
    with pytest.raises(PluginError, match=r"the format 'odd' is .*not a class with a method export"):
        find_exporter("odd")
