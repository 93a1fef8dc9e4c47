"""Files that nobody should send: each ends in one clear `FormatError`, and opens nothing but itself."""

from __future__ import annotations

import struct
from pathlib import Path

import onnx
import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx import helper
from onnx_files import everything, info, model, numbers, read, untyped, weight

import fxviz
from fxviz.analysis.facts import Facts
from fxviz.errors import FormatError, InputError
from fxviz.importers.onnx import read_onnx
from fxviz.passes.flops import Flops
from fxviz.passes.memory import Memory
from fxviz.views.view import View

node = helper.make_node
X = info("x", 2, 3)


def refused(made: onnx.ModelProto, folder: Path) -> str:
    with pytest.raises(FormatError) as caught:
        read(made, folder)
    message = str(caught.value)
    assert message.startswith(str(folder))
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "neither a graph nor a version"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "not an ONNX model"),
        (b"not a model", "not an ONNX model"),
        (everything().SerializeToString()[:-7], "not an ONNX model, or it is cut off"),
        (onnx.GraphProto(name="alone").SerializeToString(), "neither a graph nor a version"),
    ],
)
def test_what_is_no_model(content: bytes, word: str, tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(content)
    with pytest.raises(FormatError, match=word):
        read_onnx(file)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_onnx(tmp_path / "absent.onnx")
    with pytest.raises(InputError, match="it is a folder"):
        read_onnx(tmp_path)
    with pytest.raises(InputError, match="null"):
        read_onnx("a\0b.onnx")


def test_a_file_too_large_for_protobuf_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "large.onnx"
    with file.open("wb") as handle:
        handle.truncate(2**31)  # a hole: it takes no space
    with pytest.raises(FormatError, match="less than 2 GiB"):
        read_onnx(file)


def test_newer_files_say_what_to_update(tmp_path: Path) -> None:
    made = everything()
    made.ir_version = onnx.IR_VERSION + 1
    assert "update onnx" in refused(made, tmp_path)
    made = everything()
    made.opset_import[0].version = onnx.defs.onnx_opset_version() + 1
    assert "update onnx" in refused(made, tmp_path)


def test_data_in_other_files_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tensor = weight("w", 3, 4)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../../etc/passwd")
    file = tmp_path / "model.onnx"
    file.write_bytes(model([node("MatMul", ["x", "w"], ["y"])], [X], [tensor]).SerializeToString())
    opened: list[str] = []
    read_bytes = Path.read_bytes
    monkeypatch.setattr("builtins.open", lambda name, *_, **__: opened.append(str(name)))
    monkeypatch.setattr(Path, "read_bytes", lambda path: opened.append(path.name) or read_bytes(path))
    (value,) = read_onnx(file).parameters
    assert str(value.type) == "float32[3, 4]"
    assert opened == ["model.onnx"]


def test_names_are_made_once_and_before_they_are_read(tmp_path: Path) -> None:
    cycle = model([node("Add", ["x", "b"], ["a"], name="first"), node("Relu", ["a"], ["b"])], [X])
    assert "the Add 'first' reads 'b' before it is made: the graph has a cycle" in refused(cycle, tmp_path)
    itself = model([node("Add", ["x", "a"], ["a"])], [X])
    assert "has a cycle" in refused(itself, tmp_path)
    missing = model([node("MatMul", ["x", "w"], ["y"], name="mm")], [X])
    assert "the MatMul 'mm' reads 'w', which nothing in the file makes" in refused(missing, tmp_path)
    twice = model([node("Relu", ["x"], ["y"]), node("Neg", ["x"], ["y"], name="n")], [X])
    assert "the Neg 'n' makes 'y', which is already there" in refused(twice, tmp_path)
    inputs = model([node("Relu", ["x"], ["y"])], [X, X])
    assert "'x', which is already there" in refused(inputs, tmp_path)


def test_functions_that_never_end_or_multiply(tmp_path: Path) -> None:
    opset = [helper.make_opsetid("", 23), helper.make_opsetid("f", 1)]

    def function(name: str, *calls: str) -> onnx.FunctionProto:
        inner = [node(call, ["a"], [f"b{place}"], domain="f") for place, call in enumerate(calls)]
        return helper.make_function("f", name, ["a"], [f"b{len(calls) - 1}"], inner, opset)

    endless = model([node("f0", ["x"], ["y"], domain="f")], [X], functions=[function("f0", "f1"), function("f1", "f0")])
    assert "'f0' calls itself" in refused(endless, tmp_path)
    doubling = [function(f"f{i}", f"f{i + 1}", f"f{i + 1}") for i in range(40)]
    last = helper.make_function("f", "f40", ["a"], ["b"], [node("Relu", ["a"], ["b"])], opset)
    bomb = model([node("f0", ["x"], ["y"], domain="f")], [X], functions=[*doubling, last])
    assert "more than 1,000,000 operations" in refused(bomb, tmp_path)


def test_claims_of_monstrous_ranks_and_extents(tmp_path: Path) -> None:
    for operator in ("Expand", "Reshape", "CenterCropPad"):
        claimed = model([node(operator, ["x", "s"], ["y"])], [X, info("s", 10**9, type=onnx.TensorProto.INT64)])
        assert read(claimed, tmp_path).outputs[0].type is None
    filled = model([node("ConstantOfShape", ["s"], ["y"])], [info("s", 10**9, type=onnx.TensorProto.INT64)])
    assert read(filled, tmp_path).outputs[0].type is None
    deep = model([node("Relu", ["x"], ["y"])], [info("x", *([1] * 100))])
    assert "100 dimensions" in refused(deep, tmp_path)
    huge = model([node("Relu", ["x"], ["y"])], [info("x", 2**62, 2**62)])
    assert Facts(read(huge, tmp_path))[Memory()].peak == 2 * 4 * 2**124
    assert "extent -5" in refused(model([node("Relu", ["x"], ["y"])], [info("x", -5)]), tmp_path)


def test_data_that_does_not_fit_its_shape(tmp_path: Path) -> None:
    tensor = numbers("s", 1, 2, 3)
    tensor.raw_data = struct.pack("<q", 1)
    made = model([node("Reshape", ["x", "s"], ["y"])], [X], [tensor])
    assert "other data than its shape" in refused(made, tmp_path)


def test_graphs_in_graphs_without_end(tmp_path: Path) -> None:
    body = helper.make_graph([node("Relu", ["x"], ["y"])], "b", [], [untyped("y")])
    for depth in range(30):
        outer = node("If", ["c"], [f"y{depth}"], then_branch=body, else_branch=body)
        body = helper.make_graph([outer], "b", [], [untyped(f"y{depth}")])
        if depth > 6:
            break  # both branches double it
    made = model([node("If", ["c"], ["out"], then_branch=body, else_branch=body)], [X, info("c", type=9)])
    assert (
        len(read(made, tmp_path).nodes) == 2**10 - 1
    )  # 9 levels of Ifs, and 2**9 operations in the innermost branches


def test_an_empty_graph_is_one(tmp_path: Path) -> None:
    graph = read(helper.make_model(helper.make_graph([], "empty", [], [])), tmp_path)
    assert (graph.nodes, graph.inputs, graph.outputs) == ((), (), ())


def test_the_command_line_says_it_in_one_line(tmp_path: Path) -> None:
    from fxviz.cli import main

    file = tmp_path / "bad.onnx"
    file.write_bytes(b"\x89PNG")
    result = CliRunner().invoke(main, ["summary", str(file)])
    assert result.exit_code == 1
    assert "is not an ONNX model" in result.output
    assert result.output.count("\n") == 1


_GOOD = everything().SerializeToString()


def _view() -> bytes:
    from build import encoder

    content = fxviz.render(encoder(3), "onnx")
    assert isinstance(content, bytes)
    return content


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spoilt") / "model.onnx"


edits = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 8), st.binary(max_size=6)), min_size=1, max_size=6
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([_GOOD, _view()]), edits)
@example(_GOOD, [(0.5, 0, b"\xff")])
def test_a_damaged_file_is_read_or_refused(spoilt: Path, content: bytes, edits: list[tuple[float, int, bytes]]) -> None:
    """Bytes are cut out and put in anywhere: what is read is a graph that every analysis takes."""
    for place, cut, put in edits:
        start = int(place * len(content))
        content = content[:start] + put + content[start + cut :]
    spoilt.write_bytes(content)
    try:
        graph = read_onnx(spoilt)
    except FormatError:
        return
    facts = Facts(graph)
    assert facts[Flops()].coverage <= 1
    assert facts[Memory()].label
    View.of(facts, show=(Flops(),))
