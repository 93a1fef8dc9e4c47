"""`fxviz.export` and `fxviz.render`: any format, whole files or none."""

import json
from pathlib import Path

import pytest
from build import Builder

import fxviz
from fxviz import Facts, Graph, InputError, View, output


def chain(blocks: int = 3, width: int = 1) -> Graph:
    """Blocks that differ, so that none folds: each has a wider weight than the last."""
    build = Builder("chain")
    x = build.input("x", 2, 8)
    for index in range(blocks):
        with build.module(f"b{index}", "Block"):
            for _ in range(width):
                x = build.op("relu", x)
            x = build.op("linear", x, build.parameter("weight", 8 + index, 8), kernel="aten.mm.default")
    return build.graph(x)


FORMATS = ["text", "markdown", "csv", "json", "dot", "mermaid", "onnx", "svg"]


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_is_what_render_gives(format: str, tmp_path: Path) -> None:
    graph = chain()
    content = fxviz.render(graph, format)
    assert content
    fxviz.export(graph, tmp_path / "file", format=format)
    written = (tmp_path / "file").read_bytes()
    assert written == (content if isinstance(content, bytes) else content.encode())
    assert fxviz.render(Facts(graph), format) == content


def test_the_suffix_names_the_format(tmp_path: Path) -> None:
    graph = chain()
    for suffix, format in {"md": "markdown", "MMD": "mermaid", "txt": "text", "gv": "dot"}.items():
        fxviz.export(graph, tmp_path / f"a.b.{suffix}")
        assert (tmp_path / f"a.b.{suffix}").read_text() == fxviz.render(graph, format)


def test_a_view_is_written_as_it_is() -> None:
    graph = chain()
    closed = fxviz.render(View.of(graph, depth=0), "csv")
    assert isinstance(closed, str)
    assert len(closed.splitlines()) == 5  # heads, three blocks, the total


def test_json_is_the_whole_graph_whatever_is_shown(tmp_path: Path) -> None:
    graph = chain()
    fxviz.export(View.of(graph, depth=0), tmp_path / "g.json")
    assert str(fxviz.load(tmp_path / "g.json")) == str(graph)


def test_a_picture_shows_what_fits_on_a_page_and_a_format_for_programs_shows_all() -> None:
    graph = chain(3, width=output.READABLE)
    picture, whole = (output.default_view(graph, format) for format in ("mermaid", "csv"))
    assert sum(1 for _ in picture.walk()) <= output.READABLE
    assert sum(1 for _ in whole.walk()) > output.READABLE


def test_options_reach_the_exporter() -> None:
    assert fxviz.render(chain(), "dot", direction="LR") != fxviz.render(chain(), "dot")
    with pytest.raises(InputError, match="'dot' has no option 'directoin'; did you mean direction"):
        fxviz.render(chain(), "dot", directoin="LR")


def test_what_cannot_be_written(tmp_path: Path) -> None:
    graph = chain()
    with pytest.raises(InputError, match="cannot tell the format of 'model': it has no suffix"):
        fxviz.export(graph, "model")
    with pytest.raises(InputError, match="unknown format 'docx'"):
        fxviz.export(graph, tmp_path / "model.docx")
    with pytest.raises(InputError, match="expected a View, a Graph or Facts, got Linear; trace the model first"):
        fxviz.render(type("Linear", (), {})(), "svg")
    with pytest.raises(InputError, match=r"cannot write .*model\.svg"):
        fxviz.export(graph, tmp_path / "no" / "model.svg")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write .*model\.svg"):
        fxviz.export(graph, tmp_path / "file" / "model.svg")
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(InputError, match="it is a folder"):
        fxviz.export(graph, tmp_path / "folder.svg")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.svg"]


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    fxviz.export(chain(), path)
    before = path.read_text()
    with pytest.raises(InputError):
        fxviz.export(chain(5), path, format="nope")
    assert path.read_text() == before
    assert json.loads(before)
    assert [file.name for file in tmp_path.iterdir()] == ["model.json"]
